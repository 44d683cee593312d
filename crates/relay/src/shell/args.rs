//! What is typed.

use std::path::PathBuf;

use clap::Args;

/// A server, and how to join it.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct ServerArgs {
    /// The server: http, https, ws or wss; its path, if it has one, is the namespace
    #[arg(value_name = "URL")]
    pub(super) url: String,

    /// Join this namespace [default: the URL's path]
    #[arg(long, value_name = "NAME")]
    pub(super) namespace: Option<String>,

    /// Show this JSON object to the server: the `auth` of a client
    #[arg(long, value_name = "JSON")]
    pub(super) auth: Option<String>,

    /// Send this header with the handshake, such as 'authorization: Bearer …'; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,

    // The same name as the relay's setting, whose place it takes here.
    /// Where on the server Socket.IO is [default: /socket.io/]
    #[arg(long, value_name = "PATH")]
    pub(super) path: Option<String>,
}

/// `fanfare listen`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct ListenArgs {
    #[command(flatten)]
    pub(super) server: ServerArgs,

    /// Print only events of this name; may be repeated
    #[arg(long = "event", value_name = "NAME")]
    pub(super) events: Vec<String>,

    /// Emit this after each connect, a JSON array of a name and arguments: '["join","a"]'; may be repeated
    #[arg(long = "emit", value_name = "JSON")]
    pub(super) emits: Vec<String>,

    /// Print JSON on a terminal too
    #[arg(long)]
    pub(super) json: bool,

    /// Give up after so many failed attempts in a row [default: 1, and no limit once it was connected]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) attempts: Option<u32>,
}

/// `fanfare emit`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct EmitArgs {
    #[command(flatten)]
    pub(super) server: ServerArgs,

    #[command(flatten)]
    pub(super) event: EventArgs,

    /// Wait for the acknowledgement, and print its arguments as a JSON array
    #[arg(long)]
    pub(super) ack: bool,

    /// How long all of it may take
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=86_400_000))]
    pub(super) timeout_ms: u64,
}

/// An event, as it is typed for a server and for its API.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct EventArgs {
    /// The event's name
    #[arg(value_name = "EVENT")]
    pub(super) name: String,

    /// Its arguments, each as JSON; `-` reads one from standard input
    #[arg(value_name = "ARGUMENT", allow_negative_numbers = true)]
    pub(super) arguments: Vec<String>,

    /// Add a file as a binary argument, behind the others; `-` is standard input; may be repeated
    #[arg(long = "file", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}
