//! Who asks, and for what its key is.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::config::{Deed, KeyConfig, NamePattern};
use super::problem::Problem;
use crate::auth::sha256;

/// All keys that count.
#[derive(Debug)]
pub(crate) struct Keys(Vec<Arc<Key>>);

/// A key, without what shows it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key(KeyConfig);

impl Keys {
    pub(crate) fn new(keys: &[KeyConfig]) -> Self {
        Self(keys.iter().map(|key| Arc::new(Key(key.clone()))).collect())
    }

    /// The key that an `Authorization` header shows. How long that takes says nothing of which it is, nor how much of it is
    /// right.
    pub(crate) fn shown_by(&self, authorization: &[u8]) -> Option<Arc<Key>> {
        let (scheme, given) = authorization.split_at_checked(SCHEME.len())?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return None;
        }
        let hash = sha256(given);
        let mut found = None;
        for key in &self.0 {
            if verify_slices_are_equal(&key.0.sha256, &hash).is_ok() {
                found = Some(Arc::clone(key));
            }
        }
        found
    }
}

impl Key {
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// # Errors
    /// It may not do that at all.
    pub(crate) fn may(&self, deed: Deed) -> Result<(), Problem> {
        if self.0.may.contains(&deed) { Ok(()) } else { Err(Problem::may_not(deed)) }
    }

    pub(crate) fn has_namespace(&self, name: &str) -> bool {
        takes(self.0.namespaces.as_deref(), name)
    }

    pub(crate) fn has_event(&self, name: &str) -> bool {
        takes(self.0.events.as_deref(), name)
    }

    pub(crate) fn has_room(&self, name: &str) -> bool {
        takes(self.0.rooms.as_deref(), name)
    }

    /// Whether it is for some rooms only: then everybody is not its to ask for.
    pub(crate) fn is_for_rooms(&self) -> bool {
        self.0.rooms.is_some()
    }

    /// # Errors
    /// It is for other rooms than this, which stands in `field`.
    pub(crate) fn check_room(&self, name: &str, field: impl Into<String>) -> Result<(), Problem> {
        if self.has_room(name) {
            return Ok(());
        }
        Err(Problem::out_of_scope(field, format!("this key is for other rooms than {name:?}")))
    }
}

fn takes(patterns: Option<&[NamePattern]>, name: &str) -> bool {
    patterns.is_none_or(|patterns| patterns.iter().any(|pattern| pattern.takes(name)))
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.0.name).finish()
    }
}

const SCHEME: &[u8] = b"Bearer ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_key_is_known_and_each_by_its_name() {
        let key = |name: &str, text: &str| KeyConfig {
            name: name.into(),
            sha256: sha256(text.as_bytes()),
            may: vec![Deed::Emit],
            namespaces: None,
            events: None,
            rooms: NamePattern::parse("account:*").ok().map(|pattern| vec![pattern]),
        };
        let keys = Keys::new(&[key("old", "one"), key("new", "two")]);
        for (shown, name) in [
            ("Bearer one", Some("old")),
            ("bearer two", Some("new")),
            ("Bearer on", None),
            ("Bearer onee", None),
            ("Bearer ", None),
            ("Basic one", None),
            ("one", None),
            ("", None),
        ] {
            assert_eq!(keys.shown_by(shown.as_bytes()).as_deref().map(Key::name), name, "{shown}");
        }
        let key = keys.shown_by(b"Bearer one").unwrap();
        assert!(key.may(Deed::Emit).is_ok() && key.may(Deed::Read).is_err());
        assert!(key.has_room("account:1") && !key.has_room("news") && key.has_event("x"));
        assert_eq!(format!("{key:?}"), "Key(\"old\")");
    }
}
