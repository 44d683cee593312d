//! The command line.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::cores::Cores;
use crate::pair::Side;
use crate::serve::Serve;
use crate::server::{Kind, Places};
use crate::workload::Lab;

/// Measures Fanfare, the floor and its peers.
#[derive(Debug, Parser)]
#[command(name = "fanfare-bench")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the workloads and the servers each is meant for
    List,
    /// Run some workloads and print what each run gave
    Run {
        /// Names from `list`
        #[arg(required = true)]
        names: Vec<String>,
        /// On these servers instead of those of the full run; separated by commas
        #[arg(long, value_delimiter = ',')]
        server: Vec<Kind>,
        /// How often, instead of as often as in the full run
        #[arg(long)]
        rounds: Option<u32>,
        /// Add the results to this file
        #[arg(long)]
        results: Option<PathBuf>,
        #[command(flatten)]
        how: How,
    },
    /// Compare two builds of the relay, or other servers, in turn on the same machine
    Pair {
        /// The relay as it was: its program, or the name of another server
        #[arg(long, value_parser = side)]
        a: Side,
        /// The relay as it is
        #[arg(long, value_parser = side)]
        b: Side,
        /// These workloads instead of the main ones; separated by commas
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// How often both are started anew
        #[arg(long, default_value_t = 3)]
        rounds: u32,
        /// Begin no round after this many seconds
        #[arg(long, default_value_t = 570)]
        at_most_s: u64,
        #[command(flatten)]
        how: How,
    },
    /// Count the instructions of two servers with valgrind: what the clock cannot tell apart
    Count {
        /// The relay as it was: its program, or the name of another server
        #[arg(long, value_parser = side)]
        a: Side,
        /// The relay as it is
        #[arg(long, value_parser = side)]
        b: Side,
        #[command(flatten)]
        how: How,
    },
    /// Run everything and write the tables
    All {
        /// The file with the markers that the tables go between
        #[arg(long)]
        report: PathBuf,
        /// Keep the results in this file [default: target/bench/results.jsonl]
        #[arg(long)]
        results: Option<PathBuf>,
        /// How often, instead of what each workload says
        #[arg(long)]
        rounds: Option<u32>,
        /// Begin no run after this many seconds
        #[arg(long, default_value_t = 1_620)]
        at_most_s: u64,
        #[command(flatten)]
        how: How,
    },
    /// Write the tables again from results
    Report {
        #[arg(long)]
        results: Option<PathBuf>,
        /// The file with the markers; without one the tables are printed
        #[arg(long)]
        into: Option<PathBuf>,
    },
    /// Be the floor: a bare relay, until killed
    Floor {
        /// Write all that came with one wake-up at once
        #[arg(long)]
        batched: bool,
        /// Answer polls, instead of WebSockets
        #[arg(long, conflicts_with_all = ["batched", "others", "ping_interval_ms"])]
        polling: bool,
        /// Hear what is published on the Redis at this URL, and drop it
        #[arg(long, conflicts_with_all = ["batched", "polling", "others", "ping_interval_ms"])]
        redis: Option<String>,
        /// Send an event to everybody but its sender
        #[arg(long)]
        others: bool,
        /// Ping each client this often
        #[arg(long)]
        ping_interval_ms: Option<u64>,
    },
    /// Be a server made of the library, until killed
    Serve(Serve),
}

/// How runs are made.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// A fifth of the clients and of the time: shows that it works, measures nothing
    #[arg(long)]
    quick: bool,
    /// Measure a fan-out for so long, for instance to have time to attach a profiler
    #[arg(long)]
    seconds: Option<u64>,
    /// Leave the relay the limits that it has by itself, in all rows
    #[arg(long)]
    limits: bool,
    /// The core of the server
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// The core of the load
    #[arg(long, default_value_t = 1)]
    load_core: usize,
}

impl How {
    pub(crate) fn lab(&self, places: Places) -> Lab {
        Lab {
            places,
            cores: Cores { server: self.server_core, load: self.load_core },
            is_quick: self.quick,
            measured: self.seconds.map(Duration::from_secs),
            has_limits: self.limits,
        }
    }
}

fn side(text: &str) -> Result<Side, Infallible> {
    Ok(Side::parse(text))
}

/// A day is more than any measurement takes.
pub(crate) fn interval(ms: Option<u64>) -> Option<Duration> {
    ms.map(|ms| Duration::from_millis(ms.clamp(1, 86_400_000)))
}
