//! The `fanfare` binary: a Socket.IO broadcast relay.
//!
//! In reading order: [`cli`] (what an operator types), [`config`] (flags, environment and file become one
//! [`config::Config`]), [`check`] (would it start?), [`serve`] (from the configuration to a running relay, and its end),
//! [`relay`] (an event comes in, and the crate `policy` says what it means), [`site`] (everything else by HTTP), [`ops`] (what operators ask), [`log`].

mod check;
mod cli;
mod config;
mod container;
mod descriptors;
mod listen;
mod log;
mod machine;
mod memory;
mod ops;
mod print;
mod relay;
mod serve;
mod signals;
mod site;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::config::{Loaded, Problem};
use crate::print::{Stream, print};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let flags = cli.flags.given();
    let loaded = config::load(cli.flags.config.as_deref(), std::env::vars_os(), &flags);
    let Loaded { config, warnings } = match loaded {
        Ok(loaded) => loaded,
        Err(problems) => {
            print(Stream::Err, &lines("", &problems));
            return ExitCode::from(EXIT_BAD_CONFIG);
        }
    };
    print(Stream::Err, &lines("warning: ", &warnings));
    match cli.command {
        Some(Command::Check) => check::check(&config),
        None => serve::serve(config),
    }
}

fn lines(kind: &str, problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|problem| format!("fanfare: {kind}{problem}")).collect()
}

/// The status for what the operator has to change. The same status that clap gives a flag it does not know: "you asked wrongly", as opposed to "it went wrong".
pub(crate) const EXIT_BAD_CONFIG: u8 = 2;

/// The status for what went wrong inside, so that whoever watches starts it again: `EX_SOFTWARE` of `sysexits.h`.
pub(crate) const EXIT_FAILED: u8 = 70;
