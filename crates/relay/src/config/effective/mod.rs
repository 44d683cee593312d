//! What holds: every setting with its value and where it comes from.

mod change;
mod entry;
mod held;
mod key;
mod lists;
mod page;

use serde::{Deserialize, Serialize};

pub(crate) use change::{Change, compare};
pub(crate) use entry::{Entry, Shown};
pub(crate) use held::Held;
pub(crate) use key::Key;
pub(crate) use lists::{Listing, lets_in, listed_rules, note_schemas, relays_all};
pub(crate) use page::page;

use entry::may_hold_a_secret;

use super::Config;
use super::digest::Digest;
use super::notes::Notes;
use super::settings::settings;
use super::toml_text::Toml;

/// Every setting that holds: those of the table in its order, then issuers, static tokens, keys, and namespaces with their rules,
/// by name. What has no value is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Effective {
    entries: Vec<Entry>,
}

/// One setting that holds, as it is told to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) key: String,
    /// In TOML; `None` if it is a secret.
    pub(crate) value: Option<Toml>,
    /// `relay.toml:12`, a variable, a flag, or `default`.
    pub(crate) from: String,
    /// Neither told to others nor known of them.
    #[serde(skip)]
    contents: Option<Digest>,
}

impl Effective {
    pub(super) fn new(config: &Config, notes: Notes) -> Self {
        let of_table = settings().filter_map(|setting| {
            let value = notes.said(setting.key).cloned().or_else(|| (setting.show)(config))?;
            let (key, place) = (Key::Setting(setting.key), notes.place_of(setting.key));
            Some(if may_hold_a_secret(setting.key, &value) {
                Entry::secret(key, place, value.as_str())
            } else {
                Entry { key, value: Shown::Value(value), place, contents: notes.contents_of(setting.key) }
            })
        });
        let mut entries: Vec<Entry> = of_table.collect();
        let mut listed = notes.listed;
        listed.sort_by(|one, other| one.key.cmp(&other.key));
        entries.append(&mut listed);
        Self { entries }
    }

    /// What is other in `new`, in the order in which they stand.
    pub(crate) fn changes(&self, new: &Self) -> Vec<Change> {
        compare(&self.lines(), &new.lines())
    }

    /// Each setting, without secrets.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let line = |entry: &Entry| Line {
            key: entry.key.to_string(),
            value: match &entry.value {
                Shown::Value(value) => Some(value.clone()),
                Shown::Secret => None,
            },
            from: entry.place.source(),
            contents: entry.contents,
        };
        self.entries.iter().map(line).collect()
    }
}
