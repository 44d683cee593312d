//! From an event to what is done about it.

use std::borrow::Cow;
use std::time::Instant;

use hub::{Room, SocketId};
use socketio_codec::{Event, RawName};

use crate::limits::{Over, Rate};
use crate::participant::{By, Counted, Participant};
use crate::refusal::{Code, Refusal};
use crate::rooms::Template;
use crate::rules::{Count, Meaning, Numbered, Relay, Rule, Rules, Scope};
use crate::shape;
use crate::values::{Lack, Sources, scalar};

/// What is to be done about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision<'a> {
    /// It counts: carry this out.
    Deliver(Deliver<'a>),
    /// It goes nowhere, and its sender is told why if it asked for an acknowledgement.
    Refuse(Refusal),
    /// It goes nowhere, which is as the operator wants it: its sender is told if it asked, and not blamed.
    Drop(Code),
    /// It goes nowhere, and its sender's connection ends.
    Close(Code),
}

/// What an event does, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deliver<'a> {
    /// By what it is so: one of [`Rules::numbers`].
    pub number: usize,
    /// The room that the sender leaves.
    pub leave: Option<Room>,
    /// The room that the sender joins.
    pub join: Option<Room>,
    /// How the event goes on; `None` if it only moves the sender.
    pub onward: Option<Onward<'a>>,
}

/// How an event goes on. Its arguments stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onward<'a> {
    /// The name under which it is sent.
    pub name: RawName<'a>,
    /// Who receives it.
    pub to: Recipients,
    /// Whether a recipient that cannot take it at once goes without it.
    pub volatile: bool,
    /// Whose recipients its sender is told the number of.
    pub count: Count,
}

/// Who receives an event, in its sender's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recipients {
    /// Everyone.
    All,
    /// Everyone but this socket, the sender's.
    AllBut(SocketId),
    /// Only this socket, the sender's.
    Only(SocketId),
    /// Everyone in a room, the sender too if it is in it.
    Room(Room),
    /// Everyone in a room but this socket, the sender's.
    RoomBut(Room, SocketId),
}

impl Rules {
    /// Decides on an event that a client sent into this namespace, and counts it.
    ///
    /// What is asked first is what costs least: how much the client did, what the event is for, who may send it, what is in
    /// it, and where it would go.
    pub fn decide<'a>(&'a self, participant: &mut Participant, event: &'a Event, now: Instant) -> Decision<'a> {
        self.decided(participant, event, now).unwrap_or_else(|stop| match stop {
            Stop::Refuse(refusal) => Decision::Refuse(*refusal),
            Stop::Drop => Decision::Drop(Code::RateLimited),
            Stop::Close => Decision::Close(Code::RateLimited),
        })
    }

