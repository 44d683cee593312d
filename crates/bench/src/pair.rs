//! Two relays side by side: what a change costs.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::record::{
    CPU_PER_CONNECT, CPU_PER_DELIVERY, CPU_PER_PING, KIB_PER_CLIENT, Metric, P99, PAIR_P99_FLOODED, Record,
};
use crate::server::Kind;
use crate::summary::{Spread, short};
use crate::workload::{FanOut, Lab, Shape, Workload};

/// The same work on two relays, in turn: A B, B A, A B, … so that a machine that gets slower or faster meanwhile does so
/// for both.
///
/// A fan-out has both relays running at once, each with its clients, and the turns are a third of a second long; what has to
/// begin with a new process (connections, memory) is run as a whole, in turn.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) a: PathBuf,
    pub(crate) b: PathBuf,
    pub(crate) workloads: Vec<&'static Workload>,
    /// How often both begin anew: two processes of one program may differ, by where their memory lies.
    pub(crate) rounds: u32,
    /// No round is begun after this time.
    pub(crate) at_most: Duration,
}

/// The rows that are compared unless others are named.
pub(crate) const MAIN: &[&str] = &[
    "one-in-flight",
    "saturated",
    "sixteen-in-flight",
    "open-loop",
    "large-events",
    "many-senders",
    "polling",
    "saturated-polling",
    "connect",
    "idle-websocket",
    "default-client",
    "keep-alive",
];

impl Pair {
    /// Makes the runs, and prints a row for each figure.
    pub(crate) fn run(&self, lab: &Lab) -> io::Result<()> {
        let begun = Instant::now();
        let (lab_a, lab_b) = (with_relay(lab, &self.a)?, with_relay(lab, &self.b)?);
        println!("A: {}\nB: {}\n", self.a.display(), self.b.display());
        println!("| work | figure | A | B | B ÷ A: median (least–greatest round) | surely within | turns | |");
        println!("|---|---|---|---|---|---|---|---|");
        for workload in &self.workloads {
            let mut compared = Compared::default();
            for round in 0..self.rounds_of(workload) {
                if begun.elapsed() > self.at_most {
                    eprintln!("{}: round {round} left out, the time is over", workload.name);
                    break;
                }
                let turns = match workload.shape {
                    Shape::FanOut(fan_out) => measure_together(workload, fan_out, [&lab_a, &lab_b], round),
                    shape => measure_apart(workload, shape, [&lab_a, &lab_b], round),
                };
                match turns {
                    Ok(turns) => compared.rounds.push(turns),
                    Err(error) => eprintln!("{}, round {round}: {error}", workload.name),
                }
            }
            compared.print(workload);
        }
        Ok(())
    }

    fn rounds_of(&self, workload: &Workload) -> u32 {
        match workload.shape {
            // A second each.
            Shape::Connect { .. } => self.rounds * 4,
            Shape::FanOut(_) => self.rounds,
            // Ten seconds and more each, with little noise.
            _ => self.rounds.div_ceil(2),
        }
    }
}

fn with_relay(lab: &Lab, program: &Path) -> io::Result<Lab> {
    if !program.is_file() {
        return Err(io::Error::other(format!("there is no program {}", program.display())));
    }
    let mut lab = lab.clone();
    lab.places.fanfare = Some(program.to_owned());
    Ok(lab)
}

/// Both relays at once, measured in turn.
fn measure_together(workload: &Workload, fan_out: FanOut, labs: [&Lab; 2], round: u32) -> io::Result<Vec<Turn>> {
    let mut sessions = Vec::new();
    for side in order(round) {
        sessions.push((side, fan_out.prepare(labs[side], Kind::Fanfare)?.0));
    }
    sessions.sort_by_key(|(side, _)| *side);
    let mut turns = Vec::new();
    for turn in 0..if labs[A].is_quick { 2 } else { TURNS } {
        let mut records =
            [workload.record(labs[A], Kind::Fanfare, turn), workload.record(labs[B], Kind::Fanfare, turn)];
        for side in order(round + turn) {
            fan_out.measure(&mut sessions[side].1, TURN, &mut records[side])?;
        }
        turns.push(Turn::of(records)?);
    }
    Ok(turns)
}

/// One after the other, each from its start to its end.
fn measure_apart(workload: &Workload, shape: Shape, labs: [&Lab; 2], round: u32) -> io::Result<Vec<Turn>> {
    let mut records = [workload.record(labs[A], Kind::Fanfare, round), workload.record(labs[B], Kind::Fanfare, round)];
    for side in order(round) {
        shape.run(labs[side], Kind::Fanfare, &mut records[side])?;
    }
    Ok(vec![Turn::of(records)?])
}

/// Who comes first takes turns.
fn order(number: u32) -> [usize; 2] {
    if number.is_multiple_of(2) { [A, B] } else { [B, A] }
}

