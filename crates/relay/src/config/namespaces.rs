//! The namespaces of the file, `[[namespace]]`, and their rules, `[[namespace.rule]]`.

use std::collections::HashSet;

use policy::{EventName, On, Relay, RoomName, Rule, Rules, Scope, parse_namespace};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::draft::NamespaceDraft;
use super::report::Report;
use super::suggest::suggestion;
use super::written::{Written, Wrong};

/// The key of the list of namespaces.
pub(crate) const KEY: &str = "namespace";

/// The keys of a namespace.
pub(crate) const NAMESPACE_KEYS: [&str; 2] = ["namespace.name", "namespace.rule"];

/// The keys of a rule.
pub(crate) const RULE_KEYS: [&str; 6] = [
    "namespace.rule.on",
    "namespace.rule.emit",
    "namespace.rule.to",
    "namespace.rule.volatile",
    "namespace.rule.join",
    "namespace.rule.leave",
];

/// Reads the value of the key `namespace`, which begins at `at`.
pub(crate) fn read(at: usize, value: &Spanned<DeValue<'_>>, report: &mut Report<'_>) -> Vec<NamespaceDraft> {
    let (mut namespaces, mut names) = (Vec::new(), HashSet::new());
    for (start, table) in tables(at, KEY, value, report) {
        let Some((at, namespace)) = read_namespace(start, table, report) else { continue };
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
fn read_namespace(start: usize, table: &DeTable<'_>, report: &mut Report<'_>) -> Option<(usize, NamespaceDraft)> {
    let mut name = None;
    let mut rules = Some(Rules::default());
    let before = report.len();
    for (key, value) in table {
        let at = key.span().start;
        match key.get_ref().as_ref() {
            "name" => name = Field::read(report, "namespace.name", at, value, |name| name.parsed(parse_namespace)),
            "rule" => rules = read_rules(at, value, report),
            other => unknown(report, at, "namespace", other, &NAMESPACE_KEYS),
        }
    }
    if name.is_none() && report.len() == before {
        report.push(start, Some("namespace.name"), "expected a name, such as \"/\", found none".to_owned());
    }
    let name = name?;
    Some((name.at, NamespaceDraft { name: name.value, rules: rules?, place: report.place(start, Some(KEY)) }))
}

fn read_rules(at: usize, value: &Spanned<DeValue<'_>>, report: &mut Report<'_>) -> Option<Rules> {
    let before = report.len();
    let mut rules = Rules::default();
    for (start, table) in tables(at, "namespace.rule", value, report) {
        let Some((on, rule)) = read_rule(start, table, report) else { continue };
        if let Err(second) = rules.add(on.value, rule) {
            report.push(on.at, Some("namespace.rule.on"), second_rule(&second));
        }
    }
    (report.len() == before).then_some(rules)
}

fn read_rule(start: usize, table: &DeTable<'_>, report: &mut Report<'_>) -> Option<(Field<On>, Rule)> {
    let before = report.len();
    let (mut on, mut emit, mut to, mut volatile, mut join, mut leave) = (None, None, None, None, None, None);
    for (name, value) in table {
        let at = name.span().start;
        match name.get_ref().as_ref() {
            "on" => on = Field::read(report, "namespace.rule.on", at, value, |on| on.parsed(parse_on)),
            "emit" => emit = Field::read(report, "namespace.rule.emit", at, value, |emit| emit.parsed(parse_emit)),
            "to" => to = Field::read(report, "namespace.rule.to", at, value, read_scope),
            "volatile" => volatile = Field::read(report, "namespace.rule.volatile", at, value, Written::boolean),
            "join" => join = Field::read(report, "namespace.rule.join", at, value, |room| room.parsed(RoomName::parse)),
            "leave" => {
                leave = Field::read(report, "namespace.rule.leave", at, value, |room| room.parsed(RoomName::parse));
            }
            other => unknown(report, at, "namespace.rule", other, &RULE_KEYS),
        }
    }
    if report.len() > before {
        return None;
    }
    let Some(on) = on else {
        report.push(start, Some("namespace.rule.on"), "expected an event name or \"*\", found none".to_owned());
        return None;
    };
    let membership_only = to.is_none() && (join.is_some() || leave.is_some());
    if membership_only {
        // Nothing is sent, so these would say nothing.
        for (key, at) in [("emit", emit.as_ref().map(|emit| emit.at)), ("volatile", volatile.as_ref().map(|v| v.at))] {
            if let Some(at) = at {
                let key = format!("namespace.rule.{key}");
                report.push(at, Some(&key), NEEDS_TO.to_owned());
            }
        }
    }
    if let (Some(join), Some(leave)) = (&join, &leave)
        && join.value == leave.value
    {
        let message = format!("expected another room than \"join\" has, found {:?}", leave.value.as_str());
        report.push(leave.at, Some("namespace.rule.leave"), message);
    }
    let relay = (!membership_only).then(|| Relay {
        emit: emit.map(|emit| emit.value),
        to: to.map_or(Scope::All, |to| to.value),
        volatile: volatile.is_some_and(|volatile| volatile.value),
    });
    let rule = Rule { leave: leave.map(|room| room.value), join: join.map(|room| room.value), relay };
    (report.len() == before).then_some((on, rule))
}

/// Takes an event name or `*`, or says what was expected.
pub(crate) fn parse_on(text: &str) -> Result<On, &'static str> {
    if text == "*" { Ok(On::Any) } else { EventName::parse(text).map(On::Event) }
}

/// Takes the name of the event that is sent, or says what was expected.
pub(crate) fn parse_emit(text: &str) -> Result<EventName, &'static str> {
    let any = "an event name (without \"emit\" each event keeps its own)";
    if text == "*" { Err(any) } else { EventName::parse(text) }
}

