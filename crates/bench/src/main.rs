//! The instrument: a load generator, the floor, and the peers, measured side by side.
//!
//! In reading order: [`workload`] (what is measured), [`load`] (the clients), [`tally`] (what arrived), [`server`] (who
//! is measured, and what it used), [`floor`] (what the kernel charges), [`serve`] (servers made of the library), [`summary`] and
//! [`report`] (the figures), [`pair`] and [`count`] (two
//! servers side by side). The README says how to read them.

mod cli;
mod cores;
mod count;
mod floor;
mod histogram;
mod load;
mod pair;
mod plan;
mod record;
mod report;
mod serve;
mod server;
mod summary;
mod tally;
mod wire;
mod workload;

use std::fs;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::count::Count;
use crate::pair::{MAIN, Pair};
use crate::plan::Plan;
use crate::server::Places;
use crate::workload::{WORKLOADS, Workload};

fn main() -> ExitCode {
    match execute(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fanfare-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> io::Result<()> {
    let places = Places::find()?;
    match command {
        Command::Floor { redis: Some(url), .. } => floor::run_subscriber(&url),
        Command::Floor { polling: true, .. } => floor::run_polling(),
        Command::Floor { batched, others, ping_interval_ms, .. } => {
            floor::run(batched, others, cli::interval(ping_interval_ms))
        }
        Command::Serve(serve) => serve.run(),
        Command::List => {
            list();
            Ok(())
        }
        Command::Run { names, server, rounds, results, how } => {
            Plan { workloads: find(&names)?, servers: server, rounds, results, at_most: RUN_MAX }
                .run(&how.lab(places))?;
            Ok(())
        }
        Command::Pair { a, b, only, rounds, at_most_s, how } => {
            let workloads = if only.is_empty() { find(MAIN)? } else { find(&only)? };
            let at_most = Duration::from_secs(at_most_s);
            Pair { a, b, workloads, rounds, at_most }.run(&how.lab(places))
        }
        Command::Count { a, b, how } => Count { a, b }.run(&how.lab(places)),
        Command::All { report, results, rounds, at_most_s, how } => {
            let results = results.unwrap_or_else(|| places.results());
            if results.exists() {
                fs::remove_file(&results)?;
            }
            let at_most = Duration::from_secs(at_most_s);
            let workloads = WORKLOADS.iter().collect();
            let plan = Plan { workloads, servers: Vec::new(), rounds, results: Some(results), at_most };
            let records = plan.run(&how.lab(places))?;
            report::write_into(&report, &records)
        }
        Command::Report { results, into } => {
            let records = record::read(&results.unwrap_or_else(|| places.results()))?;
            match into {
                Some(file) => report::write_into(&file, &records),
                None => {
                    print!("{}", report::render(&records));
                    Ok(())
                }
            }
        }
    }
}

fn find<T: AsRef<str>>(names: &[T]) -> io::Result<Vec<&'static Workload>> {
    let found = names.iter().map(|name| {
        let name = name.as_ref();
        Workload::find(name).ok_or_else(|| io::Error::other(format!("no workload {name}: see `list`")))
    });
    found.collect()
}

fn list() {
    for workload in WORKLOADS {
        let servers: Vec<&str> = workload.servers.iter().map(|server| server.name()).collect();
        println!("{:20} {} ({})", workload.name, workload.about, servers.join(", "));
    }
}

/// An hour is more than anybody waits for.
const RUN_MAX: Duration = Duration::from_secs(3_600);
