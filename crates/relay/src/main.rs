//! The `fanfare` binary: a Socket.IO broadcast relay.
//!
//! In reading order: [`cli`] (what an operator types), [`config`] (flags, environment and file become one
//! [`config::Config`]), [`rules`] (what an event means), [`serve`] (from the configuration to a running relay, and
//! its end), [`relay`] (an event comes in), [`site`] (everything else by HTTP).

mod cli;
mod config;
mod listen;
mod logging;
mod names;
mod relay;
mod rules;
mod serve;
mod settings;
mod site;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::config::Loaded;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let flags = cli.flags.given();
    let loaded = config::load(cli.flags.config.as_deref(), std::env::vars_os(), &flags);
    let Loaded { config, warnings } = match loaded {
        Ok(loaded) => loaded,
        Err(problems) => {
            for problem in problems {
                eprintln!("fanfare: {problem}");
            }
            return ExitCode::from(EXIT_BAD_CONFIG);
        }
    };
    for warning in warnings {
        eprintln!("fanfare: warning: {warning}");
    }
    match cli.command {
        Some(Command::Check) => {
            println!("fanfare: the configuration is valid");
            ExitCode::SUCCESS
        }
        None => serve::serve(config),
    }
}

/// The status for what the operator has to change. The same status that clap gives a flag it does not know: "you asked wrongly", as opposed to "it went wrong".
pub(crate) const EXIT_BAD_CONFIG: u8 = 2;

/// The status for what went wrong inside, so that whoever watches starts it again: `EX_SOFTWARE` of `sysexits.h`.
pub(crate) const EXIT_FAILED: u8 = 70;
