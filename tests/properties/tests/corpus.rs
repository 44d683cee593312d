//! The fuzzer's seeds and the inputs it found worth keeping, on stable and without a fuzzer.

use fanfare_properties::{TARGETS, corpus, seeds};

#[test]
fn every_property_holds_for_its_seeds_and_corpus() {
    for (name, check) in TARGETS {
        for input in seeds::of(name).into_iter().chain(corpus::read(name).expect("corpora can be read")) {
            let _named = Named(name, &input);
            check(&input);
        }
    }
}

/// Inputs that are cut off are further ones.
#[test]
fn every_property_holds_for_prefixes_of_its_seeds() {
    for (name, check) in TARGETS {
        for input in seeds::of(name) {
            for end in (0..input.len()).step_by(input.len() / 24 + 1) {
                let _named = Named(name, &input[..end]);
                check(&input[..end]);
            }
        }
    }
}

/// Lists of operations need no grammar: any bytes are one. So do values.
#[test]
fn every_property_holds_for_random_operations() {
    for name in [
        "engineio_session",
        "engineio_outbox",
        "engineio_outlet",
        "hub_model",
        "socketio_roundtrip",
        "policy_decide",
        "cluster_connection",
    ] {
        let (_, check) = TARGETS.into_iter().find(|(known, _)| *known == name).expect("it is a target");
        let mut dice = Dice(1);
        for _ in 0..1_000 {
            let words = 8 + dice.roll() % 64;
            let input: Vec<u8> = (0..words).flat_map(|_| dice.roll().to_le_bytes()).collect();
            let _named = Named(name, &input);
            check(&input);
        }
    }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }
}

/// Says which input it was, should it break a property.
struct Named<'a>(&'static str, &'a [u8]);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} is broken by b\"{}\"", self.0, self.1.escape_ascii());
        }
    }
}
