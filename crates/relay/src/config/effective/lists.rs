//! What stands in lists of tables, as it was written: issuers, static tokens, keys, namespaces and rules.
//!
//! Defaults of what a rule does not say are left out, and so is what says no more than they do: whoever writes
//! `volatile = false` changes nothing.

use std::collections::HashMap;
use std::path::Path;

use policy::{Auth, Policy, Rules, Scope};
use toml::de::{DeTable, DeValue};

use super::entry::{Entry, Shown, may_hold_a_secret};
use super::key::{Key, NamespaceKey};
use crate::config::Place;
use crate::config::digest::Digest;
use crate::config::notes::Notes;
use crate::config::report::Report;
use crate::config::toml_text::Toml;
use crate::config::unsaid::LEEWAY;

/// Notes what lists of tables of the file say. The files and variables that they name have been read.
pub(crate) struct Listing<'a, 'r> {
    pub(crate) notes: &'a mut Notes,
    pub(crate) report: &'a Report<'r>,
    pub(crate) folder: &'a Path,
}

impl Listing<'_, '_> {
    /// `[[auth.issuer]]`
    pub(crate) fn issuers(&mut self, value: &DeValue<'_>) {
        for table in tables(value) {
            let Some(iss) = text(table, "iss") else { continue };
            for (name, value) in table.iter().filter(|(name, _)| name.get_ref() != "iss") {
                let (at, name) = (name.span().start, name.get_ref().as_ref());
                let key = Key::Issuer { iss: iss.to_owned(), key: name.to_owned() };
                let (value, contents) = self.behind(name, value.get_ref());
                if may_hold_a_secret(name, &value) {
                    let place = self.report.place(at, None);
                    self.notes.listed.push(Entry::secret(key, place, value.as_str()));
                } else if name != "leeway_s" || value != Toml::seconds(LEEWAY) {
                    self.note(key, at, value);
                    self.notes.listed.last_mut().into_iter().for_each(|entry| entry.contents = contents);
                }
            }
        }
    }

    /// A value, and what is in the file or the variable that it names.
    fn behind(&self, name: &str, value: &DeValue<'_>) -> (Toml, Option<Digest>) {
        match value.as_str() {
            Some(file) if name.ends_with("_file") => {
                let path = self.folder.join(file);
                (Toml::path(&path), self.notes.contents_of(&path.to_string_lossy()))
            }
            Some(variable) if name.ends_with("_env") => (Toml::text(variable), self.notes.contents_of(variable)),
            _ => (Toml::of(value), None),
        }
    }

    /// `[[auth.token]]`
    pub(crate) fn tokens(&mut self, value: &DeValue<'_>) {
        for table in tables(value) {
            let Some(hash) = text(table, "sha256").map(str::to_ascii_lowercase) else { continue };
            // Enough to find it by, and too little to try tokens on.
            let name: String = hash.chars().take(8).collect();
            for (key, value) in table {
                let (at, key) = (key.span().start, key.get_ref().as_ref());
                let entry = Key::Token { hash: name.clone(), key: key.to_owned() };
                match (key, Toml::of(value.get_ref())) {
                    ("sha256", _) => self.notes.listed.push(Entry::secret(entry, self.report.place(at, None), &hash)),
                    ("claims", none) if none.as_str() == "{}" => {}
                    (_, value) => self.note(entry, at, value),
                }
            }
        }
    }

    /// `[[api.key]]`
    pub(crate) fn api_keys(&mut self, value: &DeValue<'_>) {
        for table in tables(value) {
            let Some(name) = text(table, "name") else { continue };
            for (key, value) in table.iter().filter(|(key, _)| key.get_ref() != "name") {
                let (at, key) = (key.span().start, key.get_ref().as_ref());
                let entry = Key::Program { name: name.to_owned(), key: key.to_owned() };
                match value.get_ref().as_str() {
                    Some(hash) if key == "sha256" => {
                        let place = self.report.place(at, None);
                        self.notes.listed.push(Entry::secret(entry, place, &hash.to_ascii_lowercase()));
                    }
                    _ => self.note(entry, at, Toml::of(value.get_ref())),
                }
            }
        }
    }

    /// `[[namespace]]`
    pub(crate) fn namespaces(&mut self, value: &DeValue<'_>) {
        for table in tables(value) {
            let Some(name) = text(table, "name") else { continue };
            for (key, value) in table.iter().filter(|(key, _)| key.get_ref() != "name") {
                let (at, key) = (key.span().start, key.get_ref().as_ref());
                match value.get_ref() {
                    rules if key == "rule" => tables(rules).for_each(|rule| self.rule(name, rule)),
                    DeValue::Table(door) => {
                        for (inside, value) in door {
                            let key = Key::of_namespace(name, &format!("{key}.{}", inside.get_ref()));
                            self.note(key, inside.span().start, Toml::of(value.get_ref()));
                        }
                    }
                    value => self.note(Key::of_namespace(name, key), at, Toml::of(value)),
                }
            }
        }
    }

