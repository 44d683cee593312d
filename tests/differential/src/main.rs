//! Our codecs beside the reference's: `socket.io-parser`, `engine.io-parser` and `@socket.io/redis-adapter` with
//! `notepack.io`, in one Node process.
//!
//! What one accepts the other accepts, as the same packet; what one writes the other reads as the same values. Where
//! we refuse what the reference takes, a [quirk](quirks) says why, and nothing else may differ.
//!
//! ```text
//! cargo run -p fanfare-differential [-- SEED [INPUTS]]
//! ```
//!
//! The same seed gives the same inputs. Exits non-zero after printing what differed.

mod cluster;
mod engineio;
mod generate;
mod inputs;
mod quirks;
mod random;
mod reference;
mod socketio;
mod value;

use std::process::ExitCode;

use random::Random;
use reference::Reference;

/// Generated inputs of each run, all kinds together.
const INPUTS: usize = 100_000;
const SEED: u64 = 20_261_122;

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(differences) => {
            eprintln!("differential: {differences} differences");
            ExitCode::FAILURE
        }
        Err(message) => {
            eprintln!("differential: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<usize, String> {
    let mut arguments = std::env::args().skip(1).map(|argument| {
        argument.parse::<u64>().map_err(|_| format!("{argument} is no number: the arguments are SEED and INPUTS"))
    });
    let seed = arguments.next().transpose()?.unwrap_or(SEED);
    let inputs = match arguments.next().transpose()? {
        Some(inputs) => usize::try_from(inputs).map_err(|error| error.to_string())?,
        None => INPUTS,
    };
    println!("differential: seed {seed}, {inputs} generated inputs");

    let mut reference = Reference::start()?;
    let mut random = Random::new(seed);
    let mut differences = socketio::vectors(&mut reference)?;
    differences += socketio::corpora(&mut reference)?;
    differences += socketio::attacks(&mut reference)?;
    differences += engineio::corpora(&mut reference)?;
    // Most of what can differ is in the packets of Socket.IO.
    differences += socketio::generated(&mut reference, &mut random, inputs * 6 / 10)?;
    differences += socketio::values(&mut reference, &mut random, inputs * 2 / 10)?;
    differences += engineio::generated(&mut reference, &mut random, inputs / 10)?;
    differences += engineio::values(&mut reference, &mut random, inputs / 10)?;
    differences += cluster::messages(&mut reference, &mut random, inputs / 10)?;
    differences += cluster::values(&mut reference, &mut random, inputs / 10)?;
    differences += quirks::report(&reference.quirks_seen);
    Ok(differences)
}