/// What is wrong with a second rule for the same event.
pub(crate) fn second_rule(on: &On) -> String {
    match on {
        On::Any => "expected one rule for each event, found a second for \"*\"".to_owned(),
        On::Event(name) => format!("expected one rule for each event, found a second for {:?}", name.as_str()),
    }
}

fn read_scope(written: Written<'_>) -> Result<Scope, Wrong> {
    let expected = "\"all\", \"others\", \"sender\" or { room = \"name\" }";
    if let Written::Toml(value) = written
        && let DeValue::Table(table) = value.get_ref()
    {
        let room = table.get("room").filter(|_| table.len() == 1).ok_or_else(|| written.wrong(expected))?;
        let name = Written::Toml(room).parsed(RoomName::parse);
        // Shown at `to`, not at the room inside.
        return name.map(Scope::Room).map_err(|wrong| Wrong { offset: None, ..wrong });
    }
    match written.text(expected)? {
        "all" => Ok(Scope::All),
        "others" => Ok(Scope::Others),
        "sender" => Ok(Scope::Sender),
        _ => Err(written.wrong(expected)),
    }
}

/// A value of a rule, and where its key begins.
pub(super) struct Field<T> {
    pub(super) at: usize,
    pub(super) value: T,
}

impl<T> Field<T> {
    pub(super) fn read<'a>(
        report: &mut Report<'_>,
        key: &str,
        at: usize,
        value: &'a Spanned<DeValue<'a>>,
        read: impl FnOnce(Written<'a>) -> Result<T, Wrong>,
    ) -> Option<Self> {
        match read(Written::Toml(value)) {
            Ok(value) => Some(Self { at, value }),
            Err(wrong) => {
                report.wrong(at, key, value, wrong);
                None
            }
        }
    }
}

/// The tables of a list of tables, and where each begins.
pub(super) fn tables<'a>(
    at: usize,
    key: &str,
    value: &'a Spanned<DeValue<'a>>,
    report: &mut Report<'_>,
) -> Vec<(usize, &'a DeTable<'a>)> {
    let expected = format!("[[{key}]], tables in double brackets");
    let DeValue::Array(array) = value.get_ref() else {
        report.wrong(at, key, value, Written::Toml(value).wrong(expected));
        return Vec::new();
    };
    let mut tables = Vec::new();
    for element in array {
        match element.get_ref() {
            DeValue::Table(table) => tables.push((element.span().start, table)),
            _ => report.wrong(at, key, value, Written::Toml(element).wrong(&expected)),
        }
    }
    tables
}

/// Reports a key that is not one of a section's.
pub(super) fn unknown(report: &mut Report<'_>, at: usize, section: &str, name: &str, known: &[&str]) {
    let key = format!("{section}.{}", name.escape_debug());
    let message = format!("is not a setting{}", suggestion(&key, known.iter().copied()));
    report.push(at, Some(&key), message);
}

const NEEDS_TO: &str = "expected \"to\" beside it: a rule with \"join\" or \"leave\" sends only if it says to whom";