/// The figures of both, taken one right after the other.
#[derive(Debug)]
struct Turn([Record; 2]);

impl Turn {
    fn of(records: [Record; 2]) -> io::Result<Self> {
        match records.iter().position(|record| !record.is_valid()) {
            None => Ok(Self(records)),
            Some(side) => Err(io::Error::other(format!("{} does not count: {:?}", ["A", "B"][side], records[side]))),
        }
    }

    fn figure(&self, side: usize, metric: Metric) -> Option<f64> {
        self.0[side].figure(metric)
    }

    fn ratio(&self, metric: Metric) -> Option<f64> {
        Some(self.figure(B, metric)? / self.figure(A, metric)?)
    }
}

/// All turns of one workload, round by round.
#[derive(Debug, Default)]
struct Compared {
    rounds: Vec<Vec<Turn>>,
}

impl Compared {
    fn print(&self, workload: &Workload) {
        for metric in METRICS {
            let turns = || self.rounds.iter().flatten();
            let median = |side| Spread::of(turns().filter_map(|turn| turn.figure(side, *metric)).collect());
            let ratios: Vec<f64> = turns().filter_map(|turn| turn.ratio(*metric)).collect();
            let rounds = self.rounds.iter().filter_map(|turns| {
                Some(Spread::of(turns.iter().filter_map(|turn| turn.ratio(*metric)).collect())?.median)
            });
            let (Some(a), Some(b), Some(rounds)) = (median(A), median(B), Spread::of(rounds.collect())) else {
                continue;
            };
            let (low, high) = interval(ratios.clone());
            println!(
                "| {} | {} | {} | {} | {} | {low:.3}–{high:.3} | {} | {} |",
                workload.about,
                metric.caption,
                short(a.median),
                short(b.median),
                rounds.precise(),
                ratios.len(),
                verdict(ratios.len(), low, high)
            );
        }
    }
}

/// Between which two figures the median lies, nineteen times of twenty if there are six of them or more: from their order
/// alone, so that a few turns in which the machine did something else do not matter.
fn interval(mut figures: Vec<f64>) -> (f64, f64) {
    figures.sort_by(f64::total_cmp);
    let count = figures.len();
    // With so many to each side left out; of few, none.
    let out = ((count as f64 - 1.96 * (count as f64).sqrt()) / 2.0).floor().max(0.0) as usize;
    match (figures.get(out), figures.get(count.saturating_sub(out + 1))) {
        (Some(low), Some(high)) => (*low, *high),
        _ => (f64::NAN, f64::NAN),
    }
}

fn verdict(turns: usize, low: f64, high: f64) -> &'static str {
    if turns < TURNS_MIN {
        "too few turns to say"
    } else if high <= 1.0 + TOLERANCE {
        "no dearer"
    } else if low > 1.0 + TOLERANCE {
        "**dearer**"
    } else {
        "undecided"
    }
}

const A: usize = 0;
const B: usize = 1;
/// What counts as the same.
const TOLERANCE: f64 = 0.02;
/// With fewer, all of them together say less than nineteen times of twenty.
const TURNS_MIN: usize = 6;
const TURN: Duration = Duration::from_millis(300);
/// Even, so that each comes first as often.
const TURNS: u32 = 16;
const METRICS: &[Metric] = &[CPU_PER_DELIVERY, CPU_PER_CONNECT, CPU_PER_PING, P99, PAIR_P99_FLOODED, KIB_PER_CLIENT];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_wild_turns_do_not_move_the_interval() {
        let mut figures: Vec<f64> = (0..40).map(|turn| 1.0 + f64::from(turn % 5) / 1_000.0).collect();
        figures.extend([3.0, 0.2, 5.0]);
        let (low, high) = interval(figures);
        assert!((1.0..=1.002).contains(&low) && (1.002..=1.004).contains(&high), "{low} {high}");
    }

    #[test]
    fn of_few_turns_all_count() {
        assert_eq!(interval(vec![1.1, 0.9, 1.0]), (0.9, 1.1));
        assert_eq!(verdict(3, 0.9, 1.0), "too few turns to say");
        assert!(interval(Vec::new()).0.is_nan());
    }

    #[test]
    fn the_verdict_is_about_the_whole_interval() {
        assert_eq!(verdict(6, 0.5, 1.02), "no dearer");
        assert_eq!(verdict(6, 1.03, 1.04), "**dearer**");
        assert_eq!(verdict(6, 1.0, 1.03), "undecided");
    }

    #[test]
    fn each_comes_first_as_often() {
        let first: Vec<usize> = (0..TURNS).map(|turn| order(turn)[0]).collect();
        assert_eq!(first.iter().filter(|side| **side == A).count() * 2, first.len());
    }

    #[test]
    fn the_main_rows_exist() {
        for name in MAIN {
            assert!(Workload::find(name).is_some(), "{name}");
        }
    }
}
