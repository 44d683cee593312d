//! One rule, `[[namespace.rule]]`.

use std::path::Path;

use policy::{Condition, Count, EventName, On, Over, Rate, Relay, Rule, Rules, Scope, Shape, Template};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::shape::ShapeKeys;
use super::when;
use crate::config::field::{Field, members, tables, unknown};
use crate::config::report::Report;
use crate::config::rule_names::{parse_emit, parse_on, second_rule};
use crate::config::written::{Written, Wrong};

/// The keys of a rule.
pub(crate) const RULE_KEYS: [&str; 17] = [
    "namespace.rule.on",
    "namespace.rule.emit",
    "namespace.rule.to",
    "namespace.rule.volatile",
    "namespace.rule.count",
    "namespace.rule.join",
    "namespace.rule.leave",
    "namespace.rule.when",
    "namespace.rule.require_member",
    "namespace.rule.args_min",
    "namespace.rule.args_max",
    "namespace.rule.bytes_max",
    "namespace.rule.binary",
    "namespace.rule.schema",
    "namespace.rule.rate.per_s",
    "namespace.rule.rate.burst",
    "namespace.rule.rate.over",
];

pub(super) fn read_all(
    at: usize,
    value: &Spanned<DeValue<'_>>,
    folder: &Path,
    report: &mut Report<'_>,
) -> Option<Rules> {
    let before = report.len();
    let mut rules = Rules::default();
    for (start, table) in tables(at, "namespace.rule", value, report) {
        let Some((on, rule)) = read(start, table, folder, report) else { continue };
        if let Err(second) = rules.add(on.value, rule) {
            report.push(on.at, Some("namespace.rule.on"), second_rule(&second));
        }
    }
    (report.len() == before).then_some(rules)
}

/// What a rule says, key by key.
#[derive(Default)]
struct Keys {
    on: Option<Field<On>>,
    emit: Option<Field<EventName>>,
    to: Option<Field<Scope>>,
    volatile: Option<Field<bool>>,
    count: Option<Field<Count>>,
    join: Option<Field<Template>>,
    leave: Option<Field<Template>>,
    when: Option<Field<Vec<Condition>>>,
    require_member: Option<Field<bool>>,
    shape: ShapeKeys,
    rate: Option<(Rate, Over)>,
}

fn read(start: usize, table: &DeTable<'_>, folder: &Path, report: &mut Report<'_>) -> Option<(Field<On>, Rule)> {
    let before = report.len();
    let mut keys = Keys::default();
    for (name, value) in table {
        let at = name.span().start;
        let name = name.get_ref().as_ref();
        let key = &*format!("namespace.rule.{name}");
        let room = |written: Written<'_>| written.parsed(Template::parse);
        match name {
            "on" => keys.on = Field::read(report, key, at, value, |on| on.parsed(parse_on)),
            "emit" => keys.emit = Field::read(report, key, at, value, |emit| emit.parsed(parse_emit)),
            "to" => keys.to = Field::read(report, key, at, value, read_scope),
            "volatile" => keys.volatile = Field::read(report, key, at, value, Written::boolean),
            "count" => keys.count = Field::read(report, key, at, value, |count| count.word(&COUNTS)),
            "join" => keys.join = Field::read(report, key, at, value, room),
            "leave" => keys.leave = Field::read(report, key, at, value, room),
            "when" => keys.when = Field::read(report, key, at, value, when::read),
            "require_member" => keys.require_member = Field::read(report, key, at, value, Written::boolean),
            "rate" => keys.rate = read_rate(report, at, value),
            _ if keys.shape.read(report, (name, key), at, value, folder) => {}
            other => unknown(report, at, "namespace.rule", other, &RULE_KEYS),
        }
    }
    if report.len() > before {
        return None;
    }
    let Some(on) = keys.on.take() else {
        report.push(start, Some("namespace.rule.on"), "expected an event name or \"*\", found none".to_owned());
        return None;
    };
    let shape = keys.shape.finish(report);
    let rule = keys.finish(shape, report);
    (report.len() == before).then_some((on, rule))
}

