//! Which runs are made, in which order.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::record::{self, METRICS, Record};
use crate::server::Kind;
use crate::summary::short;
use crate::workload::{Lab, Workload};

/// Workload by workload, round by round, server by server: what is compared was measured within a minute.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) workloads: Vec<&'static Workload>,
    /// Instead of each workload's own, if there are any.
    pub(crate) servers: Vec<Kind>,
    pub(crate) rounds: Option<u32>,
    pub(crate) results: Option<PathBuf>,
    /// No run is begun after this time.
    pub(crate) at_most: Duration,
}

impl Plan {
    /// Makes the runs, prints each, and gives them back.
    pub(crate) fn run(&self, lab: &Lab) -> io::Result<Vec<Record>> {
        let begun = Instant::now();
        let mut records = Vec::new();
        for workload in &self.workloads {
            let servers = self.servers_of(workload, lab);
            let rounds = self.rounds.unwrap_or(if lab.is_quick { 1 } else { workload.rounds });
            for round in 0..rounds {
                // Each server comes first once: a machine that warms up does not favour one of them.
                for index in 0..servers.len() {
                    let Some(server) = servers.get((index + round as usize) % servers.len()) else { continue };
                    if begun.elapsed() > self.at_most {
                        eprintln!("{}: {} left out, the time is over", workload.name, server.name());
                        continue;
                    }
                    if let Some(record) = run_once(lab, workload, *server, round) {
                        if let Some(file) = &self.results {
                            record::append(file, &record)?;
                        }
                        records.push(record);
                    }
                }
            }
        }
        Ok(records)
    }

    fn servers_of(&self, workload: &Workload, lab: &Lab) -> Vec<Kind> {
        let mut servers = match self.servers.as_slice() {
            [] => workload.servers.to_vec(),
            chosen => chosen.to_vec(),
        };
        servers.retain(|server| {
            let is_installed = server.is_installed(&lab.places);
            if !is_installed {
                eprintln!("{}: {} left out, it is not installed", workload.name, server.name());
            }
            is_installed
        });
        servers
    }
}

/// One run; one that could not be made is said, and the others go on.
fn run_once(lab: &Lab, workload: &Workload, server: Kind, round: u32) -> Option<Record> {
    let mut record = workload.record(lab, server, round);
    if let Err(error) = workload.shape.run(lab, server, &mut record) {
        eprintln!("{} on {}: {error}", workload.name, server.name());
        return None;
    }
    print(&record);
    Some(record)
}

fn print(record: &Record) {
    let Record { workload, server, sent, delivered, lost, reordered, wrong, closed, .. } = record;
    let figures: Vec<String> = METRICS
        .iter()
        .filter_map(|metric| record.figure(*metric).map(|figure| format!("{}={}", metric.key, short(figure))))
        .collect();
    let verdict = if record.is_valid() { "" } else { "DOES NOT COUNT: " };
    println!(
        "{workload:18} {:13} {verdict}sent={sent} delivered={delivered} lost={lost} reordered={reordered} wrong={wrong} closed={closed} {}",
        server.name(),
        figures.join(" ")
    );
}
