//! The `fanfare` binary: a Socket.IO broadcast relay.
//!
//! In reading order: [`cli`] (what an operator types), [`config`] (flags, environment and file become one
//! [`config::Config`]), [`check`] (would it start?), [`against`] (what would a reload change?), [`effective`] (what holds), [`health`] (is it well?; [`question`] asks), [`manual`] (what is typed, for shells and
//! `man`), [`serve`] (from the configuration to a running relay, and its end), [`drain`] (how its clients leave before that), [`gate`] (who may begin a connection now),
//! [`auth`] (who somebody is), [`cluster`] (with which other servers it is one), [`relay`] (an event comes in, and the crate
//! `policy` says what it means), [`site`] (everything else by HTTP), [`reload`] (another configuration holds), [`ops`] (what
//! operators ask), [`api`] (what programs ask), [`admin`] (what people see and do by a page), [`log`]; and
//! [`shell`], a client of any server.

mod admin;
mod against;
mod api;
mod auth;
mod bundle;
mod check;
mod cli;
mod cluster;
mod config;
mod container;
mod descriptors;
mod drain;
mod effective;
mod gate;
mod health;
mod listen;
mod log;
mod machine;
mod manual;
mod memory;
mod notify;
mod ops;
mod print;
mod question;
mod readiness;
mod relay;
mod reload;
mod serve;
mod shell;
mod signals;
mod site;
mod tls;

use std::process::ExitCode;

use crate::admin::password_command;
use crate::api::key_command;
use crate::auth::token_command;
use crate::cli::{Cli, Command, Flags};
use crate::config::{Loaded, Problem};
use crate::print::{Stream, print};

fn main() -> ExitCode {
    let cli = Cli::read();
    match &cli.command {
        None => serve_by(&cli.flags),
        Some(Command::Check { against: None }) => with_config(&cli.flags, |loaded| check::check(&loaded.config)),
        Some(Command::Check { against: Some(url) }) => check_against(&cli.flags, url),
        Some(Command::Config { json }) => {
            with_config(&cli.flags, |loaded| effective::print_all(&loaded.effective, *json))
        }
        Some(Command::Defaults) => without_settings(&cli.flags, "defaults", effective::print_defaults),
        Some(Command::Token(arguments)) => {
            with_config(&cli.flags, |loaded| token_command::run(&loaded.config.auth, arguments))
        }
        Some(Command::Key { name }) => without_settings(&cli.flags, "key", || key_command::run(name)),
        Some(Command::Password { stdin }) => without_settings(&cli.flags, "password", || password_command::run(*stdin)),
        Some(Command::Health { url }) => health::health(url.as_deref(), || load(&cli.flags)),
        Some(Command::Listen(arguments)) => shell::listen(arguments, &cli.flags),
        Some(Command::Emit(arguments)) => shell::emit(arguments, &cli.flags),
        Some(Command::Api(arguments)) => shell::api(arguments, &cli.flags),
        Some(Command::Completions { shell }) => {
            without_settings(&cli.flags, "completions", || manual::completions(*shell))
        }
        Some(Command::Man) => without_settings(&cli.flags, "man", manual::man),
    }
}

/// Serves, and reads the configuration anew when it is asked to.
fn serve_by(flags: &Flags) -> ExitCode {
    let (file, given) = (flags.config.clone(), flags.given());
    let load = move || config::load(file.as_deref(), std::env::vars_os(), &given);
    go_on(load(), |loaded| serve::serve(loaded, load))
}

/// The token for operators may be in the environment here though the configuration names none, which would else be a slip.
fn check_against(flags: &Flags, url: &str) -> ExitCode {
    let token = std::env::var(against::TOKEN).ok().filter(|token| !token.is_empty());
    let variables = std::env::vars_os().filter(|(name, _)| name != against::TOKEN);
    let without = config::load(flags.config.as_deref(), variables, &flags.given());
    let loaded = if token.is_some() { without.or_else(|_| load(flags)) } else { without };
    go_on(loaded, |loaded| against::against(url, token.as_deref(), &loaded))
}

fn with_config(flags: &Flags, then: impl FnOnce(Loaded) -> ExitCode) -> ExitCode {
    go_on(load(flags), then)
}

/// Goes on if no setting was given, since none would count.
fn without_settings(flags: &Flags, command: &str, then: impl FnOnce() -> ExitCode) -> ExitCode {
    match flags.unfit(command, &[]) {
        Ok(()) => then(),
        Err(problem) => {
            print(Stream::Err, &[format!("fanfare: {problem}")]);
            ExitCode::from(EXIT_BAD_CONFIG)
        }
    }
}

/// Goes on if the configuration is right.
fn go_on(loaded: Result<Loaded, Vec<Problem>>, then: impl FnOnce(Loaded) -> ExitCode) -> ExitCode {
    match loaded {
        Ok(loaded) => {
            print(Stream::Err, &lines("warning: ", &loaded.warnings));
            then(loaded)
        }
        Err(problems) => {
            print(Stream::Err, &lines("", &problems));
            ExitCode::from(EXIT_BAD_CONFIG)
        }
    }
}

/// # Errors
/// What is wrong with the configuration.
fn load(flags: &Flags) -> Result<Loaded, Vec<Problem>> {
    config::load(flags.config.as_deref(), std::env::vars_os(), &flags.given())
}

fn lines(kind: &str, problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|problem| format!("fanfare: {kind}{problem}")).collect()
}

/// The status for what the operator has to change. The same status that clap gives a flag it does not know: "you asked wrongly", as opposed to "it went wrong".
pub(crate) const EXIT_BAD_CONFIG: u8 = 2;

/// The status for what went wrong inside, so that whoever watches starts it again: `EX_SOFTWARE` of `sysexits.h`.
pub(crate) const EXIT_FAILED: u8 = 70;
