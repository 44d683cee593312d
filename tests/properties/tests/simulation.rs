//! The whole server in virtual time, under seeds that nobody has seen yet.
//!
//! A finding prints its seed; `FANFARE_SEED=<seed> cargo test -p fanfare-properties --test simulation` is the same run
//! again. `FANFARE_INPUTS` is how many runs there are, where more time is at hand.

use std::env;
use std::hash::{BuildHasher, RandomState};
use std::panic;

use fanfare_properties::simulation;

#[test]
fn every_receiver_gets_every_sender_s_events_in_order_once_or_is_closed_with_a_reason() {
    let (only, runs) = (number("FANFARE_SEED"), number("FANFARE_INPUTS").unwrap_or(RUNS));
    let first = only.unwrap_or_else(|| RandomState::new().hash_one(0));
    let runs = if only.is_some() { 1 } else { runs };
    let (mut delivered, mut upgraded, mut polling, mut slow, mut ended) = (0, 0, 0, 0, 0);
    for seed in (0..runs).map(|run| first.wrapping_add(run)) {
        let summary = panic::catch_unwind(|| simulation::run(seed)).unwrap_or_else(|broken| {
            eprintln!("again with FANFARE_SEED={seed}");
            panic::resume_unwind(broken);
        });
        delivered += summary.delivered;
        upgraded += summary.upgraded;
        polling += summary.polling;
        slow += summary.slow;
        ended += summary.ended;
    }
    println!("{delivered} delivered; {upgraded} upgraded, {polling} polling, {slow} slow, {ended} ended otherwise");
    // A simulation in which nothing happens would find nothing.
    if only.is_none() && runs >= RUNS {
        assert!(delivered > 20_000 && upgraded > 50 && polling > 50 && slow > 10 && ended > 10);
    }
}

#[test]
fn a_seed_is_a_run() {
    assert_eq!(simulation::run(7), simulation::run(7));
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {value:?}")))
}

/// Some seconds of a debug build.
const RUNS: u64 = 300;
