//! How a command ended, for scripts. docs/shell.md has the same list.

use std::process::ExitCode;

use fanfare_client::End;

use crate::{EXIT_BAD_CONFIG, EXIT_FAILED};

/// An exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// As asked.
    Done,
    /// The server refused: the connection, what was to be emitted, or any longer stay.
    Refused,
    /// What was typed is wrong: nothing was sent.
    Misused,
    /// The server cannot be reached, or was lost for good.
    Unreachable,
    /// Not within the time.
    TimedOut,
    /// It went wrong here.
    Failed,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Done => 0,
            Status::Refused => 1,
            Status::Misused => EXIT_BAD_CONFIG,
            Status::Unreachable => 3,
            Status::TimedOut => 4,
            Status::Failed => EXIT_FAILED,
        })
    }
}

impl From<&End> for Status {
    fn from(end: &End) -> Self {
        match end {
            End::Closed { .. } => Self::Done,
            End::Refused(_) | End::Expelled => Self::Refused,
            _ => Self::Unreachable,
        }
    }
}
