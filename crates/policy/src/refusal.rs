//! Why something goes nowhere.

use std::borrow::Cow;
use std::time::Duration;

use crate::values::Lack;

/// Why an event goes nowhere, in the words its sender is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// For programs, which may rely on it.
    pub code: Code,
    /// For people. Says nothing of what others are called, or which rooms there are.
    pub message: Cow<'static, str>,
    /// The place in the arguments that is wrong, as a JSON pointer: `/0/title`.
    pub path: Option<String>,
    /// What was expected there.
    pub expected: Option<String>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal with the usual words.
    pub fn new(code: Code) -> Self {
        Self { code, message: Cow::Borrowed(code.message()), path: None, expected: None, retry_after: None }
    }

    /// A room has no name. Which value it is, of which claim perhaps, is nobody's but the operator's.
    pub(crate) fn no_value(lack: Lack) -> Self {
        let message = match lack {
            Lack::Missing => Code::NoValue.message(),
            Lack::TooLong => "a value that the room is named by is longer than 256 bytes",
            Lack::Unfit => {
                "a value that the room is named by is neither text, a whole number of 64 bits nor true or false"
            }
        };
        Self { message: Cow::Borrowed(message), ..Self::new(Code::NoValue) }
    }

    pub(crate) fn invalid(path: String, expected: impl Into<String>) -> Self {
        Self { path: Some(path), expected: Some(expected.into()), ..Self::new(Code::Invalid) }
    }

    pub(crate) fn rate_limited(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(Code::RateLimited) }
    }
}

/// The causes for which an event, or a client's new identity, goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// No rule is about this event.
    UnknownEvent,
    /// The rule is not for who sent it.
    Forbidden,
    /// A value that a room's name is made of is not there, too long, or none that names are made of: the message says which.
    NoValue,
    /// The arguments are not those that the rule is for.
    Invalid,
    /// There are more bytes of them than the rule allows.
    TooLarge,
    /// It came too soon.
    RateLimited,
    /// The sender is not in the room that it would go to.
    NotMember,
    /// The sender is in as many rooms as it may be in.
    TooManyRooms,
    /// A client's new identity is not that of the same user.
    IdentityChanged,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 9] = [
        Self::UnknownEvent,
        Self::Forbidden,
        Self::NoValue,
        Self::Invalid,
        Self::TooLarge,
        Self::RateLimited,
        Self::NotMember,
        Self::TooManyRooms,
        Self::IdentityChanged,
    ];

    /// The code as it stands in acknowledgements, counters and log lines.
    pub const fn label(self) -> &'static str {
        match self {
            Self::UnknownEvent => "unknown_event",
            Self::Forbidden => "forbidden",
            Self::NoValue => "no_value",
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::NotMember => "not_member",
            Self::TooManyRooms => "too_many_rooms",
            Self::IdentityChanged => "identity_changed",
        }
    }

    /// The same for people.
    pub const fn message(self) -> &'static str {
        match self {
            Self::UnknownEvent => "no rule for this event",
            Self::Forbidden => "not allowed",
            Self::NoValue => "a value that the room is named by is missing",
            Self::Invalid => "the arguments are not as expected",
            Self::TooLarge => "the event is too large",
            Self::RateLimited => "too many events",
            Self::NotMember => "only members of the room may send to it",
            Self::TooManyRooms => "in too many rooms",
            Self::IdentityChanged => "the new identity is another one",
        }
    }
}
