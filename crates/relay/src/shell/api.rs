//! `fanfare api`: the HTTP API of a relay, from a shell.

use std::env;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, Subcommand};
use http::{Method, Request, Uri, header};
use http_body_util::Full;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::say::{note, say};
use super::status::Status;
use crate::auth::{Bounds, Failure, HttpClient};

/// `fanfare api`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct ApiArgs {
    #[command(subcommand)]
    action: Action,

    /// In this namespace; a client is found by its id in whichever it is
    #[arg(long, global = true, value_name = "NAME", default_value = ROOT)]
    namespace: String,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
enum Action {
    /// Emit an event
    Emit {
        /// The event's name
        #[arg(value_name = "EVENT")]
        event: String,
        /// Its arguments, each as JSON
        #[arg(value_name = "ARGUMENT", allow_negative_numbers = true)]
        arguments: Vec<String>,
        /// Only to clients in this room; may be repeated
        #[arg(long = "room", value_name = "NAME")]
        rooms: Vec<String>,
        /// Not to clients in this room; may be repeated
        #[arg(long = "except", value_name = "NAME")]
        except: Vec<String>,
        /// Only to clients of this node
        #[arg(long)]
        local: bool,
        /// Wait so long for what clients answer
        #[arg(long = "ack", value_name = "MS")]
        ack_ms: Option<u32>,
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
        /// The `next` of the page before
        #[arg(long, value_name = "CURSOR", conflicts_with = "room")]
        after: Option<String>,
    },
    /// Print the clients, or one of them
    Sockets {
        /// This one
        id: Option<String>,
        /// Only those in this room
        #[arg(long, value_name = "NAME", conflicts_with = "id")]
        room: Option<String>,
        /// Only those of this node
        #[arg(long, conflicts_with = "id")]
        local: bool,
        /// The `next` of the page before
        #[arg(long, value_name = "CURSOR", conflicts_with = "id")]
        after: Option<String>,
    },
    /// Have a client join rooms
    Join {
        /// The client
        id: String,
        /// The rooms
        #[arg(required = true)]
        rooms: Vec<String>,
    },
    /// Have a client leave rooms
    Leave {
        /// The client
        id: String,
        /// The rooms
        #[arg(required = true)]
        rooms: Vec<String>,
    },
    /// Disconnect a client
    Disconnect {
        /// The client
        id: String,
        /// End its whole connection, with all namespaces
        #[arg(long)]
        connection: bool,
    },
}

impl Action {
    /// Whether it is about what one namespace has.
    fn is_within_a_namespace(&self) -> bool {
        match self {
            Self::Emit { .. } | Self::Rooms { .. } => true,
            Self::Sockets { id, .. } => id.is_none(),
            Self::Nodes | Self::Namespaces | Self::Join { .. } | Self::Leave { .. } | Self::Disconnect { .. } => false,
        }
    }
}

/// An event to emit.
#[derive(Serialize)]
struct Body<'a> {
    namespace: &'a str,
    event: &'a str,
    args: Vec<Box<RawValue>>,
    /// Left out, everybody.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    rooms: &'a [String],
    except: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    local: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack: Option<Value>,
}

/// What is asked, and how long for.
pub(super) struct Asking {
    request: Request<Full<Bytes>>,
    time: Duration,
}

pub(super) fn asking(arguments: &ApiArgs) -> Result<Asking, String> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let url = variable("FANFARE_API_URL").unwrap_or_else(|| "http://127.0.0.1:3001".to_owned());
    let wrong = || format!("FANFARE_API_URL: expected a URL such as http://127.0.0.1:3001, found {url}");
    let base = url.trim_end_matches('/');
    let is_http = base.parse::<Uri>().is_ok_and(|url| matches!(url.scheme_str(), Some("http" | "https")));
    if !is_http || base.contains('@') {
        return Err(wrong());
    }
    // Not as an argument: those are seen by everybody on the machine.
    let key = variable("FANFARE_API_KEY").ok_or("FANFARE_API_KEY: expected a key of the relay, found none")?;
    let (method, path, body) = asked(arguments)?;
    let mut request = Request::builder().method(method).uri(format!("{base}{path}"));
    request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    let mut time = TIME_MAX;
    if let Action::Emit { idempotency_key, ack_ms, .. } = &arguments.action {
        time += Duration::from_millis(ack_ms.unwrap_or_default().into());
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
    }
    let body = match body {
        Some(body) => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Bytes::from(body)
        }
        None => Bytes::new(),
    };
    // What is wrong is the key, which is not repeated.
    let request =
        request.body(Full::new(body)).map_err(|error| format!("FANFARE_API_URL or FANFARE_API_KEY: {error}"))?;
    Ok(Asking { request, time })
}

