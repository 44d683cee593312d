//! Which servers there are, and how each is started.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::Access;

/// A server that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// An epoll loop that writes each event to each client.
    Floor,
    /// The same, with one `writev` per client for all that came with one wake-up.
    FloorBatched,
    /// An epoll loop that answers each poll with what there is.
    FloorPolling,
    /// A subscriber that drops what it hears.
    FloorRedis,
    /// The relay, with one worker thread.
    Fanfare,
    /// The relay with two worker threads, on two cores.
    Fanfare2,
    /// A server made of the library, its handlers methods of a struct.
    EmbeddedStruct,
    /// The same, its handlers closures.
    EmbeddedClosures,
    /// `socketioxide`, with its defaults.
    Socketioxide,
    /// The reference, on Node.
    Node,
    /// The reference's Socket.IO on `@socket.io/bun-engine`.
    Bun,
}

/// What a measurement asks of a server besides its defaults.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) ping_interval: Option<Duration>,
    pub(crate) max_payload_bytes: Option<usize>,
    pub(crate) rules: Rules,
    pub(crate) access: Access,
    /// The port of the Redis by which it is one of several servers.
    pub(crate) redis: Option<u16>,
    /// Whether the relay counts for operators what it has done.
    pub(crate) has_ops: bool,
    /// Whether its instructions are counted, into [`Places::counted`] when it ends.
    pub(crate) is_counted: bool,
}

/// What a server does with events. The peers know all of them; the relay is told.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rules {
    /// Every event to all.
    #[default]
    None,
    /// `echo` goes back to its sender.
    Echo,
    /// `update` goes to all but its sender.
    Others,
    /// The rooms `crowd` and `pair`, with an event to enter each and one to send to it.
    Rooms,
}

impl Rules {
    /// As the relay's command line takes them.
    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::Echo => &["update", "echo@sender"],
            Self::Others => &["update@others"],
            Self::Rooms => {
                &["update", "join-crowd@join:crowd", "to-crowd@room:crowd", "join-pair@join:pair", "to-pair@room:pair"]
            }
        }
    }
}

/// Where the programs are.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The folder of this program, where `fanfare` is too.
    binaries: PathBuf,
    peers: PathBuf,
    /// The relay to measure, if another than the one beside this program.
    pub(crate) fanfare: Option<PathBuf>,
}

impl Places {
    /// Beside this program; the peers where `peers/setup.sh` puts them, or in `BENCH_PEERS_DIR`.
    pub(crate) fn find() -> io::Result<Self> {
        let program = env::current_exe()?;
        let binaries = program.parent().unwrap_or(Path::new(".")).to_owned();
        let peers = env::var_os("BENCH_PEERS_DIR").map_or_else(|| binaries.join("../bench/peers"), PathBuf::from);
        Ok(Self { binaries, peers, fanfare: None })
    }

    /// Where what the relay is told by files is written.
    pub(crate) fn access(&self) -> PathBuf {
        self.binaries.join("../bench/access")
    }

    /// Where what is counted of a server is written.
    pub(crate) fn counted(&self) -> PathBuf {
        self.access().join("callgrind.out")
    }

    /// Where the results of a run go unless another place is named.
    pub(crate) fn results(&self) -> PathBuf {
        self.binaries.join("../bench/results.jsonl")
    }
}

