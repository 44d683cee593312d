//! Servers made of the library, as a program that embeds it would make them.
//!
//! All of them do what the peers do, on one thread; what differs is how it is written.

mod structs;

use std::io;

use clap::ValueEnum;
use socketio::{Server, ServerConfig, serve};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

/// How handlers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Handlers {
    /// As methods of a struct.
    Struct,
}

/// Serves on a port of the loopback interface until the process is killed.
pub(crate) fn run(handlers: Handlers) -> io::Result<()> {
    let builder = Server::builder(ServerConfig::default());
    let builder = match handlers {
        Handlers::Struct => structs::register(builder),
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
