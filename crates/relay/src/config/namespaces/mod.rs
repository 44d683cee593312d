//! The namespaces of the file, `[[namespace]]`, and their rules, `[[namespace.rule]]`.

mod rule;
mod shape;
pub(crate) mod warnings;
mod when;

use std::collections::HashSet;
use std::path::Path;

use policy::{Auth, EventName, On, Pattern, Rules, Template, parse_namespace};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::draft::NamespaceDraft;
use super::report::Report;
use super::rule_names::{same_room, second_rule};
use super::written::{Written, Wrong};
use crate::config::field::{Field, members, tables, unknown};

#[cfg(test)]
pub(crate) use rule::RULE_KEYS;

/// The key of the list of namespaces.
pub(crate) const KEY: &str = "namespace";

/// The keys of a namespace.
pub(crate) const NAMESPACE_KEYS: [&str; 7] = [
    "namespace.name",
    "namespace.rule",
    "namespace.auth",
    "namespace.rooms",
    "namespace.join.on",
    "namespace.join.allow",
    "namespace.leave.on",
];

/// Reads the value of the key `namespace`, which begins at `at`. Paths are relative to `folder`.
pub(crate) fn read(
    at: usize,
    value: &Spanned<DeValue<'_>>,
    folder: &Path,
    report: &mut Report<'_>,
) -> Vec<NamespaceDraft> {
    let (mut namespaces, mut names) = (Vec::new(), HashSet::new());
    for (start, table) in tables(at, KEY, value, report) {
        let Some((at, namespace)) = read_namespace(start, table, folder, report) else { continue };
        if !names.insert(namespace.name.clone()) {
            let message = format!("expected each namespace once, found a second \"{}\"", namespace.name);
            report.push(at, Some("namespace.name"), message);
        } else {
            namespaces.push(namespace);
        }
    }
    namespaces
}

/// A namespace, and where its name begins.
fn read_namespace(
    start: usize,
    table: &DeTable<'_>,
    folder: &Path,
    report: &mut Report<'_>,
) -> Option<(usize, NamespaceDraft)> {
    let (mut name, mut auth, mut rooms) = (None, None, None);
    let (mut join, mut leave) = (Door::default(), Door::default());
    let mut rules = Some(Rules::default());
    let before = report.len();
    for (key, value) in table {
        let at = key.span().start;
        match key.get_ref().as_ref() {
            "name" => name = Field::read(report, "namespace.name", at, value, |name| name.parsed(parse_namespace)),
            "rule" => rules = rule::read_all(at, value, folder, report),
            "auth" => auth = Field::read(report, "namespace.auth", at, value, |auth| auth.word(&AUTH)),
            "rooms" => rooms = Field::read(report, "namespace.rooms", at, value, read_rooms),
            "join" => join = read_door(report, ("namespace.join", true), at, value),
            "leave" => leave = read_door(report, ("namespace.leave", false), at, value),
            other => unknown(report, at, "namespace", other, &NAMESPACE_KEYS),
        }
    }
    if name.is_none() && report.len() == before {
        report.push(start, Some("namespace.name"), "expected a name, such as \"/\", found none".to_owned());
    }
    let (name, mut rules) = (name?, rules?);
    rules.set_rooms(rooms.map(|rooms| rooms.value).unwrap_or_default());
    open_doors(&mut rules, join, leave, report);
    if let Some(both) = rules.overlap() {
        report.push(start, Some(KEY), same_room(both));
    }
    let (auth, place) = (auth.map(|auth| auth.value), report.place(start, Some(KEY)));
    Some((name.at, NamespaceDraft { name: name.value, auth, rules, place }))
}

/// An event by which clients move themselves, and for those that join, where to.
#[derive(Default)]
struct Door {
    on: Option<Field<EventName>>,
    allow: Option<Field<Vec<Pattern>>>,
}

fn read_door(
    report: &mut Report<'_>,
    (key, has_allow): (&str, bool),
    start: usize,
    value: &Spanned<DeValue<'_>>,
) -> Door {
    let (mut door, before) = (Door::default(), report.len());
    let expected = if has_allow { "{ on = \"event\", allow = [\"pattern\"] }" } else { "{ on = \"event\" }" };
    members(report, (start, key), value, expected, |report, at, name, value| match name {
        "on" => {
            door.on = Field::read(report, &format!("{key}.on"), at, value, |on| on.parsed(EventName::parse));
        }
        "allow" if has_allow => door.allow = Field::read(report, &format!("{key}.allow"), at, value, read_allow),
        other => unknown(report, at, key, other, &NAMESPACE_KEYS),
    });
    if report.len() == before && (door.on.is_none() || (has_allow && door.allow.is_none())) {
        report.wrong(start, key, value, Written::Toml(value).wrong(expected));
    }
    door
}

fn open_doors(rules: &mut Rules, join: Door, leave: Door, report: &mut Report<'_>) {
    let taken = |report: &mut Report<'_>, key, at, done: Result<(), On>| {
        if let Err(on) = done {
            report.push(at, Some(key), second_rule(&on));
        }
    };
    let is_there = join.on.is_some();
    if let (Some(on), Some(allow)) = (join.on, join.allow) {
        taken(report, "namespace.join.on", on.at, rules.set_join(on.value, allow.value));
    }
    if let Some(on) = leave.on {
        if !is_there {
            let message = "expected \"join\" beside it, which says what rooms these are".to_owned();
            report.push(on.at, Some("namespace.leave.on"), message);
        }
        taken(report, "namespace.leave.on", on.at, rules.set_leave(on.value));
    }
}

fn read_rooms(written: Written<'_>) -> Result<Vec<Template>, Wrong> {
    let rooms = written.list("the name of a room", Template::parse_at_connect)?;
    if rooms.is_empty() { Err(written.wrong("at least one room")) } else { Ok(rooms) }
}

fn read_allow(written: Written<'_>) -> Result<Vec<Pattern>, Wrong> {
    let allow = written.list("the name of a room, with `*` at the end for any", Pattern::parse)?;
    if allow.is_empty() { Err(written.wrong("at least one room")) } else { Ok(allow) }
}

const AUTH: [(&str, Auth); 3] = [("required", Auth::Required), ("optional", Auth::Optional), ("none", Auth::None)];
