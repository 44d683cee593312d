//! The log: one line for each event, written so that nobody who reads it slowly, or not at all, holds up the relay.
//!
//! A line is formatted where it arises ([`lines`]) and put into a bounded queue ([`queue`]); a thread of its own writes
//! what waits there. What does not fit is dropped, counted, and reported as soon as lines flow again. Whatever comes
//! from a client is escaped ([`escape`]) and not longer than a line has room for ([`brief`]); what it can have written again and
//! again is left out beyond a budget, and counted ([`budget`]).

mod brief;
mod budget;
mod escape;
mod filter_now;
mod lines;
mod part;
mod queue;
mod timestamp;

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal};
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::time::Duration;
use std::{panic, thread};

use crate::config::LogConfig;
use crate::print::Stream;
use lines::Lines;
use queue::Queue;

pub(crate) use brief::Brief;
pub(crate) use escape::{JsonString, Plain, is_deceptive};
pub(crate) use filter_now::FilterNow;
pub(crate) use timestamp::Timestamp;

/// The log of this process. Lines that wait when it is dropped are written within a second, or not at all.
pub(crate) struct Log {
    queue: Arc<Queue>,
    lines: Arc<Lines>,
}

/// Logs to standard error from here on. Standard output has only the lines that scripts read.
///
/// # Errors
/// If there can be no thread for it.
pub(crate) fn start(config: &LogConfig) -> Result<Log, String> {
    let queue = Arc::new(Queue::new(config.queue_bytes_max));
    let lines = Arc::new(Lines::new(config, io::stderr().is_terminal(), Arc::clone(&queue)));
    let output = Stream::Err.file();
    let (writing, reporting) = (Arc::clone(&queue), Arc::clone(&lines));
    let writer = thread::Builder::new().name("log".into()).spawn(move || {
        if let Some(mut output) = output {
            writing.write_to(&mut output, || reporting.report_left_out());
        }
    });
    writer.map_err(|error| format!("cannot start: {error}"))?;
    tracing::subscriber::set_global_default(Arc::clone(&lines)).map_err(|error| format!("cannot start: {error}"))?;
    // The hook that is there by default writes to standard error itself, and waits for whoever reads it.
    panic::set_hook(Box::new(log_panic));
    Ok(Log { queue, lines })
}

impl Log {
    /// What is logged, which may be changed.
    pub(crate) fn filter(&self) -> FilterNow {
        self.lines.filter()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.lines.report_left_out();
        self.queue.flush(LAST_LINES_WAIT);
    }
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
    tracing::error!(
        what = text(info.payload()),
        place = info.location().map(tracing::field::display),
        backtrace = backtrace.as_ref().map(tracing::field::display),
        "panicked"
    );
}

/// What `panic!` was given: a literal, or what it was formatted to.
fn text(payload: &(dyn Any + Send)) -> &str {
    let literal = payload.downcast_ref::<&str>().copied();
    literal.or(payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("something that is no text")
}

/// Who reads the log has this long to take what waits when the process ends.
const LAST_LINES_WAIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_says_what_it_was_given() {
        assert_eq!(text(&"a literal"), "a literal");
        assert_eq!(text(&format!("formatted {}", 1)), "formatted 1");
        assert_eq!(text(&1), "something that is no text");
    }
}
