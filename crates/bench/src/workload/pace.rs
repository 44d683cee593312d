//! When the next event is sent, and what it is.

use crate::wire::event::{self, Name};

/// When the next event is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as fewer than this many have not reached everybody. The server sleeps between two events.
    Closed { window: usize },
    /// As soon as the *first* recipient has the last one, and everybody the one before: one to two in flight, and the
    /// server always has something to do.
    Saturated,
    /// So many at once, and the next as many when everybody has them.
    Burst { events: u32 },
    /// Evenly spread, whatever has arrived.
    Open { events_per_s: f64 },
    /// Evenly spread, but not faster than the server takes them: a sender that is held back waits.
    Stream { events_per_s: f64 },
}

/// The events that are sent, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Script {
    /// The first so many clients send, in turn.
    pub(crate) senders: usize,
    /// Of the argument, in turn.
    pub(crate) bytes: &'static [usize],
    /// In turn.
    pub(crate) names: &'static [Name],
    pub(crate) filler: Filler,
}

/// What an argument is filled up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filler {
    /// One letter.
    Plain,
    /// Something that a compressor has to work for.
    Text,
}

impl Script {
    /// What most workloads send.
    pub(crate) const SMALL: Self = Self { senders: 1, bytes: &[128], names: &[Name::Update], filler: Filler::Plain };

    /// Who sends an event, under which name, with an argument of which length.
    pub(crate) fn event(&self, number: u32) -> (usize, Name, usize) {
        let number = number as usize;
        let bytes = self.bytes.get(number % self.bytes.len().max(1)).copied().unwrap_or_default();
        let name = self.names.get(number % self.names.len().max(1)).copied().unwrap_or(Name::Update);
        (number % self.senders.max(1), name, bytes)
    }

    /// As long as the longest argument; the others are its start.
    pub(crate) fn filler(&self) -> Vec<u8> {
        let bytes = self.bytes.iter().copied().max().unwrap_or_default();
        match self.filler {
            Filler::Plain => vec![b'x'; bytes],
            Filler::Text => event::text(bytes),
        }
    }
}

/// With [`Pace::Saturated`], the one that the first recipient has just got, and the next.
pub(crate) const SATURATED_IN_FLIGHT_MAX: usize = 2;
/// With [`Pace::Stream`], what may wait in the sender: enough that its socket is never empty.
pub(crate) const STREAM_AHEAD_BYTES: usize = 256 * 1024;
