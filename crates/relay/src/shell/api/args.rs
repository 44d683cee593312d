//! What is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::api::LIMIT_MAX;
use crate::shell::args::EventArgs;

/// `fanfare api`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct ApiArgs {
    #[command(subcommand)]
    pub(super) action: Action,

    /// In this namespace; a client is found by its id in whichever it is
    #[arg(long, global = true, value_name = "NAME", default_value = ROOT)]
    pub(super) namespace: String,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum Action {
    /// Emit an event
    Emit(EmitArgs),
    /// Emit up to 100 events, one a line as a JSON object, such as {"event":"update"}
    Batch {
        /// Read them from this file; `-` is standard input
        #[arg(value_name = "FILE", default_value = "-")]
        file: PathBuf,
        /// Asked again with this key within five minutes, nothing is sent a second time
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// Print the servers of the cluster
    Nodes,
    /// Print the namespaces
    Namespaces,
    /// Print the rooms, or how many are in one
    Rooms {
        /// This one
        room: Option<String>,
        /// Only what this node has
        #[arg(long)]
        local: bool,
        /// Only those that begin so
        #[arg(long, value_name = "TEXT", conflicts_with = "room")]
        prefix: Option<String>,
        #[command(flatten)]
        pages: Pages,
    },
    /// Print the clients, or one of them
    Sockets {
        /// This one
        #[arg(allow_hyphen_values = true)]
        id: Option<String>,
        /// Only those in this room
        #[arg(long, value_name = "NAME", conflicts_with = "id")]
        room: Option<String>,
        /// Only those of this node
        #[arg(long, conflicts_with = "id")]
        local: bool,
        #[command(flatten)]
        pages: Pages,
    },
    /// Have a client join rooms
    Join {
        /// The client
        #[arg(allow_hyphen_values = true)]
        id: String,
        /// The rooms
        #[arg(required = true)]
        rooms: Vec<String>,
    },
    /// Have a client leave rooms
    Leave {
        /// The client
        #[arg(allow_hyphen_values = true)]
        id: String,
        /// The rooms
        #[arg(required = true)]
        rooms: Vec<String>,
    },
    /// Disconnect a client
    Disconnect {
        /// The client
        #[arg(allow_hyphen_values = true)]
        id: String,
        /// End its whole connection, with all namespaces
        #[arg(long)]
        connection: bool,
    },
}

/// An event, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(super) struct EmitArgs {
    #[command(flatten)]
    pub(super) event: EventArgs,
    /// {"$base64":"…"} in an argument stands for bytes; so it does with --file
    #[arg(long)]
    pub(super) binary: bool,
    /// Only to clients that can take it at once
    #[arg(long)]
    pub(super) volatile: bool,
    /// Only to clients in this room; may be repeated
    #[arg(long = "room", value_name = "NAME")]
    pub(super) rooms: Vec<String>,
    /// Not to clients in this room; may be repeated
    #[arg(long = "except", value_name = "NAME")]
    pub(super) except: Vec<String>,
    /// Only to clients of this node
    #[arg(long)]
    pub(super) local: bool,
    /// Wait so long for what clients answer
    #[arg(long = "ack", value_name = "MS")]
    pub(super) ack_ms: Option<u32>,
    /// Asked again with this key within five minutes, nothing is sent a second time
    #[arg(long, value_name = "KEY")]
    pub(super) idempotency_key: Option<String>,
}

/// Which part of a long list.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(super) struct Pages {
    /// How many a page has at most [default: 100, or 1000 with --all]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=i64::from(LIMIT_MAX)))]
    pub(super) limit: Option<u16>,
    /// The `next` of the page before
    #[arg(long, value_name = "CURSOR")]
    pub(super) after: Option<String>,
    /// Print one page behind the other, to the last
    #[arg(long)]
    pub(super) all: bool,
}

impl Pages {
    /// Whether any of it was said.
    pub(super) fn is_any(&self) -> bool {
        self.limit.is_some() || self.after.is_some() || self.all
    }
}

impl Action {
    /// Whether it is about what one namespace has.
    pub(super) fn is_within_a_namespace(&self) -> bool {
        match self {
            Self::Emit(_) | Self::Rooms { .. } => true,
            Self::Sockets { id, .. } => id.is_none(),
            Self::Batch { .. } | Self::Nodes | Self::Namespaces => false,
            Self::Join { .. } | Self::Leave { .. } | Self::Disconnect { .. } => false,
        }
    }
}

pub(super) const ROOT: &str = "/";
