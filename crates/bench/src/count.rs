//! Instructions of two servers, counted: what a change costs in user space, whatever else the machine does.

use std::fs;
use std::io;
use std::time::Duration;

use crate::load::Transport;
use crate::pair::{Place, Side};
use crate::server::{Kind, Options};
use crate::workload::{Lab, Pace, Script, Session};

/// The same work on two servers under `callgrind`, which runs a program on a processor of its own and counts: a figure is as
/// good as the same on a busy machine as on a quiet one. What the kernel does for a server is not in it.
///
/// Each row is done twice, much and little of it: the difference is what is in question, without start and end.
#[derive(Debug)]
pub(crate) struct Count {
    pub(crate) a: Side,
    pub(crate) b: Side,
}

/// What is counted, little and much of it.
#[derive(Debug, Clone, Copy)]
struct Row {
    about: &'static str,
    little: Work,
    much: Work,
}

#[derive(Debug, Clone, Copy)]
struct Work {
    clients: usize,
    events: u64,
}

const ROWS: &[Row] = &[
    Row {
        about: "a delivery, 100 clients, 1 event in flight",
        little: Work { clients: 100, events: 50 },
        much: Work { clients: 100, events: 450 },
    },
    Row {
        about: "a delivery, 2 clients, 1 event in flight",
        little: Work { clients: 2, events: 100 },
        much: Work { clients: 2, events: 1_100 },
    },
    Row {
        about: "a connect, over WebSocket",
        little: Work { clients: 50, events: 0 },
        much: Work { clients: 250, events: 0 },
    },
];

impl Count {
    /// Counts, and prints a row for each kind of work.
    pub(crate) fn run(&self, lab: &Lab) -> io::Result<()> {
        let places = [self.a.place(lab)?, self.b.place(lab)?];
        println!("A: {}\nB: {}\n", self.a, self.b);
        println!("| instructions in user space of | A | B | B − A | B ÷ A |\n|---|---|---|---|---|");
        for (number, row) in ROWS.iter().enumerate() {
            let [a, b] = [row.count(&places[0], number, "a")?, row.count(&places[1], number, "b")?];
            println!("| {} | {a:.0} | {b:.0} | {:+.0} | {:.3} |", row.about, b - a, b / a);
        }
        Ok(())
    }
}

impl Row {
    /// Instructions for each one more.
    fn count(&self, place: &Place, number: usize, side: &str) -> io::Result<f64> {
        let (little, less) = self.little.count(place, &format!("{number}-{side}-little"))?;
        let (much, more) = self.much.count(place, &format!("{number}-{side}-much"))?;
        Ok((much as f64 - little as f64) / (more - less) as f64)
    }
}

impl Work {
    /// All instructions of a run, and how many there were of what is in question. Where they were is kept under this name,
    /// for `callgrind_annotate`.
    fn count(self, (lab, kind): &Place, name: &str) -> io::Result<(u64, u64)> {
        let options = Options { is_counted: true, ..Options::default() };
        let mut session = Session::start(lab, *kind, options, (self.clients, 1))?;
        session.connect(Transport::WebSocket, self.clients)?;
        while session.tally.counts.sent < self.events {
            session.drive(Pace::Closed { window: 1 }, &Script::SMALL, STEP)?;
            if session.drain()? > 0 {
                return Err(io::Error::other("events were lost"));
            }
        }
        let done = match self.events {
            0 => self.clients as u64,
            _ => session.tally.counts.delivered,
        };
        let Session { server, fleet, .. } = session;
        drop(fleet);
        server.end()?;
        let (written, kept) =
            (lab.places.counted(), lab.places.counted().with_file_name(format!("callgrind.{name}.out")));
        fs::rename(written, &kept)?;
        Ok((instructions(*kind, &fs::read_to_string(kept)?)?, done))
    }
}

/// From what `callgrind` has written.
fn instructions(kind: Kind, text: &str) -> io::Result<u64> {
    let total = text.lines().rev().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
    total.ok_or_else(|| io::Error::other(format!("valgrind counted nothing of {}", kind.name())))
}

/// Less than an event takes.
const STEP: Duration = Duration::from_micros(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_last_that_was_written() {
        let text = "version: 1\nsummary: 5\nfn=(1) totals\n3 4\ntotals: 1234567\n";
        assert_eq!(instructions(Kind::Fanfare, text).unwrap(), 1_234_567);
        assert!(instructions(Kind::Fanfare, "version: 1\n").is_err());
    }

    #[test]
    fn much_is_more_than_little() {
        for Row { little, much, .. } in ROWS {
            assert!(much.clients * (1 + much.events as usize) > little.clients * (1 + little.events as usize));
        }
    }
}
