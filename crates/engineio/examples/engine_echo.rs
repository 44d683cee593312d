//! Sends back every Engine.IO message, text or binary, under `/engine.io/`.
//!
//! `PORT` (default 3000; 0 for any), `PING_INTERVAL` and `PING_TIMEOUT` in milliseconds come from the environment.
//! `CONNECT_TIMEOUT` is a matter of Socket.IO, one layer up: see `echo.rs` there.

use std::env;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engineio::proto::{CloseReason, Delivery, Encoded, Message, Recipient};
use engineio::{Application, Connection, Engine, EngineConfig, Handshake, Link, serve};
use tokio::net::TcpListener;

struct Echo;

impl Application for Echo {
    fn open(&self, _: Handshake, link: Arc<Link>) -> Box<dyn Connection> {
        Box::new(Echoing(link))
    }
}

struct Echoing(Arc<Link>);

impl Connection for Echoing {
    fn handle_message(&mut self, message: Message, _: Instant) -> Result<(), CloseReason> {
        let encoded = match &message {
            Message::Text(text) => Encoded::text(&String::from_utf8_lossy(text)),
            Message::Binary(data) => Encoded::binary(data),
        };
        self.0.queue(&encoded, Delivery::Reliable);
        self.0.flush();
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config = EngineConfig::default();
    if let Some(interval) = number("PING_INTERVAL")? {
        config.session.ping_interval = Duration::from_millis(interval);
    }
    if let Some(timeout) = number("PING_TIMEOUT")? {
        config.session.ping_timeout = Duration::from_millis(timeout);
    }
    let engine = Engine::new(config, Echo);
    let port = number("PORT")?.unwrap_or(3000);
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let service = move |request| engine.call(request);
    serve(listener, service, std::future::pending()).await;
    Ok(())
}

fn number(variable: &str) -> Result<Option<u64>, String> {
    match env::var(variable) {
        Ok(value) => value.parse().map(Some).map_err(|_| format!("{variable}: expected a number, found {value:?}")),
        Err(_) => Ok(None),
    }
}
