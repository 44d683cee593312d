//! Two servers side by side: what a change costs.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::record::{
    CPU_PER_CONNECT, CPU_PER_DELIVERY, CPU_PER_PING, KIB_PER_CLIENT, Metric, P99, PAIR_P99_FLOODED, Record,
};
use crate::server::Kind;
use crate::summary::{Spread, short};
use crate::workload::{FanOut, Lab, Shape, Workload};

/// The same work on two servers, in turn: A B, B A, A B, … so that a machine that gets slower or faster meanwhile does so
/// for both.
///
/// A fan-out has both servers running at once, each with its clients, and the turns are a third of a second long; what has to
/// begin with a new process (connections, memory) is run as a whole, in turn.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) a: Side,
    pub(crate) b: Side,
    pub(crate) workloads: Vec<&'static Workload>,
    /// How often both begin anew: two processes of one program may differ, by where their memory lies.
    pub(crate) rounds: u32,
    /// No round is begun after this time.
    pub(crate) at_most: Duration,
}

/// One of the two.
#[derive(Debug, Clone)]
pub(crate) enum Side {
    /// A build of the relay.
    Build(PathBuf),
    /// Another server, by its name.
    Named(Kind),
}

impl Side {
    /// What has the name of a server is that server, and everything else a program.
    pub(crate) fn parse(text: &str) -> Self {
        Kind::from_str(text, false).map_or_else(|_| Self::Build(PathBuf::from(text)), Self::Named)
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Build(_) => Kind::Fanfare,
            Self::Named(kind) => *kind,
        }
    }

    /// Where it is measured.
    pub(crate) fn place(&self, lab: &Lab) -> io::Result<Place> {
        let mut lab = lab.clone();
        if let Self::Build(program) = self {
            if !program.is_file() {
                return Err(io::Error::other(format!("there is no program {}", program.display())));
            }
            lab.places.fanfare = Some(program.clone());
        } else if !self.kind().is_installed(&lab.places) {
            return Err(io::Error::other(format!("{} is not installed", self.kind().name())));
        }
        Ok((lab, self.kind()))
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(program) => write!(f, "{}", program.display()),
            Self::Named(kind) => f.write_str(kind.name()),
        }
    }
}

/// The lab whose relay is this side's, and which server is started in it.
pub(crate) type Place = (Lab, Kind);

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
        let places = [self.a.place(lab)?, self.b.place(lab)?];
        println!("A: {}\nB: {}\n", self.a, self.b);
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
                    Shape::FanOut(fan_out) => measure_together(workload, fan_out, &places, round),
                    shape => measure_apart(workload, shape, &places, round),
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

/// Both servers at once, measured in turn.
fn measure_together(workload: &Workload, fan_out: FanOut, places: &[Place; 2], round: u32) -> io::Result<Vec<Turn>> {
    let mut sessions = Vec::new();
    for side in order(round) {
        let (lab, kind) = &places[side];
        sessions.push((side, fan_out.prepare(lab, *kind)?.0));
    }
    sessions.sort_by_key(|(side, _)| *side);
    let mut turns = Vec::new();
    for turn in 0..if places[A].0.is_quick { 2 } else { TURNS } {
        let mut records = records(workload, places, turn);
        for side in order(round + turn) {
            fan_out.measure(&mut sessions[side].1, TURN, &mut records[side])?;
        }
        turns.push(Turn::of(records)?);
    }
    Ok(turns)
}

/// One after the other, each from its start to its end.
fn measure_apart(workload: &Workload, shape: Shape, places: &[Place; 2], round: u32) -> io::Result<Vec<Turn>> {
    let mut records = records(workload, places, round);
    for side in order(round) {
        let (lab, kind) = &places[side];
        shape.run(lab, *kind, &mut records[side])?;
    }
    Ok(vec![Turn::of(records)?])
}

fn records(workload: &Workload, places: &[Place; 2], round: u32) -> [Record; 2] {
    places.each_ref().map(|(lab, kind)| workload.record(lab, *kind, round))
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
    fn a_side_is_a_server_by_its_name_or_a_program() {
        assert!(matches!(Side::parse("embedded-struct"), Side::Named(Kind::EmbeddedStruct)));
        assert!(matches!(Side::parse("target/release/fanfare"), Side::Build(_)));
    }

    #[test]
    fn the_main_rows_exist() {
        for name in MAIN {
            assert!(Workload::find(name).is_some(), "{name}");
        }
    }
}
