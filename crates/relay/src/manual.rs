//! What is typed, for shells and `man`: written by clap from [`Cli`], so that it is never behind.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::print::{Stream, print};

/// `fanfare completions`.
pub(crate) fn completions(shell: Shell) -> ExitCode {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    printed(script)
}

/// `fanfare man`: one page for all, the subcommands too.
pub(crate) fn man() -> ExitCode {
    let mut page = Vec::new();
    Man::new(Cli::command().flatten_help(true)).render(&mut page).expect("a buffer takes everything");
    printed(page)
}

fn printed(text: Vec<u8>) -> ExitCode {
    print(Stream::Out, &[String::from_utf8(text).expect("clap writes text").trim_end().to_owned()]);
    ExitCode::SUCCESS
}
