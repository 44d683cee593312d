//! Somebody whose signed tokens count.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use policy::{Token, TokenFault, TokenRules, Vouched};
use tokio::time::Instant;

use super::Identity;
use super::jwks::Jwks;
use super::key::Key;

/// An issuer with its keys; no other's are ever tried on its tokens.
#[derive(Debug, Clone)]
pub(crate) struct Issuer {
    pub(crate) name: Arc<str>,
    pub(crate) rules: TokenRules,
    pub(crate) keys: Keys,
}

/// Where its keys are.
#[derive(Debug, Clone)]
pub(crate) enum Keys {
    Known(Arc<[Key]>),
    Fetched(Arc<Jwks>),
}

impl Issuer {
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

    fn judge_by(&self, keys: &[Key], token: &Token<'_>) -> Result<Identity, TokenFault> {
        verify(keys, token)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let Vouched { subject, claims, ends } = self.rules.judge(token, now)?;
        let expires_at = ends.and_then(|ends| UNIX_EPOCH.checked_add(ends));
        Ok(Identity { issuer: Arc::clone(&self.name), subject, claims, rooms: Vec::new(), expires_at })
    }
}

/// Tries the keys that a token may be signed with: that of its name, and those without one.
fn verify(keys: &[Key], token: &Token<'_>) -> Result<(), TokenFault> {
    let is_named = |key: &&Key| match (key.kid(), token.kid()) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    let mut fault = TokenFault::Key;
    for key in
        keys.iter().filter(is_named).filter(|key| token.kid().is_some() || key.fits(token.algorithm())).take(TRIED_MAX)
    {
        match key.verify(token) {
            Ok(()) => return Ok(()),
            Err(another) => fault = another,
        }
    }
    Err(fault)
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
