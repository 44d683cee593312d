//! Lines for whoever started the program: on standard output, and on standard error while there is no log.
//!
//! Unlike `println!` these do not panic where nothing can be written (a full disk, a closed pipe), and do not wait for ever
//! where nobody reads.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::log::Plain;

/// Where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

impl Stream {
    /// A descriptor of its own, so that whoever waits here holds no lock that others want. `None` if there are no more.
    pub(crate) fn file(self) -> Option<File> {
        let descriptor = match self {
            Self::Out => io::stdout().as_fd().try_clone_to_owned(),
            Self::Err => io::stderr().as_fd().try_clone_to_owned(),
        };
        descriptor.ok().map(File::from)
    }
}

/// Writes the lines, and waits until it is done, at most for a second. Those on standard error are for people, and may have words of
/// a file or of another process: they are escaped.
pub(crate) fn print(stream: Stream, lines: &[String]) {
    let Some(mut file) = stream.file().filter(|_| !lines.is_empty()) else {
        return;
    };
    let mut text = match stream {
        Stream::Out => lines.join("\n"),
        Stream::Err => lines.iter().map(|line| Plain(line).to_string()).collect::<Vec<_>>().join("\n"),
    };
    text.push('\n');
    let (done, is_done) = mpsc::channel();
    let writer = thread::Builder::new().name("print".into()).spawn(move || {
        // Who started the program does not want to know, then.
        let _ = file.write_all(text.as_bytes());
        let _ = done.send(());
    });
    if writer.is_ok() {
        let _ = is_done.recv_timeout(WAIT_MAX);
    }
}

const WAIT_MAX: Duration = Duration::from_secs(1);
