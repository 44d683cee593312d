//! `fanfare config` and `fanfare defaults`: what holds, and what would hold if nothing was said.

use std::process::ExitCode;

use crate::config::{Effective, defaults, page};
use crate::print::{Stream, print};

/// Prints what holds as a file, or as JSON.
pub(crate) fn print_all(effective: &Effective, is_json: bool) -> ExitCode {
    let lines =
        if is_json { serde_json::to_string_pretty(&effective.lines()).into_iter().collect() } else { page(effective) };
    print(Stream::Out, &lines);
    ExitCode::SUCCESS
}

/// Prints a file to start from.
pub(crate) fn print_defaults() -> ExitCode {
    print(Stream::Out, &defaults());
    ExitCode::SUCCESS
}