impl Keys {
    /// Puts them together, and says which make no sense beside each other.
    fn finish(self, shape: Option<Box<Shape>>, report: &mut Report<'_>) -> Rule {
        let membership_only = self.to.is_none() && (self.join.is_some() || self.leave.is_some());
        if membership_only {
            // Nothing is sent, so these would say nothing.
            let at = [
                ("emit", self.emit.as_ref().map(|emit| emit.at)),
                ("volatile", at(self.volatile.as_ref())),
                ("count", at(self.count.as_ref())),
            ];
            for (key, at) in at.into_iter().filter_map(|(key, at)| Some((key, at?))) {
                report.push(at, Some(&format!("namespace.rule.{key}")), NEEDS_TO.to_owned());
            }
        }
        let has_room = matches!(self.to, Some(Field { value: Scope::Room { .. }, .. }));
        if let Some(Field { at, value: true }) = self.require_member
            && !has_room
        {
            let message = "expected to = { room = \"name\" } beside it: the room that its sender has to be in";
            report.push(at, Some("namespace.rule.require_member"), message.to_owned());
        }
        if let (Some(join), Some(leave)) = (&self.join, &self.leave)
            && join.value == leave.value
        {
            let message = format!("expected another room than \"join\" has, found {:?}", leave.value.as_str());
            report.push(leave.at, Some("namespace.rule.leave"), message);
        }
        let relay = (!membership_only).then(|| Relay {
            emit: self.emit.map(|emit| emit.value),
            to: self.to.map_or(Scope::All, |to| to.value),
            volatile: self.volatile.is_some_and(|volatile| volatile.value),
            count: self.count.map(|count| count.value).unwrap_or_default(),
        });
        Rule {
            rate: self.rate,
            when: self.when.map(|when| when.value).unwrap_or_default(),
            shape,
            require_member: self.require_member.is_some_and(|required| required.value),
            leave: self.leave.map(|room| room.value),
            join: self.join.map(|room| room.value),
            relay,
        }
    }
}

fn at<T>(field: Option<&Field<T>>) -> Option<usize> {
    field.map(|field| field.at)
}

fn read_scope(written: Written<'_>) -> Result<Scope, Wrong> {
    let expected = "\"all\", \"others\", \"sender\" or { room = \"name\" }";
    if let Written::Toml(value) = written
        && let DeValue::Table(table) = value.get_ref()
    {
        let known = |name: &str| ["room", "except_sender"].contains(&name);
        let is_known = table.keys().all(|name| known(name.get_ref()));
        let room = table.get("room").filter(|_| is_known).ok_or_else(|| written.wrong(expected))?;
        // Shown at `to`, not at what is inside.
        let inside = |wrong| Wrong { offset: None, ..wrong };
        let except_sender = table.get("except_sender").map_or(Ok(false), |except| Written::Toml(except).boolean());
        return Ok(Scope::Room {
            room: Written::Toml(room).parsed(Template::parse).map_err(inside)?,
            except_sender: except_sender.map_err(inside)?,
        });
    }
    match written.text(expected)? {
        "all" => Ok(Scope::All),
        "others" => Ok(Scope::Others),
        "sender" => Ok(Scope::Sender),
        _ => Err(written.wrong(expected)),
    }
}

fn read_rate(report: &mut Report<'_>, at: usize, value: &Spanned<DeValue<'_>>) -> Option<(Rate, Over)> {
    let (key, before) = ("namespace.rule.rate", report.len());
    let (mut per_s, mut burst, mut over) = (None, None, None);
    let expected = "{ per_s = number }, with \"burst\" and \"over\" if wanted";
    members(report, (at, key), value, expected, |report, at, name, value| {
        let key = &*format!("{key}.{name}");
        let events = |written: Written<'_>| written.whole("a whole number of events", 1..=RATE_MAX);
        match name {
            "per_s" => per_s = Field::read(report, key, at, value, events),
            "burst" => burst = Field::read(report, key, at, value, events),
            "over" => over = Field::read(report, key, at, value, |over| over.word(&OVER)),
            other => unknown(report, at, "namespace.rule.rate", other, &RULE_KEYS),
        }
    });
    let rate = per_s.and_then(|per_s| Rate::new(per_s.value, burst.map(|burst| burst.value)));
    if rate.is_none() && report.len() == before {
        report.wrong(at, key, value, Written::Toml(value).wrong(expected));
    }
    Some((rate?, over.map(|over| over.value).unwrap_or_default()))
}

const NEEDS_TO: &str = "expected \"to\" beside it: a rule with \"join\" or \"leave\" sends only if it says to whom";

const COUNTS: [(&str, Count); 2] = [("node", Count::Node), ("cluster", Count::Cluster)];

const OVER: [(&str, Over); 4] =
    [("slow", Over::Slow), ("refuse", Over::Refuse), ("drop", Over::Drop), ("close", Over::Close)];

const RATE_MAX: u32 = 1_000_000;
