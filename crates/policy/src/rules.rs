//! What an event means: the rules of one namespace.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::condition::Condition;
use crate::limits::{ClientLimits, Over, Rate};
use crate::names::EventName;
use crate::rooms::{Pattern, Template, literals, overlap};
use crate::shape::Shape;
use crate::values::Path;

/// The rules of one namespace: at most one for each event, and at most one for all others; and whom it lets in, where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    auth: Auth,
    rooms: Vec<Template>,
    allow: Vec<Pattern>,
    client: ClientLimits,
    // The standard hasher on purpose: it is looked up with names that strangers choose.
    by_event: HashMap<EventName, Meaning>,
    wildcard: Option<Numbered>,
    /// How many rules have a rate.
    rates: usize,
    /// How many events, or kinds of events, there is something for.
    len: usize,
}

/// Whether a client has to be known to be let in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Auth {
    /// Only who is known.
    Required,
    /// Also who shows nothing at all. Who shows something wrong is not let in.
    Optional,
    /// Nobody is asked.
    #[default]
    None,
}

/// What the event of some name is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// What a rule says.
    Rule(Box<Numbered>),
    /// Its sender joins the room that the argument names. With its number, as a rule has one.
    Join(usize),
    /// Its sender leaves it.
    Leave(usize),
}

/// A rule, and its number; among those with a rate, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) number: usize,
    pub(crate) rule: Rule,
    pub(crate) rate: Option<(usize, Rate, Over)>,
}

impl Meaning {
    fn number(&mut self) -> &mut usize {
        match self {
            Self::Rule(numbered) => &mut numbered.number,
            Self::Join(number) | Self::Leave(number) => number,
        }
    }
}

impl Rules {
    /// Every event to everyone, under its own name: what holds where nobody wrote a rule.
    pub fn open() -> Self {
        let mut rules = Self::default();
        rules.relay_all();
        rules
    }

    /// Has every event that no rule is about go to everyone.
    pub fn relay_all(&mut self) {
        let relay = Relay { emit: None, to: Scope::All, volatile: false, count: Count::Node };
        let rule = Rule { relay: Some(relay), ..Rule::default() };
        self.wildcard = Some(Numbered { number: 0, rule, rate: None });
        self.renumber();
    }

    /// Adds a rule; gives `on` back if there is one for it already.
    ///
    /// # Errors
    /// `on`, if there is one for it.
    pub fn add(&mut self, on: On, rule: Rule) -> Result<(), On> {
        let rate = rule.rate.map(|(rate, over)| (self.rates, rate, over));
        let numbered = Numbered { number: self.len, rule, rate };
        match on {
            On::Any if self.wildcard.is_some() => return Err(On::Any),
            On::Any => {
                self.wildcard = Some(numbered);
                self.len += 1;
            }
            On::Event(name) => self.mean(name, Meaning::Rule(Box::new(numbered)))?,
        }
        self.rates += usize::from(rate.is_some());
        Ok(())
    }

    /// Puts the rules of another in the place of its own, and keeps all else.
    ///
    /// # Errors
    /// An event that is for joining and leaving here, if there is a rule for it.
    pub fn replace_rules(&mut self, other: Self) -> Result<(), On> {
        self.by_event.retain(|_, meaning| !matches!(meaning, Meaning::Rule(_)));
        (self.wildcard, self.rates) = (other.wildcard, other.rates);
        let outcome = other.by_event.into_iter().try_for_each(|(name, meaning)| self.mean(name, meaning));
        self.renumber();
        outcome
    }

    /// Lets clients join the rooms that fit `allow`, by an event with the room's name as its argument.
    ///
    /// # Errors
    /// The event, if there is something for it.
    pub fn set_join(&mut self, on: EventName, allow: Vec<Pattern>) -> Result<(), On> {
        self.mean(on, Meaning::Join(self.len))?;
        self.allow = allow;
        Ok(())
    }

    /// Lets clients leave such rooms, likewise.
    ///
    /// # Errors
    /// The event, if there is something for it.
    pub fn set_leave(&mut self, on: EventName) -> Result<(), On> {
        self.mean(on, Meaning::Leave(self.len))
    }

    /// Says whether clients have to be known.
    pub fn set_auth(&mut self, auth: Auth) {
        self.auth = auth;
    }

    /// Says which rooms a client is in from the beginning.
    pub fn set_rooms(&mut self, rooms: Vec<Template>) {
        self.rooms = rooms;
    }

    /// Says what one client may do.
    pub fn set_client(&mut self, client: ClientLimits) {
        self.client = client;
    }

    fn mean(&mut self, name: EventName, meaning: Meaning) -> Result<(), On> {
        if self.by_event.contains_key(&name) {
            return Err(On::Event(name));
        }
        self.by_event.insert(name, meaning);
        self.len += 1;
        Ok(())
    }