fn asked(arguments: &ApiArgs) -> Result<(Method, String, Option<String>), String> {
    let in_namespace = |path: String, local: &bool| {
        let local = if *local { "&local=true" } else { "" };
        format!("{path}?namespace={}{local}", encoded(&arguments.namespace))
    };
    let more = |path: String, name: &str, value: &Option<String>| match value {
        Some(value) => format!("{path}&{name}={}", encoded(value)),
        None => path,
    };
    if arguments.namespace != ROOT && !arguments.action.is_within_a_namespace() {
        return Err("--namespace: this asks for no namespace's: an id is in one alone".to_owned());
    }
    Ok(match &arguments.action {
        Action::Emit { event, arguments: args, rooms, except, local, ack_ms, .. } => {
            let body = Body {
                namespace: &arguments.namespace,
                event,
                args: args.iter().map(|text| value(text)).collect::<Result<_, _>>()?,
                rooms,
                except,
                local: *local,
                ack: ack_ms.map(|ms| json!({ "timeout_ms": ms })),
            };
            let body = serde_json::to_string(&body).map_err(|error| error.to_string())?;
            (Method::POST, "/api/emit".into(), Some(body))
        }
        Action::Nodes => (Method::GET, "/api/nodes".into(), None),
        Action::Namespaces => (Method::GET, "/api/namespaces".into(), None),
        Action::Rooms { room: Some(room), local, .. } => {
            (Method::GET, in_namespace(format!("/api/rooms/{}", encoded(room)), local), None)
        }
        Action::Rooms { room: None, local, after } => {
            (Method::GET, more(in_namespace("/api/rooms".into(), local), "after", after), None)
        }
        Action::Sockets { id: Some(id), .. } => (Method::GET, format!("/api/sockets/{}", encoded(id)), None),
        Action::Sockets { id: None, room, local, after } => {
            let path = more(in_namespace("/api/sockets".into(), local), "room", room);
            (Method::GET, more(path, "after", after), None)
        }
        Action::Join { id, rooms } => moved(id, json!({ "join": rooms })),
        Action::Leave { id, rooms } => moved(id, json!({ "leave": rooms })),
        Action::Disconnect { id, connection } => {
            (Method::DELETE, format!("/api/sockets/{}?connection={connection}", encoded(id)), None)
        }
    })
}

fn moved(id: &str, rooms: Value) -> (Method, String, Option<String>) {
    (Method::POST, format!("/api/sockets/{}/rooms", encoded(id)), Some(rooms.to_string()))
}

/// Sends it, and prints the answer.
pub(super) async fn api(asking: Asking) -> Status {
    let client = HttpClient::new(std::iter::once(asking.request.uri()));
    let bounds = Bounds { time: asking.time, body_bytes_max: ANSWER_BYTES_MAX };
    let answer = match client.send(asking.request, bounds).await {
        Ok(answer) => answer,
        Err(failure) => {
            note(&failure.to_string());
            return if failure == Failure::TimedOut { Status::TimedOut } else { Status::Unreachable };
        }
    };
    let text = String::from_utf8_lossy(answer.body());
    if answer.status().is_success() {
        return match say(&text).await {
            Ok(_) => Status::Done,
            Err(error) => {
                note(&format!("cannot write: {error}"));
                Status::Failed
            }
        };
    }
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    let word = |name: &str| problem.get(name).and_then(Value::as_str);
    let field = word("field").map(|field| format!("{field}: ")).unwrap_or_default();
    let why = word("detail").unwrap_or("the answer is none of a relay's HTTP API");
    note(&format!("{} {}: {field}{why}", answer.status().as_u16(), word("code").unwrap_or("no code")));
    Status::Refused
}

/// One JSON value, as it is written: no digit of a number is lost.
fn value(text: &str) -> Result<Box<RawValue>, String> {
    let wrong = |_| format!("expected JSON, such as '\"text\"' or '{{\"id\":1}}', found {text}");
    serde_json::from_str(text).map_err(wrong)
}

/// As a part of a path or a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

const ROOT: &str = "/";

const TIME_MAX: Duration = Duration::from_secs(10);

const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Api {
        #[command(flatten)]
        arguments: ApiArgs,
    }

    fn asks(typed: &[&str]) -> Option<String> {
        let parsed = Api::try_parse_from(["api"].iter().chain(typed)).ok()?;
        asked(&parsed.arguments).ok().map(|(method, path, _)| format!("{method} {path}"))
    }

    #[test]
    fn what_would_have_no_effect_is_refused() {
        for (typed, asked) in [
            (&["sockets"][..], Some("GET /api/sockets?namespace=%2F")),
            (&["sockets", "--namespace", "/x", "--room", "r s"], Some("GET /api/sockets?namespace=%2Fx&room=r%20s")),
            (&["sockets", "ID"], Some("GET /api/sockets/ID")),
            (&["sockets", "ID", "--room", "r"], None),
            (&["sockets", "ID", "--after", "x"], None),
            (&["sockets", "ID", "--namespace", "/x"], None),
            (&["rooms", "r", "--namespace", "/x"], Some("GET /api/rooms/r?namespace=%2Fx")),
            (&["rooms", "r", "--after", "x"], None),
            (&["join", "ID", "r", "--namespace", "/x"], None),
            (&["nodes", "--namespace", "/x"], None),
            (&["nodes", "--namespace", "/"], Some("GET /api/nodes")),
        ] {
            assert_eq!(asks(typed).as_deref(), asked, "{typed:?}");
        }
    }
}
