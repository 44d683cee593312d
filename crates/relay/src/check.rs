//! `fanfare check`: would it start?

use std::process::ExitCode;

use crate::EXIT_BAD_CONFIG;
use crate::bundle::read_bundle;
use crate::config::Config;
use crate::listen;
use crate::print::{Stream, print};

/// Tries what a start does beyond reading the configuration, without serving anybody.
pub(crate) fn check(config: &Config) -> ExitCode {
    let mut problems = Vec::new();
    if let Err(message) = read_bundle(config) {
        problems.push(format!("fanfare: {message}"));
    }
    for attempt in listen::attempt(config) {
        match attempt {
            Ok(()) => {}
            // Most often it is the relay itself that runs, and whose next configuration this is.
            Err(error) if error.is_taken() => print(Stream::Err, &[format!("fanfare: warning: {error}")]),
            Err(error) => problems.push(format!("fanfare: {error}")),
        }
    }
    print(Stream::Err, &problems);
    if problems.is_empty() {
        let drain = format!("fanfare: an end with clients takes at most {}", config.drain);
        print(Stream::Out, &["fanfare: the configuration is valid".to_owned(), drain]);
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_BAD_CONFIG)
    }
}
