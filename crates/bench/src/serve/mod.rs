//! Servers made of the library, as a program that embeds it would make them.
//!
//! All of them do what the peers do, on one thread; what differs is how it is written.

mod closures;
mod structs;

use std::io;
use std::time::Duration;

use clap::{Args, ValueEnum};
use socketio::{Server, ServerConfig, serve};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

/// What is served.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// How its handlers are written
    handlers: Handlers,
    /// Send an event to everybody but its sender
    #[arg(long)]
    others: bool,
    /// Ping each client this often
    #[arg(long)]
    ping_interval_ms: Option<u64>,
    /// Take messages as long as this
    #[arg(long)]
    max_payload_bytes: Option<usize>,
}

/// How handlers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Handlers {
    /// As methods of a struct
    Struct,
    /// As closures
    Closures,
}

impl Serve {
    /// Serves on a port of the loopback interface until the process is killed.
    pub(crate) fn run(&self) -> io::Result<()> {
        let builder = Server::builder(self.config());
        let builder = match self.handlers {
            Handlers::Struct => structs::register(builder, self.others),
            Handlers::Closures => closures::register(builder, self.others),
        };
        let builder = builder.map_err(io::Error::other)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let server = builder.build();
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            println!("listening on http://{}", listener.local_addr()?);
            serve(listener, move |request| server.call(request), std::future::pending()).await;
            Ok(())
        })
    }

    fn config(&self) -> ServerConfig {
        let mut config = ServerConfig::default();
        let session = &mut config.engine.session;
        session.ping_interval = self.ping_interval_ms.map_or(session.ping_interval, Duration::from_millis);
        session.max_payload_bytes = self.max_payload_bytes.unwrap_or(session.max_payload_bytes);
        config
    }
}
