//! What an operator's machine shows to be answered.

use std::fmt;
use std::hint::black_box;
use std::sync::{Arc, PoisonError, RwLock};

/// A bearer token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(Box<[u8]>);

impl Token {
    /// `None` if there is nothing in it.
    pub(crate) fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.as_bytes().into()))
    }

    /// The header that shows it.
    pub(crate) fn authorization(&self) -> String {
        format!("Bearer {}", String::from_utf8_lossy(&self.0))
    }

    /// Whether an `Authorization` header shows it. How long that takes says how long the header is, and nothing of the
    /// token.
    pub(crate) fn is_shown_by(&self, authorization: &[u8]) -> bool {
        let (scheme, given) = authorization.split_at_checked(SCHEME.len()).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return false;
        }
        let expected = self.0.iter().cycle();
        let differences =
            given.iter().zip(expected).fold(0, |all, (given, expected)| black_box(all | (given ^ expected)));
        differences == 0 && given.len() == self.0.len()
    }
}

/// The token that counts now, if there is one.
#[derive(Debug)]
pub(crate) struct TokenNow(RwLock<Option<Token>>);

impl TokenNow {
    pub(crate) fn new(token: Option<Token>) -> Arc<Self> {
        Arc::new(Self(RwLock::new(token)))
    }

    /// Has another one count, or none.
    pub(crate) fn set(&self, token: Option<Token>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// Whether there is one.
    pub(crate) fn is_set(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Whether an `Authorization` header shows it, if there is one.
    pub(crate) fn is_shown_by(&self, authorization: &[u8]) -> bool {
        let token = self.0.read().unwrap_or_else(PoisonError::into_inner);
        token.as_ref().is_none_or(|token| token.is_shown_by(authorization))
    }
}

const SCHEME: &[u8] = b"Bearer ";

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_shows_it() {
        let token = Token::new("sesame").unwrap();
        for (authorization, is_shown) in [
            ("Bearer sesame", true),
            ("bearer sesame", true),
            ("Bearer sesam", false),
            ("Bearer sesamesesame", false),
            ("Bearer sesamE", false),
            ("Bearer ", false),
            ("Basic sesame", false),
            ("", false),
        ] {
            assert_eq!(token.is_shown_by(authorization.as_bytes()), is_shown, "{authorization}");
        }
        assert_eq!(Token::new(""), None);
        assert_eq!(format!("{token:?}"), "Token(…)");
    }
}
