//! From an event to what is done about it.

use hub::{Room, SocketId};
use socketio_codec::{Event, RawName};

use crate::rules::{Relay, Rule, Rules, Scope};

/// What is known of whoever sends an event, as far as rules may ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sender {
    /// Its socket.
    pub socket: SocketId,
}

impl Sender {
    /// A sender of which nothing is known but its socket.
    pub fn new(socket: SocketId) -> Self {
        Self { socket }
    }
}

/// What is to be done about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision<'a> {
    /// It counts: carry this out.
    Deliver(Deliver<'a>),
    /// It goes nowhere, and its sender is told why if it asked for an acknowledgement.
    Refuse(Refusal),
    /// It goes nowhere, and nobody is told.
    Drop(Code),
    /// It goes nowhere, and its sender's connection ends.
    Close(Code),
}

/// What an event does, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deliver<'a> {
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
}

/// Why an event goes nowhere, in the words its sender is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// For programs, which may rely on it.
    pub code: Code,
    /// For people. Says nothing of what others are called, or which rooms there are.
    pub message: &'static str,
}

/// The causes for which an event goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// No rule is about this event.
    UnknownEvent,
}

impl Code {
    /// The code as it stands in acknowledgements, counters and log lines.
    pub const fn label(self) -> &'static str {
        match self {
            Self::UnknownEvent => "unknown_event",
        }
    }
}

impl Rules {
    /// Decides on an event that `sender` sent into this namespace.
    pub fn decide<'a>(&'a self, sender: &Sender, event: &'a Event) -> Decision<'a> {
        let Some(Rule { leave, join, relay }) = self.find(&event.name()) else {
            return Decision::Refuse(Refusal { code: Code::UnknownEvent, message: "no rule for this event" });
        };
        Decision::Deliver(Deliver {
            leave: leave.as_ref().map(|room| room.room()),
            join: join.as_ref().map(|room| room.room()),
            onward: relay.as_ref().map(|relay| relay.onward(sender, event)),
        })
    }
}

impl Relay {
    fn onward<'a>(&'a self, sender: &Sender, event: &'a Event) -> Onward<'a> {
        let to = match &self.to {
            Scope::All => Recipients::All,
            Scope::Others => Recipients::AllBut(sender.socket),
            Scope::Sender => Recipients::Only(sender.socket),
            Scope::Room(room) => Recipients::Room(room.room()),
        };
        let name = self.emit.as_ref().map_or(event.raw_name(), |emit| emit.raw());
        Onward { name, to, volatile: self.volatile }
    }
}
