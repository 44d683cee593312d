//! Who may use the HTTP API: `[[api.key]]`.

use std::collections::HashSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::auth::parse_sha256;
use super::draft::{API_KEY, Draft};
use super::field::{Field, tables, unknown};
use super::report::Report;
use super::written::{Written, Wrong};
use crate::api::{Deed, KeyConfig, NamePattern};

/// The keys of a key.
pub(crate) const API_KEY_KEYS: [&str; 6] =
    ["api.key.name", "api.key.sha256", "api.key.may", "api.key.namespaces", "api.key.events", "api.key.rooms"];

/// Reads the value of the key `api.key`, which begins at `at`.
pub(crate) fn read_keys(at: usize, value: &Spanned<DeValue<'_>>, draft: &mut Draft, report: &mut Report<'_>) {
    let (mut keys, mut names, mut hashes) = (Vec::new(), HashSet::new(), HashSet::new());
    for (start, table) in tables(at, API_KEY, value, report) {
        let Some((at, key)) = read_key(start, table, report) else { continue };
        if !names.insert(key.name.clone()) {
            report.push(at, Some("api.key.name"), format!("expected each name once, found a second {:?}", key.name));
        } else if !hashes.insert(key.sha256) {
            report.push(at, Some("api.key.sha256"), "expected each key once, found a second".to_owned());
        } else {
            keys.push(key);
        }
    }
    draft.config.api.keys = keys;
}

/// A key, and where its name begins.
fn read_key(start: usize, table: &DeTable<'_>, report: &mut Report<'_>) -> Option<(usize, KeyConfig)> {
    let before = report.len();
    let (mut name, mut sha256, mut may) = (None, None, None);
    let (mut namespaces, mut events, mut rooms) = (None, None, None);
    for (its, value) in table {
        let (at, its) = (its.span().start, its.get_ref().as_ref());
        let key = format!("{API_KEY}.{its}");
        let mut patterns = || Field::read(report, &key, at, value, patterns);
        match its {
            "namespaces" => namespaces = patterns(),
            "events" => events = patterns(),
            "rooms" => rooms = patterns(),
            "name" => name = Field::read(report, &key, at, value, |name| name.parsed(parse_name)),
            "sha256" => sha256 = Field::read(report, &key, at, value, |hash| hash.parsed(parse_sha256)),
            "may" => may = Field::read(report, &key, at, value, deeds),
            other => unknown(report, at, API_KEY, other, &API_KEY_KEYS),
        }
    }
    let mut missing = |key: &str, is_missing: bool, expected: &str| {
        if is_missing && report.len() == before {
            report.push(start, Some(&format!("{API_KEY}.{key}")), format!("expected {expected}, found none"));
        }
    };
    missing("name", name.is_none(), NAME);
    missing("sha256", sha256.is_none(), "the SHA-256 of a key, 64 hexadecimal digits, as `fanfare key` prints it");
    missing("may", may.is_none(), DEEDS);
    if report.len() > before {
        return None;
    }
    let (name, sha256, may) = (name?, sha256?.value, may?.value);
    let of = |field: Option<Field<Vec<NamePattern>>>| field.map(|field| field.value);
    let (namespaces, events, rooms) = (of(namespaces), of(events), of(rooms));
    Some((name.at, KeyConfig { name: name.value, sha256, may, namespaces, events, rooms }))
}

fn parse_name(text: &str) -> Result<Box<str>, &'static str> {
    let is_name = (1..=64).contains(&text.len()) && text.chars().all(|letter| !letter.is_control());
    if is_name { Ok(text.into()) } else { Err(NAME) }
}

fn deeds(written: Written<'_>) -> Result<Vec<Deed>, Wrong> {
    let deed = |text: &str| Deed::WORDS.iter().find(|(word, _)| *word == text).map(|(_, deed)| *deed).ok_or(DEEDS);
    let deeds = written.list(DEEDS, deed)?;
    if deeds.is_empty() { Err(written.wrong(DEEDS)) } else { Ok(deeds) }
}

fn patterns(written: Written<'_>) -> Result<Vec<NamePattern>, Wrong> {
    let patterns = written.list("names, or beginnings with * behind them", NamePattern::parse)?;
    // Nothing is what a key without `may` is for.
    if patterns.is_empty() { Err(written.wrong("at least one name; leave it out for all")) } else { Ok(patterns) }
}

const NAME: &str = "a name of at most 64 bytes by which you know it, such as \"dashboard\"";

const DEEDS: &str = "a list of what it may: \"emit\", \"read\", \"move\", \"disconnect\"";
