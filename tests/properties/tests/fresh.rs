//! The properties under inputs that nobody has seen yet: each run draws a seed of its own.
//!
//! A finding prints the input and the seed; `FANFARE_SEED=<seed> cargo test -p fanfare-properties --test fresh` is the
//! same run again. `FANFARE_INPUTS` is how many inputs each target gets, where more time is at hand.

use std::env;
use std::hash::{BuildHasher, RandomState};
use std::panic::{self, AssertUnwindSafe};

use fanfare_properties::{TARGETS, corpus, seeds};

#[test]
fn every_property_holds_for_inputs_of_a_fresh_seed() {
    let (seed, inputs) = (seed(), number("FANFARE_INPUTS").unwrap_or(INPUTS));
    println!("FANFARE_SEED={seed} FANFARE_INPUTS={inputs}");
    for (index, (name, check)) in TARGETS.into_iter().enumerate() {
        // Each target has dice of its own: a new one does not change what the others see.
        let mut dice = Dice(seed.wrapping_add(index as u64));
        let known: Vec<Vec<u8>> =
            seeds::of(name).into_iter().chain(corpus::read(name).expect("corpora can be read")).collect();
        for _ in 0..inputs {
            let input = dice.input(&known);
            if let Err(broken) = panic::catch_unwind(AssertUnwindSafe(|| check(&input))) {
                eprintln!("{name} is broken by b\"{}\"; again with FANFARE_SEED={seed}", input.escape_ascii());
                panic::resume_unwind(broken);
            }
        }
    }
}

#[test]
fn a_seed_is_a_run() {
    let known = [b"one".to_vec(), b"another".to_vec()];
    let run = |seed| {
        let mut dice = Dice(seed);
        (0..100).map(|_| dice.input(&known)).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

fn seed() -> u64 {
    // The standard library's hashers are keyed at random: that is all the randomness a test needs.
    number("FANFARE_SEED").unwrap_or_else(|| RandomState::new().hash_one(0))
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {value:?}")))
}

/// A second or two of a debug build for all targets together.
const INPUTS: u64 = 1_000;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    /// Bytes that are nothing at all, which is what a list of operations is made of; or a known input with a few things
    /// changed, which comes further in a grammar.
    fn input(&mut self, known: &[Vec<u8>]) -> Vec<u8> {
        if known.is_empty() || self.below(4) == 0 {
            return self.bytes(8 * 72);
        }
        let mut input = self.choose(known).clone();
        for _ in 0..=self.below(4) {
            self.change(&mut input, known);
        }
        input.truncate(INPUT_LEN_MAX);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, known: &[Vec<u8>]) {
        let (start, end) = self.range(input.len());
        match self.below(6) {
            0 => drop(input.drain(start..end)),
            1 => {
                let piece = input[start..end].to_vec();
                input.splice(start..start, piece);
            }
            2 => {
                let other = self.choose(known).clone();
                let (from, to) = self.range(other.len());
                input.splice(start..end, other[from..to].iter().copied());
            }
            3 => {
                let noise = self.bytes(4);
                input.splice(start..start, noise);
            }
            4 => {
                // Numbers at the edges of what counts and ids may be.
                let edges: [&[u8]; 6] = [b"0", b"11", b"255", b"65536", b"4294967296", b"18446744073709551616"];
                let edge = *self.choose(&edges);
                input.splice(start..end, edge.iter().copied());
            }
            _ => {
                if let Some(byte) = input.get_mut(start) {
                    *byte ^= 1 << self.below(8);
                }
            }
        }
    }

    fn bytes(&mut self, len_max: u64) -> Vec<u8> {
        (0..self.below(len_max + 1)).map(|_| self.roll() as u8).collect()
    }

    fn range(&mut self, len: usize) -> (usize, usize) {
        let start = self.below(len as u64 + 1) as usize;
        let end = start + self.below((len - start) as u64 + 1) as usize;
        (start, end)
    }

    fn choose<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }
}

/// As the fuzzer's own bound.
const INPUT_LEN_MAX: usize = 4096;
