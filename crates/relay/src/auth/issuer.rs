//! Somebody whose signed tokens count.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, Validation};
use policy::{Token, TokenFault, TokenRules, Vouched};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::jwks::Jwks;
use super::key::Key;
use super::{Identity, Voucher};

/// An issuer with its keys; no other's are ever tried on its tokens.
#[derive(Debug, Clone)]
pub(crate) struct Issuer {
    pub(crate) name: Arc<str>,
    rules: TokenRules,
    /// What its tokens have to be, for each algorithm: a key is for those of one kind only.
    validations: Vec<Validation>,
    keys: Keys,
}

/// Where its keys are.
#[derive(Debug, Clone)]
pub(crate) enum Keys {
    Known(Arc<[Key]>),
    Fetched(Arc<Jwks>),
}

impl Issuer {
    pub(crate) fn new(rules: TokenRules, keys: Keys) -> Self {
        let validations = rules.algorithms.iter().map(|algorithm| validation(&rules, *algorithm)).collect();
        Self { name: (&*rules.issuer).into(), rules, validations, keys }
    }

    /// Judges a token by the keys that are there. `None` if others have to be fetched first.
    pub(crate) fn judge(&self, token: &Token<'_>) -> Option<Result<Identity, TokenFault>> {
        if let Err(fault) = self.rules.admit(token) {
            return Some(Err(fault));
        }
        match &self.keys {
            Keys::Known(keys) => Some(self.judge_by(keys, token)),
            Keys::Fetched(jwks) => {
                let judgement = self.judge_by(&jwks.keys()?, token);
                (!may_be_of_a_newer_key(&judgement, token)).then_some(judgement)
            }
        }
    }

    /// Judges a token by keys that may still have to be fetched. `None` if they cannot be in time.
    pub(crate) async fn judge_until(&self, token: &Token<'_>, until: Instant) -> Option<Result<Identity, TokenFault>> {
        let (Keys::Fetched(jwks), Ok(())) = (&self.keys, self.rules.admit(token)) else {
            return self.judge(token);
        };
        let keys = match jwks.keys() {
            Some(keys) => keys,
            None => jwks.first_keys(until).await?,
        };
        let judgement = self.judge_by(&keys, token);
        if may_be_of_a_newer_key(&judgement, token) {
            Some(self.judge_by(&jwks.newer_keys(until).await?, token))
        } else {
            Some(judgement)
        }
    }

    /// For how long none of its tokens can be judged.
    pub(crate) fn is_down(&self) -> Option<Duration> {
        match &self.keys {
            Keys::Known(_) => None,
            Keys::Fetched(jwks) => jwks.is_down(),
        }
    }

    /// How long ago its keys were fetched, if they are.
    pub(crate) fn keys_age(&self) -> Option<Duration> {
        match &self.keys {
            Keys::Known(_) => None,
            Keys::Fetched(jwks) => Some(jwks.age()),
        }
    }

    fn judge_by(&self, keys: &[Key], token: &Token<'_>) -> Result<Identity, TokenFault> {
        let claims = self.verify(keys, token)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let Vouched { subject, claims, ends } = self.rules.vouch(&claims, now)?;
        let expires_at = ends.and_then(|ends| UNIX_EPOCH.checked_add(ends));
        let voucher = Voucher { issuer: Arc::clone(&self.name), static_token: None };
        Ok(Identity { voucher, subject, claims, rooms: Vec::new(), expires_at })
    }

    /// Tries the keys that a token may be signed with: that of its name, and those without one.
    fn verify(&self, keys: &[Key], token: &Token<'_>) -> Result<Map<String, Value>, TokenFault> {
        let is_same = |validation: &&Validation| validation.algorithms.contains(&token.algorithm());
        let validation = self.validations.iter().find(is_same).ok_or(TokenFault::Algorithm)?;
        let is_named = |key: &&Key| match (key.kid(), token.kid()) {
            (Some(one), Some(other)) => one == other,
            (None, Some(_)) => true,
            (_, None) => key.fits(token.algorithm()),
        };
        let mut fault = TokenFault::Key;
        for key in keys.iter().filter(is_named).take(TRIED_MAX) {
            match key.verify(token, validation) {
                Err(another @ (TokenFault::Algorithm | TokenFault::Signature)) => fault = another,
                judged => return judged,
            }
        }
        Err(fault)
    }
}

/// What the library holds a token to.
fn validation(rules: &TokenRules, algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = rules.leeway.as_secs();
    // A token has ended in the second of its `exp` (RFC 7519, 4.1.4), and not after it.
    validation.reject_tokens_expiring_in_less_than = 1;
    validation.validate_nbf = true;
    validation.set_issuer(&[&rules.issuer]);
    validation.set_required_spec_claims(&["iss"]);
    match &rules.audience {
        Some(audience) => {
            validation.set_audience(audience);
            validation.set_required_spec_claims(&["iss", "aud"]);
        }
        None => validation.validate_aud = false,
    }
    validation
}

/// Whether a set that is fetched anew may judge otherwise.
fn may_be_of_a_newer_key(judgement: &Result<Identity, TokenFault>, token: &Token<'_>) -> bool {
    match judgement {
        Err(TokenFault::Key) => true,
        Err(TokenFault::Signature) => token.kid().is_none(),
        _ => false,
    }
}

/// How many keys are tried on a token, each of which takes some ten microseconds.
const TRIED_MAX: usize = 16;
