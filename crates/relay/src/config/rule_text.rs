//! Rules as a flag or a variable has them: `ON[=EMIT][@SCOPE]`.

use policy::{Count, On, Relay, Rule, Rules, Scope, Template};

use super::rule_names::{parse_emit, parse_on, second_rule};
use super::written::{Written, Wrong};

/// Reads a list of rules.
pub(crate) fn rules(written: Written<'_>) -> Result<Rules, Wrong> {
    let mut rules = Rules::default();
    for element in written.elements(FORM)? {
        let (on, rule) = element.parsed(parse)?;
        if let Err(on) = rules.add(on, rule) {
            return Err(Wrong { message: second_rule(&on), offset: None });
        }
    }
    if rules.is_empty() { Err(written.wrong(FORM)) } else { Ok(rules) }
}

/// Takes one rule, or says what was expected.
///
/// The first `@` begins the scope and the first `=` before it the name that is sent: an event whose name has one
/// needs the file, a room's name may have either.
fn parse(text: &str) -> Result<(On, Rule), &'static str> {
    let (names, scope) = text.split_once('@').map_or((text, None), |(names, scope)| (names, Some(scope)));
    let (on, emit) = names.split_once('=').map_or((names, None), |(on, emit)| (on, Some(emit)));
    let on = parse_on(on)?;
    let emit = emit.map(parse_emit).transpose()?;
    let to = match scope.map(|scope| scope.split_once(':').unwrap_or((scope, ""))) {
        None | Some(("all", "")) => Scope::All,
        Some(("others", "")) => Scope::Others,
        Some(("sender", "")) => Scope::Sender,
        Some(("room", room)) => Scope::Room { room: Template::parse(room)?, except_sender: false },
        Some(("join" | "leave", _)) if emit.is_some() => return Err("no =EMIT before @join: or @leave:"),
        Some(("join", room)) => {
            return Ok((on, Rule { join: Some(Template::parse(room)?), ..Rule::default() }));
        }
        Some(("leave", room)) => {
            return Ok((on, Rule { leave: Some(Template::parse(room)?), ..Rule::default() }));
        }
        Some(_) => return Err("all, others, sender, room:NAME, join:NAME or leave:NAME after @"),
    };
    Ok((on, Rule { relay: Some(Relay { emit, to, volatile: false, count: Count::Node }), ..Rule::default() }))
}

const FORM: &str = "rules of the form ON[=EMIT][@SCOPE]";

#[cfg(test)]
mod tests {
    use super::*;

    /// What a rule does, in words.
    fn told(text: &str) -> String {
        let (on, rule) = match parse(text) {
            Ok(parsed) => parsed,
            Err(expected) => return format!("expected {expected}"),
        };
        let on = match on {
            On::Any => "any".to_owned(),
            On::Event(name) => name.to_string(),
        };
        match rule {
            Rule { join: Some(room), leave: None, relay: None, .. } => format!("{on} joins {room}"),
            Rule { leave: Some(room), join: None, relay: None, .. } => format!("{on} leaves {room}"),
            Rule {
                leave: None,
                join: None,
                relay: Some(Relay { emit, to, volatile: false, count: Count::Node }),
                ..
            } => {
                let emit = emit.map_or("itself".to_owned(), |emit| emit.to_string());
                match to {
                    Scope::Room { room, except_sender: false } => format!("{on} as {emit} to those in {room}"),
                    to => format!("{on} as {emit} to {to:?}"),
                }
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_rule_is_an_event_a_name_and_a_scope() {
        for (text, expected) in [
            ("update", "update as itself to All"),
            ("update@others", "update as itself to Others"),
            ("database-change=database-changed", "database-change as database-changed to All"),
            ("a=b@sender", "a as b to Sender"),
            ("*", "any as itself to All"),
            ("*@others", "any as itself to Others"),
            ("say@room:lobby", "say as itself to those in lobby"),
            ("say@room:a=b@c:d", "say as itself to those in a=b@c:d"),
            ("say@room:account:{args.0.id}", "say as itself to those in account:{args.0.id}"),
            ("enter@join:lobby", "enter joins lobby"),
            ("exit@leave:lobby", "exit leaves lobby"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn a_rule_that_cannot_work_says_what_was_expected() {
        let scopes = "expected all, others, sender, room:NAME, join:NAME or leave:NAME after @";
        for (text, expected) in [
            ("", "expected an event name"),
            ("@all", "expected an event name"),
            ("a=", "expected an event name"),
            ("a=*", "expected an event name (without \"emit\" each event keeps its own)"),
            ("a@", scopes),
            ("a@everyone", scopes),
            ("a@all:b", scopes),
            ("a@room", "expected the name of a room"),
            ("a@room:", "expected the name of a room"),
            ("a=b@join:c", "expected no =EMIT before @join: or @leave:"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }
}
