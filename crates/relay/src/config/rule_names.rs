//! Names in rules, wherever rules are written, and what is wrong with two of them.

use policy::{EventName, On};

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

/// What is wrong with two rooms that could be the same.
pub(crate) fn same_room((one, other): (&str, &str)) -> String {
    format!("expected rooms that cannot be the same by accident, found {one:?} and {other:?}")
}
