//! A socket as the page is told of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, Uri};
use serde::{Deserialize, Serialize};
use socketio::codec::pieces;
use socketio::engineio::proto::Transport;
use socketio::{Handshake, RemoteSocket, Room, SocketId};

/// A socket, in the reference's words. What it has given to be known by is nowhere in it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described {
    id: String,
    /// The same for all sockets of one connection.
    client_id: String,
    transport: String,
    nsp: String,
    /// What a program keeps with a socket: of ours there is none.
    data: Nothing,
    handshake: Request,
    rooms: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Nothing {}

/// The request that opened its connection: of the headers and the query only what cannot be a secret.
#[derive(Debug, Clone, Default, Serialize)]
struct Request {
    address: String,
    headers: BTreeMap<String, String>,
    query: BTreeMap<String, String>,
    issued: i64,
    secure: bool,
    time: String,
    url: String,
    xdomain: bool,
}

impl Described {
    /// One of this node.
    pub(crate) fn of(
        (id, nsp): (SocketId, &str),
        client_id: String,
        transport: Transport,
        handshake: &Handshake,
        is_secure: bool,
        rooms: impl IntoIterator<Item = Room>,
    ) -> Self {
        let headers = shown_headers(&handshake.headers);
        let issued = millis(handshake.time);
        let request = Request {
            address: handshake.address.as_ref().map(IpAddr::to_string).unwrap_or_default(),
            xdomain: headers.contains_key("origin"),
            headers,
            query: shown_query(&handshake.uri),
            issued,
            secure: is_secure,
            time: date(issued),
            url: handshake.uri.path().to_owned(),
        };
        let transport = transport.name().to_owned();
        let (nsp, rooms) = (nsp.to_owned(), with_own(id, rooms));
        Self { id: id.to_string(), client_id, transport, nsp, data: Nothing {}, handshake: request, rooms }
    }

    /// One of another node, as far as that tells.
    pub(crate) fn of_remote(nsp: &str, socket: &RemoteSocket) -> Self {
        let handshake = socket.handshake.as_ref().and_then(|json| json.deserialize::<RemoteRequest>().ok());
        let handshake = handshake.unwrap_or_default();
        let data = socket.data.as_ref().and_then(|json| json.deserialize::<RemoteData>().ok()).unwrap_or_default();
        let shown = |name: &String| SHOWN_HEADERS.contains(&name.as_str());
        let texts = handshake.headers.into_iter().filter(|(name, _)| shown(name));
        let headers: BTreeMap<_, _> =
            texts.filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect();
        let issued = handshake.issued.unwrap_or_default();
        let request = Request {
            address: handshake.address.unwrap_or_default(),
            xdomain: headers.contains_key("origin"),
            headers,
            issued,
            secure: handshake.secure.unwrap_or_default(),
            time: date(issued),
            ..Request::default()
        };
        // Its id begins with what nobody else's does: better than all of them being one client.
        let own = || socket.id.to_string().chars().take(12).collect();
        let RemoteAdmin { client_id, transport } = data.admin;
        Self {
            id: socket.id.to_string(),
            client_id: client_id.unwrap_or_else(own),
            transport: transport.unwrap_or_else(|| "websocket".to_owned()),
            nsp: nsp.to_owned(),
            data: Nothing {},
            handshake: request,
            rooms: with_own(socket.id, socket.rooms.iter().cloned()),
        }
    }
}

/// What other nodes say of a handshake.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RemoteRequest {
    address: Option<String>,
    headers: BTreeMap<String, serde_json::Value>,
    issued: Option<i64>,
    secure: Option<bool>,
}

/// What Node servers with an Admin UI of their own keep with each socket.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RemoteData {
    #[serde(rename = "_admin")]
    admin: RemoteAdmin,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RemoteAdmin {
    client_id: Option<String>,
    transport: Option<String>,
}

/// As the reference has it: each socket is in a room of its own.
fn with_own(id: SocketId, rooms: impl IntoIterator<Item = Room>) -> Vec<String> {
    std::iter::once(id.to_string()).chain(rooms.into_iter().map(|room| room.to_string())).collect()
}

fn shown_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let shown = SHOWN_HEADERS.iter().filter_map(|name| Some((*name, headers.get(*name)?.to_str().ok()?)));
    shown.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn shown_query(uri: &Uri) -> BTreeMap<String, String> {
    let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let shown = pairs.filter(|(name, _)| ["EIO", "transport"].contains(name));
    shown.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The headers that the page is shown: none in which a client says who it is.
pub(crate) const SHOWN_HEADERS: [&str; 4] = ["accept-language", "host", "origin", "user-agent"];

/// Since 1970.
fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// As JavaScript writes it.
fn date(millis: i64) -> String {
    let mut text = String::new();
    pieces::date(millis, &mut text);
    text.trim_matches('"').to_owned()
}

/// The time, as the page is told it.
pub(crate) fn timestamp() -> String {
    date(millis(SystemTime::now()))
}

#[cfg(test)]
mod tests {
    use socketio::Json;

    use super::*;

    #[test]
    fn secrets_of_a_request_are_not_shown() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("cookie", "s=1"), ("authorization", "Bearer x"), ("user-agent", "curl"), ("origin", "http://a")]
        {
            headers.insert(name, value.parse().unwrap());
        }
        assert_eq!(shown_headers(&headers).into_keys().collect::<Vec<_>>(), ["origin", "user-agent"]);
        let uri = Uri::from_static("/socket.io/?EIO=4&token=secret&transport=polling&sid=x");
        assert_eq!(shown_query(&uri).into_keys().collect::<Vec<_>>(), ["EIO", "transport"]);
    }

    #[test]
    fn a_socket_of_a_node_server_is_as_that_has_it_without_its_secrets() {
        let json = |text: &str| Some(Json::from_text(text.to_owned().into()).unwrap());
        let id = SocketId::parse("abcdefghijklmnopqrst").unwrap();
        let mut socket = RemoteSocket::new(id, vec!["r".into()]);
        socket.handshake = json(
            r#"{"address":"::1","issued":1700000000000,"auth":{"token":"secret"},"url":"/?token=secret",
                "query":{"token":"secret"},"headers":{"cookie":"secret","user-agent":"x"}}"#,
        );
        socket.data = json(r#"{"password":"secret","_admin":{"clientId":"c1","transport":"polling"}}"#);
        let text = serde_json::to_string(&Described::of_remote("/n", &socket)).unwrap();
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(
            text,
            r#"{"id":"abcdefghijklmnopqrst","clientId":"c1","transport":"polling","nsp":"/n","data":{},"handshake":{"address":"::1","headers":{"user-agent":"x"},"query":{},"issued":1700000000000,"secure":false,"time":"2023-11-14T22:13:20.000Z","url":"","xdomain":false},"rooms":["abcdefghijklmnopqrst","r"]}"#
        );
    }
}
