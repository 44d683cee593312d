//! The members of a JSON object, each read by its name, so that what is wrong is said of it.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::bounded::Members;
use super::problem::Problem;

/// An object that is being read.
pub(crate) struct Fields {
    /// What stands before each name: nothing, or `items[3].`.
    before: String,
    members: BTreeMap<String, Box<RawValue>>,
}

impl Fields {
    /// A body.
    pub(crate) fn of_body(body: &[u8]) -> Result<Self, Problem> {
        let problem = |error: &dyn std::fmt::Display| {
            Problem::invalid_request(format!("expected a JSON object as the body: {error}"))
        };
        let text = std::str::from_utf8(body).map_err(|error| problem(&error))?;
        let Members(members) = serde_json::from_str(text).map_err(|error| problem(&error))?;
        Ok(Self { before: String::new(), members })
    }

    /// A value that has to be an object. `path` is where it stands.
    pub(crate) fn of(path: &str, value: &RawValue) -> Result<Self, Problem> {
        let wrong = |_| wrong(path.to_owned(), "an object with each of its members once", value);
        let Members(members) = serde_json::from_str(value.get()).map_err(wrong)?;
        Ok(Self { before: format!("{path}."), members })
    }

    /// Where a member stands.
    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}{name}", self.before)
    }

    /// A member that may be left out. `null` is not that: a value that is missing by mistake is not to mean "all".
    pub(crate) fn take<T: DeserializeOwned>(&mut self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        let Some(value) = self.members.remove(name) else { return Ok(None) };
        let is_null = value.get() == "null";
        match serde_json::from_str(value.get()) {
            Ok(read) if !is_null => Ok(Some(read)),
            _ => Err(wrong(self.path(name), expected, &value)),
        }
    }

    pub(crate) fn required<T: DeserializeOwned>(&mut self, name: &str, expected: &str) -> Result<T, Problem> {
        let found = self.take(name, expected)?;
        found.ok_or_else(|| Problem::invalid(self.path(name), format!("expected {expected}, found none")))
    }

    /// # Errors
    /// Something is left that nobody asked for: a slip, and what was meant would not be done.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.members.keys().next() {
            Some(name) => Err(Problem::invalid(self.path(name), "is not a field of this request")),
            None => Ok(()),
        }
    }
}

/// A value that is not what was expected, as much of it as a line has room for.
fn wrong(path: String, expected: &str, value: &RawValue) -> Problem {
    let mut shown: String = value.get().chars().take(SHOWN_MAX).collect();
    if shown.len() < value.get().len() {
        shown.push('…');
    }
    Problem::invalid(path, format!("expected {expected}, found {shown}"))
}

const SHOWN_MAX: usize = 60;
