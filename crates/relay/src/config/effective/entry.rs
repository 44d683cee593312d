//! One setting that holds.

use super::key::Key;
use crate::config::Place;
use crate::config::digest::Digest;
use crate::config::toml_text::Toml;

/// One setting that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) value: Shown,
    pub(crate) place: Place,
    /// What is behind the value: in the file or the variable that it names, or in it if it is a secret.
    pub(crate) contents: Option<Digest>,
}

/// A value, if anybody may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    Value(Toml),
    Secret,
}

impl Entry {
    pub(crate) fn secret(key: Key, place: Place, value: &str) -> Self {
        Self { key, value: Shown::Secret, place, contents: Some(Digest::of(value.as_bytes())) }
    }
}

/// Some have a key of an API there.
pub(crate) fn is_url_with_a_query(key: &str, value: &Toml) -> bool {
    key.ends_with("url") && value.as_str().contains('?')
}
