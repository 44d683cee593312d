//! What a client is told.

use std::fmt;
use std::time::Duration;

use socketio_codec::{AckId, Arguments, Event, Json};

use crate::failure::Failure;

/// What happened to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// It is in its namespace, for the first time or again.
    Connected {
        /// Its socket id there, another one each time.
        id: String,
    },
    /// An event.
    Event {
        /// Its name and arguments.
        event: Event,
        /// Present if the server wants an [acknowledgement](crate::Client::acknowledge).
        id: Option<AckId>,
    },
    /// An event that it emitted was acknowledged, or will not be.
    Answered {
        /// Which.
        id: AckId,
        /// What the acknowledgement says.
        answer: Result<Arguments, NoAnswer>,
    },
    /// The connection was lost; there will be another attempt. What is emitted meanwhile is refused.
    Lost {
        /// Why.
        why: Failure,
        /// How long until the attempt.
        retry_in: Duration,
    },
    /// An attempt to connect failed; there will be another.
    Failed {
        /// Why.
        why: Failure,
        /// How long until the next.
        retry_in: Duration,
    },
    /// It is over: nothing comes behind this.
    Ended(End),
}

/// How a client ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// It was asked to close.
    Closed {
        /// Whether the server is known to have read all that was emitted.
        is_heard: bool,
    },
    /// The server refused it in this namespace (CONNECT_ERROR). To a client that is final.
    Refused(Refusal),
    /// The server sent it away (DISCONNECT). To a client that is final too.
    Expelled,
    /// It could not connect, or not again, as often as it was allowed to try, or with this server never will.
    GaveUp(Failure),
}

/// What a CONNECT_ERROR says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its `message`.
    pub message: String,
    /// Its `data`, if it has some.
    pub data: Option<Json>,
}

/// Why an event was not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoAnswer {
    /// Not within its time.
    TimedOut,
    /// The connection was lost before: whether the server has heard the event is not known.
    Lost,
}

/// Why something was not emitted. Then nothing of it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmitError {
    /// The client is not connected now.
    NotConnected,
    /// A message is larger than the server takes.
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// What the server said when the connection was opened.
        bytes_max: usize,
    },
    /// As much as may wait is waiting: the server reads too slowly, or acknowledges too little.
    Full,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { is_heard: true } => f.write_str("closed"),
            Self::Closed { is_heard: false } => f.write_str("closed; the server did not say that it read everything"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Expelled => f.write_str("disconnected by the server"),
            Self::GaveUp(failure) => failure.fmt(f),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {}", self.message)?;
        self.data.as_ref().map_or(Ok(()), |data| write!(f, " {data}"))
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "not acknowledged in time",
            Self::Lost => "the connection was lost before an acknowledgement: whether the event was heard is not known",
        })
    }
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("not connected"),
            Self::TooLarge { bytes, bytes_max } => {
                write!(f, "a message of {bytes} bytes, of which the server takes at most {bytes_max}")
            }
            Self::Full => f.write_str("too much waits to be sent or acknowledged"),
        }
    }
}

impl std::error::Error for End {}
impl std::error::Error for NoAnswer {}
impl std::error::Error for EmitError {}
