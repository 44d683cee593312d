//! A server for conformance tests: namespaces `/` and `/custom`; tells a client its auth payload on connect
//! (`auth`), answers `message` with `message-back` and acknowledges `message-with-ack`, both with the arguments.
//!
//! From the environment: `PORT` (default 3000; 0 for any), and in milliseconds `PING_INTERVAL`, `PING_TIMEOUT`,
//! `CONNECT_TIMEOUT`.

use std::env;
use std::time::Duration;

use fanfare_socketio::{
    AckSender, Admission, ConnectRequest, Event, Json, Member, Namespace, Server, ServerConfig, Socket, serve,
};

struct Echo;

struct Client {
    auth: Option<Json>,
}

impl Namespace for Echo {
    fn connect(&self, request: ConnectRequest) -> Admission {
        Admission::accept(Client { auth: request.auth })
    }
}

impl Member for Client {
    fn connected(&mut self, socket: &Socket) {
        // Taken: from here on nobody needs it.
        let auth = self.auth.take().map(|auth| auth.deserialize::<serde_json::Value>().unwrap_or_default());
        let auth = auth.unwrap_or_else(|| serde_json::json!({}));
        socket.emit("auth", &(auth,)).expect("JSON from the client is JSON again");
    }

    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        if event.name_is("message") {
            let name = "message-back".try_into().expect("the name is not reserved");
            socket.only().relay(fanfare_socketio::codec::EventName::raw(&name), event.arguments());
        } else if let Some(ack) = ack.filter(|_| event.name_is("message-with-ack")) {
            ack.send_arguments(event.arguments());
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config = ServerConfig::default();
    set(&mut config.engine.session.ping_interval, "PING_INTERVAL")?;
    set(&mut config.engine.session.ping_timeout, "PING_TIMEOUT")?;
    set(&mut config.client.connect_timeout, "CONNECT_TIMEOUT")?;
    let server = Server::builder(config).namespace("/", Echo)?.namespace("/custom", Echo)?.build();

    let port = env::var("PORT").unwrap_or_else(|_| "3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let service = move |request| server.call(request);
    serve(listener, service, std::future::pending()).await;
    Ok(())
}

fn set(setting: &mut Duration, variable: &str) -> Result<(), String> {
    if let Ok(value) = env::var(variable) {
        let ms = value.parse().map_err(|_| format!("{variable}: expected milliseconds, found {value:?}"))?;
        *setting = Duration::from_millis(ms);
    }
    Ok(())
}
