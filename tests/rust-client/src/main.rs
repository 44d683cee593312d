//! Connects with the `rust_socketio` client, comes back when it is lost, and says so: `connected` and `lost`, a line each.
//!
//! usage: fanfare-rust-client URL TRANSPORT      (default, polling, websocket)

use std::env;
use std::io::{Write, stdin, stdout};

use rust_socketio::{ClientBuilder, Event, TransportType};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, transport] = &arguments[..] else { return Err("usage: fanfare-rust-client URL TRANSPORT".into()) };
    let transport = match transport.as_str() {
        "polling" => TransportType::Polling,
        "websocket" => TransportType::Websocket,
        "default" => TransportType::Any,
        other => return Err(format!("no transport: {other}").into()),
    };
    let _client = ClientBuilder::new(url.as_str())
        .transport_type(transport)
        .reconnect(true)
        .reconnect_delay(50, 200)
        .on(Event::Connect, |_, _| say("connected"))
        .on(Event::Close, |_, _| say("lost"))
        .connect()?;
    // Until the test closes the pipe.
    stdin().read_line(&mut String::new())?;
    std::process::exit(0);
}

fn say(word: &str) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "{word}").and_then(|()| out.flush());
}
