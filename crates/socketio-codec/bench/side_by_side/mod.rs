//! Measures several ways of doing one thing in turns, and compares them turn by turn.
//!
//! On a shared machine a second is not like the next, so what is measured one after the other (as criterion and divan
//! do) cannot be compared. Turns shorter than the scheduler's are alike, and their ratio is worth something.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// One way of doing it.
pub struct Contender<'a> {
    name: &'static str,
    /// Does it so many times.
    run: Box<dyn FnMut(usize) + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new<R>(name: &'static str, mut once: impl FnMut() -> R + 'a) -> Self {
        let run = move |times| {
            for _ in 0..times {
                black_box(once());
            }
        };
        Self { name, run: Box::new(run) }
    }
}

/// Whom to run and how thoroughly.
pub struct Bench {
    filter: Option<String>,
    turns: usize,
    turn: Duration,
}

impl Bench {
    /// From the command line: `cargo bench -- FILTER`. Under `cargo test` each runs once.
    pub fn from_args() -> Self {
        let is_bench = std::env::args().any(|argument| argument == "--bench");
        let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
        let turns = if is_bench { 101 } else { 1 };
        Self { filter, turns, turn: if is_bench { Duration::from_micros(200) } else { Duration::ZERO } }
    }

    /// Prints the median time of each, and the median of its ratios to the first: above 1 is slower than the first.
    pub fn compare(&self, what: &str, bytes: usize, mut contenders: Vec<Contender<'_>>) {
        if self.filter.as_ref().is_some_and(|filter| !what.contains(filter.as_str())) {
            return;
        }
        let times: Vec<usize> = contenders.iter_mut().map(|contender| self.times_in_a_turn(contender)).collect();
        let mut turns: Vec<Vec<f64>> = vec![Vec::new(); contenders.len()];
        for _ in 0..self.turns {
            for ((contender, times), turns) in contenders.iter_mut().zip(&times).zip(&mut turns) {
                let start = Instant::now();
                (contender.run)(*times);
                turns.push(start.elapsed().as_secs_f64() / *times as f64);
            }
        }
        println!("{what} ({bytes} bytes)");
        for (contender, seconds) in contenders.iter().zip(&turns) {
            let ratios = seconds.iter().zip(&turns[0]).map(|(this, first)| this / first).collect();
            let (seconds, ratio) = (median(seconds.clone()), median(ratios));
            let speed = bytes as f64 / seconds / 1e9;
            println!("  {:44} {:>11.1} ns {speed:>7.2} GB/s {ratio:>7.2}", contender.name, seconds * 1e9);
        }
    }

    fn times_in_a_turn(&self, contender: &mut Contender<'_>) -> usize {
        let mut times = 1;
        loop {
            let start = Instant::now();
            (contender.run)(times);
            if start.elapsed() >= self.turn {
                return times;
            }
            times *= 2;
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
