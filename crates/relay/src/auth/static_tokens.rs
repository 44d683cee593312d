//! Tokens that are known by themselves.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use super::config::StaticToken;
use super::{Identity, STATIC_TOKENS, Voucher};

/// All of them, by their hash.
///
/// They are looked up and not compared one by one in constant time: what is compared is a hash, and who does not know a
/// token cannot come nearer to its hash.
#[derive(Debug)]
pub(crate) struct StaticTokens {
    identities: HashMap<[u8; 32], Identity>,
}

impl StaticTokens {
    pub(crate) fn new(tokens: &[StaticToken]) -> Self {
        let issuer: Arc<str> = STATIC_TOKENS.into();
        let identity = |token: &StaticToken| Identity {
            voucher: Voucher { issuer: Arc::clone(&issuer), static_token: Some(Arc::new(token.sha256)) },
            subject: token.subject.clone(),
            claims: token.claims.clone(),
            rooms: Vec::new(),
            expires_at: None,
        };
        Self { identities: tokens.iter().map(|token| (token.sha256, identity(token))).collect() }
    }

    /// Who has this token.
    pub(crate) fn find(&self, token: &str) -> Option<&Identity> {
        if self.identities.is_empty() { None } else { self.identities.get(&sha256(token.as_bytes())) }
    }

    /// Whether a token of this hash counts.
    pub(crate) fn has(&self, sha256: &[u8; 32]) -> bool {
        self.identities.contains_key(sha256)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use policy::Claims;

    use super::*;

    #[test]
    fn a_token_is_found_by_its_hash_and_only_it() {
        let claims = Claims::parse(r#"{"sub":"sensor-1"}"#).unwrap();
        let token = StaticToken { sha256: sha256(b"secret"), subject: Some("sensor-1".into()), claims };
        let tokens = StaticTokens::new(&[token]);
        assert_eq!(tokens.find("secret").unwrap().subject.as_deref(), Some("sensor-1"));
        for other in ["", "Secret", "secret ", "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"] {
            assert_eq!(tokens.find(other), None);
        }
    }
}