    fn rule(&mut self, name: &str, rule: &DeTable<'_>) {
        let Some(on) = text(rule, "on") else { return };
        if !["to", "join", "leave"].into_iter().any(|key| rule.contains_key(key)) {
            self.notes.listed.push(said(Key::of_rule(name, on, "to"), Place::Default, Toml::text("all")));
        }
        for (key, value) in rule.iter().filter(|(key, _)| key.get_ref() != "on") {
            let (at, key) = (key.span().start, key.get_ref().as_ref());
            let value = match value.get_ref() {
                DeValue::Table(rate) if key == "rate" => {
                    self.rate(name, on, rate);
                    continue;
                }
                DeValue::Table(to) if key == "to" => {
                    Toml::table(to, |name, value| name != "except_sender" || value.as_str() != "false")
                }
                // The first is for the first argument.
                DeValue::Array(files) if key == "schema" => {
                    let files = files.iter().filter_map(|file| file.get_ref().as_str());
                    Toml::array(files.map(|file| Toml::path(&self.folder.join(file))).collect())
                }
                value => Toml::of(value),
            };
            if !is_default(key, &value, rule) {
                self.note(Key::of_rule(name, on, key), at, value);
            }
        }
    }

    fn rate(&mut self, name: &str, on: &str, rate: &DeTable<'_>) {
        let per_s = rate.get("per_s").map(|per_s| Toml::of(per_s.get_ref()));
        for (key, value) in rate {
            let (at, key, value) = (key.span().start, key.get_ref(), Toml::of(value.get_ref()));
            if !is_default_of_rate(key, &value, per_s.as_ref()) {
                self.note(Key::of_rule(name, on, &format!("rate.{key}")), at, value);
            }
        }
    }

    fn note(&mut self, key: Key, at: usize, value: Toml) {
        self.notes.listed.push(said(key, self.report.place(at, None), value));
    }
}

/// Whether a rule that does not say this says the same.
fn is_default(key: &str, value: &Toml, rule: &DeTable<'_>) -> bool {
    let schemas = rule.get("schema").and_then(|files| files.get_ref().as_array());
    match key {
        "volatile" | "require_member" => value.as_str() == "false",
        "count" => value.as_str() == "\"node\"",
        "binary" => value.as_str() == "\"allow\"",
        "args_min" => value.as_str() == schemas.map_or(0, |files| files.len()).to_string(),
        "bytes_max" => schemas.is_some() && value.as_str() == policy::Shape::BYTES_MAX_WITH_SCHEMA.to_string(),
        _ => false,
    }
}

fn is_default_of_rate(key: &str, value: &Toml, per_s: Option<&Toml>) -> bool {
    let number = |value: &Toml| value.as_str().parse::<u64>().ok();
    match key {
        "over" => value.as_str() == "\"slow\"",
        "burst" => number(value).zip(per_s.and_then(number)).is_some_and(|(burst, per_s)| burst == per_s * 2),
        _ => false,
    }
}

/// Notes the rules of a variable or a flag for the namespace `/`, in place of those of the file.
pub(crate) fn listed_rules(rules: &Rules, place: &Place, notes: &mut Notes) {
    notes.listed.retain(|entry| !is_rule_of(&entry.key, "/"));
    for (on, rule) in rules.iter() {
        let mut note = |key: &str, value: Toml| {
            notes.listed.push(said(Key::of_rule("/", on, key), place.clone(), value));
        };
        for (key, room) in [("join", &rule.join), ("leave", &rule.leave)] {
            room.iter().for_each(|room| note(key, Toml::text(room.as_str())));
        }
        let Some(relay) = &rule.relay else { continue };
        relay.emit.iter().for_each(|emit| note("emit", Toml::text(emit)));
        note("to", shown_scope(&relay.to));
    }
}

fn shown_scope(scope: &Scope) -> Toml {
    match scope {
        Scope::All => Toml::text("all"),
        Scope::Others => Toml::text("others"),
        Scope::Sender => Toml::text("sender"),
        // Only the file says more of a room.
        Scope::Room { room, .. } => Toml::plain(format_args!("{{ room = {} }}", Toml::text(room.as_str()))),
    }
}

fn is_rule_of(key: &Key, namespace: &str) -> bool {
    matches!(key, Key::Namespace { name, key: NamespaceKey::Rule { .. } } if name == namespace)
}

/// Notes that every event of a namespace goes to all, since nobody wrote a rule.
pub(crate) fn relays_all(name: &str, notes: &mut Notes) {
    notes.listed.push(said(Key::of_rule(name, "*", "to"), Place::Default, Toml::text("all")));
}

/// Notes whom a namespace lets in that does not say so itself.
pub(crate) fn lets_in(name: &str, auth: Auth, notes: &mut Notes) {
    let word = if auth == Auth::Required { "required" } else { "none" };
    notes.listed.push(said(Key::of_namespace(name, "auth"), Place::Default, Toml::text(word)));
}

/// Notes what is in the schemas of rules.
pub(crate) fn note_schemas(policy: &Policy, notes: &mut Notes) {
    let mut contents = HashMap::new();
    for (name, rules) in policy.namespaces() {
        for (on, rule) in rules.iter() {
            let Some(shape) = &rule.shape else { continue };
            let texts = shape.schemas.iter().map(|schema| schema.as_str().as_bytes());
            contents.insert(Key::of_rule(name.as_str(), on, "schema"), Digest::of_all(texts));
        }
    }
    for entry in &mut notes.listed {
        entry.contents = entry.contents.or_else(|| contents.get(&entry.key).copied());
    }
}

fn said(key: Key, place: Place, value: Toml) -> Entry {
    Entry { key, value: Shown::Value(value), place, contents: None }
}

/// The tables of a list of tables. What else it has was reported when it was read.
fn tables<'a>(value: &'a DeValue<'a>) -> impl Iterator<Item = &'a DeTable<'a>> {
    value.as_array().into_iter().flat_map(|array| array.iter()).filter_map(|element| element.get_ref().as_table())
}

fn text<'a>(table: &'a DeTable<'_>, key: &str) -> Option<&'a str> {
    table.get(key)?.get_ref().as_str()
}
