//! What stays as it was when everything began.

use std::fmt;

/// Settings that were to change, and cannot while there are sessions: they must be those with which it was built. Nothing
/// has changed then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchangeable {
    names: Vec<&'static str>,
}

impl Unchangeable {
    /// These, by the names of their fields; an error if there are any.
    ///
    /// # Errors
    /// [`Unchangeable`], unless `names` are none.
    pub fn unless_none(names: impl IntoIterator<Item = &'static str>) -> Result<(), Self> {
        let names: Vec<_> = names.into_iter().collect();
        if names.is_empty() { Ok(()) } else { Err(Self { names }) }
    }

    /// The names of their fields, one at least.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }
}

impl fmt::Display for Unchangeable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot change while it runs: {}", self.names.join(", "))
    }
}

impl std::error::Error for Unchangeable {}
