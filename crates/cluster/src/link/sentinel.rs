//! Who is the master by now.

use std::sync::Arc;

use redis::{Value, cmd};
use tokio_rustls::TlsConnector;

use super::address::{Access, Endpoint};
use super::patience::in_time;
use super::server::Server;

/// Asks one sentinel after the other.
pub(super) async fn master(
    sentinels: &[Endpoint],
    service: &str,
    access: &Arc<Access>,
    tls: Option<&TlsConnector>,
) -> Result<Endpoint, String> {
    let mut last = "no sentinel was asked".to_owned();
    for sentinel in sentinels {
        match in_time(one(sentinel, service, tls), sentinel).await {
            Ok((host, port)) => return Ok(Endpoint { access: Arc::clone(access), ..sentinel.sibling(&host, port) }),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn one(sentinel: &Endpoint, service: &str, tls: Option<&TlsConnector>) -> Result<(String, u16), String> {
    let server = Server::connect(sentinel, tls, None, || {}).await?;
    let mut question = cmd("SENTINEL");
    question.arg("get-master-addr-by-name").arg(service);
    let unknown = || format!("{sentinel}: the sentinel knows no master of that name");
    match server.ask(question).await.map_err(|error| format!("{sentinel}: {error}"))? {
        Value::Array(parts) => {
            let [Value::BulkString(host), Value::BulkString(port)] = &*parts else { return Err(unknown()) };
            let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
            let port = text(port).and_then(|port| port.parse().ok());
            text(host).zip(port).ok_or_else(unknown)
        }
        _ => Err(unknown()),
    }
}