    /// Numbers everything anew, the same rules in the same way.
    fn renumber(&mut self) {
        let mut meanings: Vec<(&EventName, &mut Meaning)> = self.by_event.iter_mut().collect();
        meanings.sort_unstable_by_key(|(name, _)| name.as_str());
        let numbers = meanings.into_iter().map(|(_, meaning)| meaning.number());
        self.len = 0;
        for number in numbers.chain(self.wildcard.iter_mut().map(|numbered| &mut numbered.number)) {
            *number = self.len;
            self.len += 1;
        }
    }

    /// Whether clients have to be known.
    pub fn auth(&self) -> Auth {
        self.auth
    }

    /// What one client may do.
    pub fn client(&self) -> &ClientLimits {
        &self.client
    }

    /// The rooms that a client is in from the beginning.
    pub fn rooms(&self) -> &[Template] {
        &self.rooms
    }

    /// The rooms that clients may name.
    pub fn allow(&self) -> &[Pattern] {
        &self.allow
    }

    /// The rule for an event: its own, else the one for all others. `None` refuses the event, if it is not for joining or
    /// leaving.
    pub fn find(&self, event: &str) -> Option<&Rule> {
        match self.by_event.get(event) {
            Some(Meaning::Rule(numbered)) => Some(&numbered.rule),
            Some(Meaning::Join(_) | Meaning::Leave(_)) => None,
            None => self.wildcard.as_ref().map(|numbered| &numbered.rule),
        }
    }

    /// Whether this event has a rule of its own, or is for joining or leaving.
    pub fn has(&self, event: &str) -> bool {
        self.by_event.contains_key(event)
    }

    /// What an event is for, and the rule for all others.
    pub(crate) fn meaning(&self, event: &str) -> (Option<&Meaning>, Option<&Numbered>) {
        (self.by_event.get(event), self.wildcard.as_ref())
    }

    /// Whether no event means anything, and nobody is in a room by itself.
    pub fn is_empty(&self) -> bool {
        self.by_event.is_empty() && self.wildcard.is_none() && self.rooms.is_empty()
    }

    /// All rules, each with its event or `*`, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Rule)> {
        let by_event = self.by_event.iter().filter_map(|(name, meaning)| match meaning {
            Meaning::Rule(numbered) => Some((name.as_str(), &numbered.rule)),
            Meaning::Join(_) | Meaning::Leave(_) => None,
        });
        by_event.chain(self.wildcard.iter().map(|numbered| ("*", &numbered.rule)))
    }

    /// Every number that a [`Deliver`](crate::Deliver) may have, with the event that there is something for, or `*`; in no
    /// order. They are those from 0 on.
    pub fn numbers(&self) -> impl Iterator<Item = (usize, &str)> {
        let by_event = self.by_event.iter().map(|(name, meaning)| {
            let number = match meaning {
                Meaning::Rule(numbered) => numbered.number,
                Meaning::Join(number) | Meaning::Leave(number) => *number,
            };
            (number, name.as_str())
        });
        by_event.chain(self.wildcard.iter().map(|numbered| (numbered.number, "*")))
    }

    /// The rates of rules, each with its number among them and its event.
    pub(crate) fn rates(&self) -> impl Iterator<Item = (On, usize, Rate, Over)> {
        let by_event = self.by_event.iter().filter_map(|(name, meaning)| match meaning {
            Meaning::Rule(numbered) => Some((On::Event(name.clone()), numbered.rate?)),
            Meaning::Join(_) | Meaning::Leave(_) => None,
        });
        let of_all = self.wildcard.iter().filter_map(|numbered| Some((On::Any, numbered.rate?)));
        by_event.chain(of_all).map(|(on, (number, rate, over))| (on, number, rate, over))
    }

    /// The rate of one of them, with its number.
    pub(crate) fn rate(&self, on: &On) -> Option<(usize, Rate)> {
        let numbered = match on {
            On::Any => self.wildcard.as_ref()?,
            On::Event(name) => match self.by_event.get(name)? {
                Meaning::Rule(numbered) => numbered,
                Meaning::Join(_) | Meaning::Leave(_) => return None,
            },
        };
        numbered.rate.map(|(number, rate, _)| (number, rate))
    }

    /// The names of values of a handshake's query that rooms are made of. Some may be there more than once.
    pub fn queries(&self) -> impl Iterator<Item = &str> {
        self.paths().filter_map(|path| match path {
            Path::Query(name) => Some(&**name),
            _ => None,
        })
    }

    /// Two rooms, as they are written, that could be the same though they are not made in the same way.
    pub fn overlap(&self) -> Option<(&str, &str)> {
        let templates = self.templates().map(|template| (template.as_str(), template.pieces()));
        overlap(templates.chain(self.allow.iter().map(|pattern| (pattern.as_str(), pattern.pieces()))))
    }

    /// The rooms, as they are written, that events go to and that no client comes into by any of the rules.
    pub fn rooms_without_a_door(&self) -> Vec<&str> {
        let joins = self.rooms.iter().chain(self.iter().filter_map(|(_, rule)| rule.join.as_ref()));
        let doors = joins.map(Template::pieces).chain(self.allow.iter().map(Pattern::pieces));
        let doors: HashSet<Vec<String>> = doors.map(literals).collect();
        let targets = self.iter().filter_map(|(_, rule)| rule.target());
        let closed = targets.filter(|room| !doors.contains(&literals(room.pieces()))).map(Template::as_str);
        let closed: BTreeSet<&str> = closed.collect();
        closed.into_iter().collect()
    }

    /// Whether anything in it asks who a client is.
    pub fn reads_claims(&self) -> bool {
        self.iter().any(|(_, rule)| !rule.when.is_empty()) || self.paths().any(Path::is_of_claims)
    }

    /// What clients have to be that join rooms by events.
    pub(crate) fn conditions_of_joining(&self) -> impl Iterator<Item = &Condition> {
        self.iter().filter(|(_, rule)| rule.join.is_some()).flat_map(|(_, rule)| &rule.when)
    }

    /// All values that rooms are made of.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.templates().flat_map(Template::paths).chain(self.allow.iter().flat_map(Pattern::paths))
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        self.rooms.iter().chain(self.iter().flat_map(|(_, rule)| rule.templates()))
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

