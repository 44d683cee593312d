//! What an event means: the rules of one namespace.

use std::collections::HashMap;

use crate::names::{EventName, RoomName};

/// The rules of one namespace: at most one for each event, and at most one for all others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    // The standard hasher on purpose: it is looked up with names that strangers choose.
    by_event: HashMap<EventName, Rule>,
    wildcard: Option<Rule>,
}

impl Rules {
    /// Every event to everyone, under its own name: what holds where nobody wrote a rule.
    pub fn open() -> Self {
        let relay = Relay { emit: None, to: Scope::All, volatile: false };
        Self { by_event: HashMap::new(), wildcard: Some(Rule { join: None, leave: None, relay: Some(relay) }) }
    }

    /// Adds a rule; gives `on` back if there is one for it already.
    pub fn add(&mut self, on: On, rule: Rule) -> Result<(), On> {
        match on {
            On::Any if self.wildcard.is_some() => Err(On::Any),
            On::Any => {
                self.wildcard = Some(rule);
                Ok(())
            }
            On::Event(name) if self.by_event.contains_key(&name) => Err(On::Event(name)),
            On::Event(name) => {
                self.by_event.insert(name, rule);
                Ok(())
            }
        }
    }

    /// The rule for an event: its own, else the one for all others. `None` refuses the event.
    pub fn find(&self, event: &str) -> Option<&Rule> {
        self.by_event.get(event).or(self.wildcard.as_ref())
    }

    /// Whether no event has a rule.
    pub fn is_empty(&self) -> bool {
        self.by_event.is_empty() && self.wildcard.is_none()
    }

    /// All rules, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.by_event.values().chain(&self.wildcard)
    }
}

/// The events that a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// `*`: every event that has no rule of its own.
    Any,
    /// The event of this name.
    Event(EventName),
}

/// What happens with an event, in this order: the sender leaves a room, joins a room, and the event is relayed.
///
/// Membership comes first so that who announces "I joined" to the room hears it too (as with `socket.join(r)`
/// followed by `io.to(r).emit(…)`), and who announces "I left" does not. At least one of the three is there,
/// and the two rooms differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The room that the sender leaves.
    pub leave: Option<RoomName>,
    /// The room that the sender joins.
    pub join: Option<RoomName>,
    /// How the event goes on; `None` when it only changes membership.
    pub relay: Option<Relay>,
}

/// How an event goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// The name under which it is sent; `None` keeps its own.
    pub emit: Option<EventName>,
    /// Who receives it.
    pub to: Scope,
    /// Whether a recipient that cannot take it at once goes without it.
    pub volatile: bool,
}

/// Who receives an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everyone in the namespace, the sender included: `io.emit`.
    All,
    /// Everyone in the namespace but the sender: `socket.broadcast.emit`.
    Others,
    /// Only the sender: `socket.emit`.
    Sender,
    /// Everyone in a room, the sender too if it is in it: `io.to(room).emit`.
    Room(RoomName),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(to: Scope) -> Rule {
        Rule { leave: None, join: None, relay: Some(Relay { emit: None, to, volatile: false }) }
    }

    fn event(name: &str) -> On {
        On::Event(EventName::parse(name).unwrap())
    }

    #[test]
    fn an_event_without_a_rule_is_refused_once_there_are_rules() {
        let mut rules = Rules::default();
        rules.add(event("update"), rule(Scope::All)).unwrap();
        assert_eq!(rules.find("update"), Some(&rule(Scope::All)));
        assert_eq!(rules.find("Update"), None);
        assert_eq!(rules.find(""), None);
    }

    #[test]
    fn an_events_own_rule_goes_before_the_wildcard_whatever_the_order() {
        for reversed in [false, true] {
            let mut all = [(On::Any, rule(Scope::All)), (event("echo"), rule(Scope::Sender))];
            if reversed {
                all.reverse();
            }
            let mut rules = Rules::default();
            for (on, rule) in all {
                rules.add(on, rule).unwrap();
            }
            assert_eq!(rules.find("echo"), Some(&rule(Scope::Sender)));
            assert_eq!(rules.find("anything"), Some(&rule(Scope::All)));
            // An event that is itself called `*` is one of the others.
            assert_eq!(rules.find("*"), Some(&rule(Scope::All)));
        }
    }

    #[test]
    fn a_second_rule_for_the_same_event_is_given_back() {
        let mut rules = Rules::default();
        for on in [event("update"), On::Any] {
            rules.add(on.clone(), rule(Scope::All)).unwrap();
            assert_eq!(rules.add(on.clone(), rule(Scope::Sender)), Err(on));
        }
        assert_eq!(rules.find("update"), Some(&rule(Scope::All)));
    }

    #[test]
    fn open_rules_relay_every_event_to_all_under_its_own_name() {
        assert_eq!(Rules::open().find("whatever"), Some(&rule(Scope::All)));
    }
}
