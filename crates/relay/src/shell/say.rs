//! Where lines go: events to standard output, all else to standard error.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};

use tokio::io::AsyncWriteExt;

use crate::log::{Brief, Plain};

/// What became of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Heard,
    /// Nobody reads any more, such as `head` when it has enough.
    Unwanted,
}

/// Writes lines, with their ends, and waits until they are handed over.
///
/// # Errors
/// Why it cannot be, such as a full disk.
pub(super) async fn say(lines: &str) -> io::Result<Said> {
    let mut stdout = tokio::io::stdout();
    let written = async {
        stdout.write_all(lines.as_bytes()).await?;
        stdout.flush().await
    };
    match written.await {
        Ok(()) => Ok(Said::Heard),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Said::Unwanted),
        Err(error) => Err(error),
    }
}

/// Writes a note for whoever watches, escaped and not without an end: it may have words of the server.
pub(super) fn note(text: &str) {
    let mut note = Brief::new(NOTE_BYTES_MAX);
    // Writing to it cannot fail.
    let _ = write!(note, "{}", Plain(text));
    // Who closed standard error does not want to know.
    let _ = io::stderr().write_all(format!("fanfare: {}\n", note.into_text()).as_bytes());
}

/// A screen full.
const NOTE_BYTES_MAX: usize = 4096;
