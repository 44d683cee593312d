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
    printed(&text(script))
}

/// `fanfare man`: one page for all, its subcommands too.
pub(crate) fn man() -> ExitCode {
    let command = Cli::command();
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).expect("a buffer takes everything");
    // It is said how they are called; clap_mangen would refer to pages that there are not.
    let page = command.get_subcommands().fold(text(page), |page, subcommand| {
        let name = subcommand.get_name();
        page.replace(&format!("fanfare\\-{name}(1)"), &format!("fanfare {name}"))
    });
    printed(&page.replace("fanfare\\-help(1)", "fanfare help"))
}

fn printed(text: &str) -> ExitCode {
    print(Stream::Out, &[text.trim_end().to_owned()]);
    ExitCode::SUCCESS
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("clap writes text")
}