impl Kind {
    /// As it is written on the command line and in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::FloorBatched => "floor-batched",
            Self::FloorPolling => "floor-polling",
            Self::FloorRedis => "floor-redis",
            Self::Fanfare => "fanfare",
            Self::Fanfare2 => "fanfare2",
            Self::EmbeddedStruct => "embedded-struct",
            Self::EmbeddedClosures => "embedded-closures",
            Self::Socketioxide => "socketioxide",
            Self::Node => "node",
            Self::Bun => "bun",
        }
    }

    pub(crate) fn threads(self) -> usize {
        if self == Self::Fanfare2 { 2 } else { 1 }
    }

    /// Whether somebody else wrote it.
    pub(crate) fn is_peer(self) -> bool {
        matches!(self, Self::Socketioxide | Self::Node | Self::Bun)
    }

    /// Whether its program is there.
    pub(crate) fn is_installed(self, places: &Places) -> bool {
        self.program(places).is_none_or(|program| program.exists())
    }

    /// How it is started.
    pub(crate) fn command(self, places: &Places, options: Options) -> io::Result<Command> {
        let program = self.program(places).unwrap_or_else(|| PathBuf::from("node"));
        // Ends the server should this process be killed before it can end it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]);
        if options.is_counted {
            fs::create_dir_all(places.access())?;
            let file = places.counted();
            let _ = fs::remove_file(&file);
            command.args(["valgrind", "-q", "--tool=callgrind"]);
            command.arg(format!("--callgrind-out-file={}", file.display()));
        }
        match self {
            Self::Floor | Self::FloorBatched | Self::FloorPolling | Self::FloorRedis => {
                self.floor(&mut command, &program, options)
            }
            Self::Fanfare | Self::Fanfare2 => {
                if let Some(file) = options.access.write(&places.access())? {
                    command.env("FANFARE_CONFIG", file);
                }
                self.fanfare(&mut command, &program, options)
            }
            Self::EmbeddedStruct => embedded(&mut command, &program, "struct", options),
            Self::EmbeddedClosures => embedded(&mut command, &program, "closures", options),
            Self::Socketioxide => command.arg(program),
            Self::Node => command.arg("node").arg(program),
            Self::Bun => command.arg(places.peers.join(BUN)).arg(program),
        };
        if let Some(interval) = options.ping_interval {
            command.env("BENCH_PING_INTERVAL_MS", interval.as_millis().to_string());
        }
        if let Some(bytes) = options.max_payload_bytes {
            command.env("BENCH_MAX_PAYLOAD_BYTES", bytes.to_string());
        }
        if options.rules == Rules::Others {
            command.env("BENCH_UPDATE_TO", "others");
        }
        if let Some(port) = options.redis {
            command.env("BENCH_REDIS_URL", redis_url(port));
        }
        Ok(command)
    }

    fn floor<'a>(self, command: &'a mut Command, program: &Path, options: Options) -> &'a mut Command {
        command.arg(program).arg("floor");
        match self {
            Self::FloorBatched => command.arg("--batched"),
            Self::FloorPolling => command.arg("--polling"),
            Self::FloorRedis => command.arg("--redis").arg(redis_url(options.redis.unwrap_or_default())),
            _ => command,
        };
        if options.rules == Rules::Others {
            command.arg("--others");
        }
        if let Some(interval) = options.ping_interval {
            command.arg("--ping-interval-ms").arg(interval.as_millis().to_string());
        }
        command
    }

    fn fanfare<'a>(self, command: &'a mut Command, program: &Path, options: Options) -> &'a mut Command {
        command.arg(program).args(["--listen", "127.0.0.1:0"]);
        command.env("FANFARE_WORKER_THREADS", self.threads().to_string()).env("FANFARE_LOG", "error");
        if let Some(interval) = options.ping_interval {
            command.env("FANFARE_PING_INTERVAL_MS", interval.as_millis().to_string());
        }
        if !options.access.has_limits {
            // What no peer limits.
            for limit in ["CLIENT_EVENTS_PER_S", "CLIENT_BYTES_PER_S", "NODE_HANDSHAKES_PER_S"] {
                command.env(format!("FANFARE_{limit}"), "0");
            }
        }
        if let Some(port) = options.redis {
            command.env("FANFARE_CLUSTER_REDIS", redis_url(port));
        }
        if options.has_ops {
            command.env("FANFARE_OPS_LISTEN", "127.0.0.1:0");
        }
        for rule in options.rules.arguments() {
            command.args(["--rule", rule]);
        }
        if let Some(bytes) = options.max_payload_bytes {
            command.env("FANFARE_MAX_PAYLOAD_BYTES", bytes.to_string());
        }
        command
    }

    fn program(self, places: &Places) -> Option<PathBuf> {
        Some(match self {
            Self::Floor
            | Self::FloorBatched
            | Self::FloorPolling
            | Self::FloorRedis
            | Self::EmbeddedStruct
            | Self::EmbeddedClosures => places.binaries.join("fanfare-bench"),
            Self::Fanfare | Self::Fanfare2 => places.fanfare.clone().unwrap_or_else(|| places.binaries.join("fanfare")),
            Self::Socketioxide => places.peers.join("socketioxide/release/fanfare-bench-socketioxide"),
            Self::Node => places.peers.join("node/server.js"),
            Self::Bun => places.peers.join("bun/server.js"),
        })
    }
}

fn embedded<'a>(command: &'a mut Command, program: &Path, handlers: &str, options: Options) -> &'a mut Command {
    command.arg(program).args(["serve", handlers]);
    if options.rules == Rules::Others {
        command.arg("--others");
    }
    if let Some(interval) = options.ping_interval {
        command.arg("--ping-interval-ms").arg(interval.as_millis().to_string());
    }
    if let Some(bytes) = options.max_payload_bytes {
        command.arg("--max-payload-bytes").arg(bytes.to_string());
    }
    command
}

fn redis_url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

/// npm's `bun` is a link that its install script makes; this is what it would point at.
const BUN: &str = "bun/node_modules/@oven/bun-linux-x64/bin/bun";
