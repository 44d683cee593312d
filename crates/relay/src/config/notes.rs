//! What is noted while a configuration is read that is not in it: where things were said, and what stood behind names.

use std::collections::HashMap;

use super::Place;
use super::digest::Digest;
use super::effective::Entry;
use super::toml_text::Toml;

/// What is remembered of the reading.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    places: HashMap<&'static str, Place>,
    said: HashMap<&'static str, Toml>,
    contents: HashMap<String, Digest>,
    /// What lists of tables say: issuers, static tokens, namespaces and rules.
    pub(crate) listed: Vec<Entry>,
}

impl Notes {
    /// Where a setting was written, whatever was noted before.
    pub(crate) fn place(&mut self, key: &'static str, place: Place) {
        self.places.insert(key, place);
    }

    /// Where a setting was written last.
    pub(crate) fn place_of(&self, key: &str) -> Place {
        self.places.get(key).cloned().unwrap_or(Place::Default)
    }

    /// What was written, where the configuration has something else: what is behind it, or what follows from it.
    pub(crate) fn say(&mut self, key: &'static str, value: Toml) {
        self.said.insert(key, value);
    }

    pub(crate) fn said(&self, key: &str) -> Option<&Toml> {
        self.said.get(key)
    }

    /// What a file or a variable had when it was read.
    pub(crate) fn contents(&mut self, name: &str, bytes: &[u8]) {
        self.contents.insert(name.to_owned(), Digest::of(bytes));
    }

    pub(crate) fn contents_of(&self, name: &str) -> Option<Digest> {
        self.contents.get(name).copied()
    }
}