/// What happens with an event. Whether it counts is asked first, of its rate, its sender and its arguments, in this order.
/// If it does, the sender leaves a room, joins a room, and the event is relayed.
///
/// Membership comes first so that who announces "I joined" to the room hears it too (as with `socket.join(r)`
/// followed by `io.to(r).emit(…)`), and who announces "I left" does not. At least one of the three is there,
/// and the two rooms differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// How often one client may send it, and what happens beyond.
    pub rate: Option<(Rate, Over)>,
    /// What its sender has to be, all of it.
    pub when: Vec<Condition>,
    /// What its arguments have to be; `None` for anything.
    pub shape: Option<Box<Shape>>,
    /// Whether its sender has to be in the room that it goes to, once it has left and joined what it leaves and joins.
    pub require_member: bool,
    /// The room that the sender leaves.
    pub leave: Option<Template>,
    /// The room that the sender joins.
    pub join: Option<Template>,
    /// How the event goes on; `None` when it only changes membership.
    pub relay: Option<Relay>,
}

impl Rule {
    /// The rooms in it.
    fn templates(&self) -> impl Iterator<Item = &Template> {
        self.leave.iter().chain(&self.join).chain(self.target())
    }

    /// The room that the event goes to.
    fn target(&self) -> Option<&Template> {
        match &self.relay.as_ref()?.to {
            Scope::Room { room, .. } => Some(room),
            Scope::All | Scope::Others | Scope::Sender => None,
        }
    }
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
    /// Whose recipients its sender is told the number of.
    pub count: Count,
}

/// Whose recipients are counted for a sender that asks for an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Count {
    /// Those of this node, as the event is queued to them.
    #[default]
    Node,
    /// Those of the whole cluster: its nodes are asked.
    Cluster,
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
    /// Everyone in a room: `io.to(room).emit`, or `socket.to(room).emit` without the sender.
    Room {
        /// The room.
        room: Template,
        /// Whether its sender goes without it, if it is in the room.
        except_sender: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(to: Scope) -> Rule {
        Rule { relay: Some(Relay { emit: None, to, volatile: false, count: Count::Node }), ..Rule::default() }
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

    #[test]
    fn an_event_for_joining_has_no_rule_and_is_none_of_the_others() {
        let mut rules = Rules::open();
        let name = |name| EventName::parse(name).unwrap();
        rules.set_join(name("join"), vec![Pattern::parse("doc:*").unwrap()]).unwrap();
        assert_eq!(rules.find("join"), None);
        assert_eq!((rules.has("join"), rules.has("other")), (true, false));
        assert_eq!(rules.set_leave(name("join")), Err(event("join")));
        assert_eq!(rules.add(event("join"), rule(Scope::All)), Err(event("join")));

        let mut others = Rules::default();
        others.add(event("a"), rule(Scope::Sender)).unwrap();
        rules.replace_rules(others).unwrap();
        assert_eq!((rules.find("a"), rules.find("b"), rules.allow().len()), (Some(&rule(Scope::Sender)), None, 1));
        let mut others = Rules::default();
        others.add(event("join"), rule(Scope::Sender)).unwrap();
        assert_eq!(rules.replace_rules(others), Err(event("join")));
    }

    #[test]
    fn rooms_that_could_be_the_same_are_found_wherever_they_stand() {
        let mut rules = Rules::default();
        let template = |text| Template::parse(text).unwrap();
        rules.set_rooms(vec![template("account:{claims.account}")]);
        let to = Scope::Room { room: template("account:{args.0}"), except_sender: false };
        rules.add(event("a"), rule(to)).unwrap();
        assert_eq!(rules.overlap(), None);
        rules.set_join(EventName::parse("j").unwrap(), vec![Pattern::parse("account:all*").unwrap()]).unwrap();
        assert_eq!(rules.overlap(), Some(("account:{claims.account}", "account:all*")));
    }
}
