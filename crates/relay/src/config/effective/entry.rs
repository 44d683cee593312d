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

/// Whether the value may hold a secret: some URLs have the key of an API in their query, and that of a Redis its password.
pub(crate) fn may_hold_a_secret(key: &str, value: &Toml) -> bool {
    match key {
        "admin.password_bcrypt" => true,
        "cluster.redis" => value.as_str().contains('@'),
        "cluster.sentinel_password" => true,
        _ => key.ends_with("url") && value.as_str().contains('?'),
    }
}