    fn decided<'a>(
        &'a self,
        participant: &mut Participant,
        event: &'a Event,
        now: Instant,
    ) -> Result<Decision<'a>, Stop> {
        self.count(participant, event, now)?;
        let numbered = match self.meaning(&event.name()) {
            (Some(Meaning::Rule(numbered)), _) => &**numbered,
            (Some(Meaning::Join(number)), _) => return self.join(*number, participant, event),
            (Some(Meaning::Leave(number)), _) => return self.leave(*number, participant, event),
            (None, Some(wildcard)) => wildcard,
            (None, None) => return Err(Code::UnknownEvent.into()),
        };
        let Numbered { number, rule, rate } = numbered;
        if let Some((bucket, rate, over)) = *rate {
            limit(participant, Counted::Rule(bucket), rate, over, now, 1)?;
        }
        if !rule.when.iter().all(|condition| condition.holds(&participant.claims)) {
            return Err(Code::Forbidden.into());
        }
        if let Some(shape) = &rule.shape {
            shape.check(event)?;
        }
        self.carry(*number, rule, participant, event).map(Decision::Deliver)
    }

    /// Counts an event against what its sender may do.
    fn count(&self, participant: &mut Participant, event: &Event, now: Instant) -> Result<(), Stop> {
        let client = self.client();
        if let Some(rate) = client.events {
            limit(participant, Counted::Events, rate, client.over, now, 1)?;
        }
        if let Some(rate) = client.bytes {
            let bytes = event.raw_name().as_str().len() + shape::bytes(event);
            limit(participant, Counted::Bytes, rate, client.over, now, bytes)?;
        }
        Ok(())
    }

    fn carry<'a>(
        &'a self,
        number: usize,
        rule: &'a Rule,
        participant: &mut Participant,
        event: &'a Event,
    ) -> Result<Deliver<'a>, Stop> {
        let sources = participant.sources(event.arguments());
        let leave = rule.leave.as_ref().map(|room| made(room, &sources)).transpose()?;
        let join = rule.join.as_ref().map(|room| made(room, &sources)).transpose()?;
        let onward = rule.relay.as_ref().map(|relay| relay.onward(&sources, event)).transpose()?;
        if rule.require_member
            && let Some(Recipients::Room(room) | Recipients::RoomBut(room, _)) =
                onward.as_ref().map(|onward| &onward.to)
        {
            let is_member = participant.memberships.contains(room) && leave.as_ref() != Some(room);
            if !is_member && join.as_ref() != Some(room) {
                return Err(Code::NotMember.into());
            }
        }
        if let Some(room) = &join {
            let leaves = leave.as_ref().is_some_and(|left| left != room && participant.memberships.contains(left));
            self.has_place(participant, room, leaves)?;
        }
        if let Some(room) = &leave {
            participant.memberships.leave(room);
        }
        if let (Some(room), Some(template)) = (&join, &rule.join) {
            participant.memberships.join(room, By::of_event(!rule.when.is_empty(), template.reads_claims()));
        }
        Ok(Deliver { number, leave, join, onward })
    }

    fn join(&self, number: usize, participant: &mut Participant, event: &Event) -> Result<Decision<'static>, Stop> {
        let (room, by) = self.named(participant, event)?;
        self.has_place(participant, &room, false)?;
        participant.memberships.join(&room, by);
        Ok(Decision::Deliver(Deliver { number, leave: None, join: Some(room), onward: None }))
    }

    fn leave(&self, number: usize, participant: &mut Participant, event: &Event) -> Result<Decision<'static>, Stop> {
        let (room, _) = self.named(participant, event)?;
        participant.memberships.leave(&room);
        Ok(Decision::Deliver(Deliver { number, leave: Some(room), join: None, onward: None }))
    }

    /// The room that a client names by the first argument.
    fn named(&self, participant: &Participant, event: &Event) -> Result<(Room, By), Stop> {
        let name = event.raw(0).ok_or(Lack::Missing).and_then(name_of).map_err(Refusal::no_value)?;
        let sources = participant.sources(event.arguments());
        let found = self.allow().iter().find_map(|pattern| Some((pattern, pattern.room(&name, &sources)?)));
        let (pattern, room) = found.ok_or(Code::Forbidden)?;
        Ok((room, By::of_event(false, pattern.reads_claims())))
    }

    fn has_place(&self, participant: &Participant, room: &Room, leaves_one: bool) -> Result<(), Stop> {
        let memberships = &participant.memberships;
        let is_full = memberships.len() - usize::from(leaves_one) >= self.client().rooms_max;
        if is_full && !memberships.contains(room) { Err(Code::TooManyRooms.into()) } else { Ok(()) }
    }
}

impl Relay {
    fn onward<'a>(&'a self, sources: &Sources<'_>, event: &'a Event) -> Result<Onward<'a>, Stop> {
        let to = match &self.to {
            Scope::All => Recipients::All,
            Scope::Others => Recipients::AllBut(sources.socket),
            Scope::Sender => Recipients::Only(sources.socket),
            Scope::Room { room, except_sender: false } => Recipients::Room(made(room, sources)?),
            Scope::Room { room, except_sender: true } => Recipients::RoomBut(made(room, sources)?, sources.socket),
        };
        let name = self.emit.as_ref().map_or(event.raw_name(), |emit| emit.raw());
        Ok(Onward { name, to, volatile: self.volatile, count: self.count })
    }
}

/// What keeps an event from counting.
enum Stop {
    // Behind a pointer, since it is as large as all else together and comes seldom.
    Refuse(Box<Refusal>),
    Drop,
    Close,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(Box::new(refusal))
    }
}

impl From<Code> for Stop {
    fn from(code: Code) -> Self {
        Refusal::new(code).into()
    }
}

/// Takes `count` from what a client may do.
fn limit(
    participant: &mut Participant,
    counted: Counted,
    rate: Rate,
    over: Over,
    now: Instant,
    count: usize,
) -> Result<(), Stop> {
    if over == Over::Slow {
        participant.charge(counted, rate, now, count);
        return Ok(());
    }
    rate.take(participant.bucket(counted), now, count).map_err(|wait| match over {
        Over::Drop => Stop::Drop,
        Over::Close => Stop::Close,
        Over::Slow | Over::Refuse => Refusal::rate_limited(wait).into(),
    })
}

/// A room's name as a client writes it: longer than one value, and a number where the room is named by one.
fn name_of(json: &str) -> Result<Cow<'_, str>, Lack> {
    match serde_json::from_str::<String>(json) {
        Ok(name) if !name.is_empty() => Ok(Cow::Owned(name)),
        _ => scalar(json, &[]),
    }
}

fn made(template: &Template, sources: &Sources<'_>) -> Result<Room, Stop> {
    template.room(sources).map_err(|lack| Refusal::no_value(lack).into())
}
