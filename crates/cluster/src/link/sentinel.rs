//! Who is the master by now.

use std::sync::Arc;

use redis::{Value, cmd};
use tokio_rustls::TlsConnector;

use super::address::{Access, Endpoint};
use super::server::Server;

/// The master, as one sentinel says.
pub(super) async fn master(
    sentinel: &Endpoint,
    service: &str,
    access: &Arc<Access>,
    tls: Option<&TlsConnector>,
) -> Result<Endpoint, String> {
    let server = Server::connect_to_ask(sentinel, tls).await.map_err(|error| format!("the sentinel {error}"))?;
    let mut question = cmd("SENTINEL");
    question.arg("get-master-addr-by-name").arg(service);
    let unknown = || format!("the sentinel {sentinel} knows no master of that name");
    match server.ask(question).await.map_err(|error| format!("the sentinel {sentinel}: {error}"))? {
        Value::Array(parts) => {
            let [Value::BulkString(host), Value::BulkString(port)] = &*parts else { return Err(unknown()) };
            let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
            let port = text(port).and_then(|port| port.parse().ok());
            let (host, port) = text(host).zip(port).ok_or_else(unknown)?;
            Ok(Endpoint { access: Arc::clone(access), ..sentinel.sibling(&host, port) })
        }
        _ => Err(unknown()),
    }
}

/// Whether a server is what a sentinel took it for: it may not know yet, or not be in its right mind.
pub(super) async fn is_master(server: &Server) -> Result<(), String> {
    match server.ask(cmd("ROLE")).await {
        Ok(Value::Array(parts)) => match parts.first() {
            Some(Value::BulkString(role)) if role != b"master" => {
                Err(format!("it is no master but a {}", String::from_utf8_lossy(role).escape_debug()))
            }
            _ => Ok(()),
        },
        // Who may not ask believes.
        _ => Ok(()),
    }
}
