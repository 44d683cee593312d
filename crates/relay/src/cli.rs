//! The command line.
//!
//! Flags are only collected here, as text: what they mean is said once, by the table in
//! [`crate::config`], which reads a flag, a variable and a key of the file alike.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::auth::token_command::TokenArgs;
use crate::shell::{ApiArgs, EmitArgs, ListenArgs};

/// A Socket.IO broadcast relay: what one client emits, every client receives.
#[derive(Debug, Parser)]
#[command(name = "fanfare", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// What to do instead of serving.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Check the configuration, print what is wrong with it, and exit
    Check {
        /// Ask the relay that answers operators here what a reload of this configuration would change; the exit status is 0,
        /// or 1 if it would be refused
        #[arg(long, value_name = "URL")]
        against: Option<String>,
    },
    /// Print every setting as it holds, with where it comes from, as a TOML file without secrets
    Config {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a commented file to start from, with every setting at its default
    Defaults,
    /// Mint a token of an issuer with a secret, or say what is made of one
    Token(TokenArgs),
    /// Make a key for the HTTP API: the lines of the configuration on standard output, the key on standard error
    Key {
        /// The name by which you know it
        #[arg(default_value = "dashboard")]
        name: String,
    },
    /// Make a password for the Admin UI: the line of the configuration on standard output, the password on standard error
    Password {
        /// Read a password of your own from standard input instead
        #[arg(long)]
        stdin: bool,
    },
    /// Ask a running relay whether it is healthy; the exit status is 0 or 1
    Health {
        /// Ask here, `/healthz` unless a path is given [default: the first address of the configuration]
        url: Option<String>,
    },
    /// Join a namespace of any Socket.IO server, and print its events
    Listen(ListenArgs),
    /// Emit an event to any Socket.IO server
    Emit(EmitArgs),
    /// Use the HTTP API of a relay: FANFARE_API_URL says where it is, FANFARE_API_KEY shows that one may
    Api(ApiArgs),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

impl Cli {
    /// Reads the command line, or ends the process with what is wrong with it.
    pub(crate) fn read() -> Self {
        Self::from_arg_matches(&parser().get_matches()).unwrap_or_else(|error| error.exit())
    }
}

/// Settings of the relay can stand behind each command. The help of those that read none does not show them.
fn parser() -> clap::Command {
    let mut all = Cli::command();
    // Only from here on do commands have what is for all.
    all.build();
    WITHOUT_SETTINGS.iter().fold(all, |all, name| all.mut_subcommand(name, without_settings))
}

fn without_settings(command: clap::Command) -> clap::Command {
    let hidden = |arg: clap::Arg| if arg.get_help_heading() == Some(SETTINGS) { arg.hide(true) } else { arg };
    command.mut_args(hidden).mut_subcommands(without_settings)
}

const WITHOUT_SETTINGS: [&str; 8] = ["defaults", "key", "password", "listen", "emit", "api", "completions", "man"];

const SETTINGS: &str = "Settings of the relay";

/// The settings that can be given as a flag.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = SETTINGS)]
pub(crate) struct Flags {
    /// Read settings from this TOML file [env: FANFARE_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Listen here; may be repeated [env: FANFARE_LISTEN] [default: port 3000 of 127.0.0.1 and ::1]
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    listen: Vec<String>,

    /// Serve Socket.IO under this path [env: FANFARE_PATH] [default: /socket.io/]
    #[arg(long, global = true, value_name = "PATH")]
    path: Option<String>,

    /// Let pages of this origin connect, or of any with `*`; may be repeated [env: FANFARE_CORS_ORIGIN]
    #[arg(long, global = true, value_name = "ORIGIN")]
    cors_origin: Vec<String>,

    /// Relay event ON (or any other with `*`) as EMIT to SCOPE; may be repeated [env: FANFARE_RULE]
    ///
    /// SCOPE is all, others, sender, room:NAME, join:NAME or leave:NAME, and all when left out. Rules given
    /// here replace those that the file has for the namespace `/`. Without any rule every event is relayed to
    /// all.
    #[arg(long, global = true, value_name = "ON[=EMIT][@SCOPE]", verbatim_doc_comment)]
    rule: Vec<String>,

    /// Serve the client bundle from this folder [env: FANFARE_CLIENT_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    client_dir: Option<String>,

    /// Log what passes this filter, such as `info` or `warn,engineio=debug` [env: FANFARE_LOG] [default: info]
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,

    /// Write the log as text or json [env: FANFARE_LOG_FORMAT] [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl Flags {
    /// The settings that were given, by flag.
    pub(crate) fn given(&self) -> Vec<(&'static str, Vec<String>)> {
        let once = |value: &Option<String>| value.iter().cloned().collect::<Vec<_>>();
        let mut given = vec![
            ("--listen", self.listen.clone()),
            ("--path", once(&self.path)),
            ("--cors-origin", self.cors_origin.clone()),
            ("--rule", self.rule.clone()),
            ("--client-dir", once(&self.client_dir)),
            ("--log", once(&self.log)),
            ("--log-format", once(&self.log_format)),
        ];
        given.retain(|(_, values)| !values.is_empty());
        given
    }

    /// The relay's settings are taken everywhere, and mean nothing to some commands: who gives one there means something else.
    /// `own` are flags of the command's own, by the same name.
    ///
    /// # Errors
    /// One that was given.
    pub(crate) fn unfit(&self, command: &str, own: &[&str]) -> Result<(), String> {
        let given = self.given().into_iter().map(|(flag, _)| flag).find(|flag| !own.contains(flag));
        let given = given.or(self.config.as_ref().map(|_| "--config"));
        given.map_or(Ok(()), |flag| {
            Err(format!("{flag}: a setting of the relay, which `fanfare {command}` does not run"))
        })
    }
}

const AFTER_HELP: &str = "\
A flag goes before the environment, the environment before the file, the file before the default.
Every setting of the file has a variable; docs/configuration.md lists them all.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings;

    #[test]
    fn help_shows_settings_where_they_are_read() {
        let help = |arguments: &[&str]| {
            let given = ["fanfare"].iter().chain(arguments).chain(&["--help"]);
            parser().try_get_matches_from(given).unwrap_err().to_string()
        };
        for shown in [&[][..], &["check"], &["config"], &["token"], &["health"]] {
            assert!(help(shown).contains("--cors-origin"), "{shown:?}");
        }
        let nested = [&["api", "emit"][..], &["api", "sockets"]];
        for hidden in WITHOUT_SETTINGS.iter().map(std::slice::from_ref).chain(nested) {
            let help = help(hidden);
            assert!(
                !help.contains(SETTINGS) && !help.contains("--cors-origin") && help.contains("Usage"),
                "{hidden:?}: {help}"
            );
        }
        assert!(help(&["emit"]).contains("--path"), "its own");
    }

    fn parse(arguments: &[&str]) -> Cli {
        Cli::try_parse_from(["fanfare"].iter().chain(arguments)).unwrap()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_of_the_settings_table_exists_and_is_handed_on() {
        for flag in settings().filter_map(|setting| setting.flag) {
            let given = parse(&[flag, "x"]).flags.given();
            assert_eq!(given, [(flag, vec!["x".to_owned()])]);
        }
    }

    #[test]
    fn every_flag_but_config_is_in_the_settings_table() {
        for argument in Cli::command().get_arguments() {
            let Some(name) = argument.get_long() else { continue };
            let known = settings().any(|setting| setting.flag == Some(format!("--{name}").as_str()));
            assert!(known || ["config", "help", "version"].contains(&name), "--{name}");
        }
    }

    #[test]
    fn flags_are_understood_before_and_after_check() {
        for arguments in [["check", "--config", "a.toml"], ["--config", "a.toml", "check"]] {
            let cli = parse(&arguments);
            assert_eq!(cli.command, Some(Command::Check { against: None }));
            assert_eq!(cli.flags.config, Some(PathBuf::from("a.toml")));
        }
    }

    #[test]
    fn a_setting_is_unfit_where_the_relay_does_not_run() {
        let unfit = |arguments: &[&str], own: &[&str]| parse(arguments).flags.unfit("key", own);
        for flag in settings().filter_map(|setting| setting.flag).chain(["--config"]) {
            for given in [&[flag, "x", "key"][..], &["key", flag, "x"]] {
                assert!(unfit(given, &[]).unwrap_err().starts_with(flag), "{given:?}");
            }
        }
        assert_eq!(unfit(&["key", "name"], &[]), Ok(()));
        assert_eq!(unfit(&["key", "--path", "/x"], &["--path"]), Ok(()));
    }

    #[test]
    fn a_repeated_flag_keeps_its_values_in_order() {
        let cli = parse(&["--listen", "a", "--rule", "x", "--listen", "b"]);
        assert_eq!(
            cli.flags.given(),
            [("--listen", vec!["a".to_owned(), "b".to_owned()]), ("--rule", vec!["x".to_owned()])]
        );
    }
}
