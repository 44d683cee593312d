//! What is asked, or what is wrong with it: known before anything is sent.

use std::env;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::Full;
use serde_json::{Value, json};

use super::args::{Action, ApiArgs, EmitArgs, Pages, ROOT};
use super::events::{Body, args, batch};
use crate::api::LIMIT_MAX;
use crate::shell::input::Input;

/// What is asked of whom, and how long for.
pub(crate) struct Asking {
    base: String,
    key: String,
    asked: Asked,
}

/// What is asked.
struct Asked {
    method: Method,
    path: String,
    body: Option<Bytes>,
    idempotency_key: Option<String>,
    time: Duration,
    is_all: bool,
}

pub(crate) fn asking(arguments: &ApiArgs) -> Result<Asking, String> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let url = variable("FANFARE_API_URL").unwrap_or_else(|| "http://127.0.0.1:3001".to_owned());
    let base = url.trim_end_matches('/');
    let is_http = base.parse::<Uri>().is_ok_and(|url| matches!(url.scheme_str(), Some("http" | "https")));
    if !is_http || base.contains('@') {
        return Err(format!("FANFARE_API_URL: expected a URL such as http://127.0.0.1:3001, found {url}"));
    }
    // Not as an argument: those are seen by everybody on the machine.
    let key = variable("FANFARE_API_KEY").ok_or("FANFARE_API_KEY: expected a key of the relay, found none")?;
    let asking = Asking { base: base.to_owned(), key, asked: asked(arguments)? };
    asking.request(None).map(|_| asking)
}

impl Asking {
    pub(super) fn time(&self) -> Duration {
        self.asked.time
    }

    /// Whether all pages are wanted.
    pub(super) fn is_all(&self) -> bool {
        self.asked.is_all
    }

    /// The request; of a list, for the page behind this one.
    pub(super) fn request(&self, after: Option<&str>) -> Result<Request<Full<Bytes>>, String> {
        let Asked { method, path, body, idempotency_key, .. } = &self.asked;
        let after = after.map(|after| format!("&after={}", encoded(after))).unwrap_or_default();
        let mut request = Request::builder().method(method).uri(format!("{}{path}{after}", self.base));
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = Full::new(body.clone().unwrap_or_default());
        // What is wrong is the key, which is not repeated.
        request.body(body).map_err(|error| format!("FANFARE_API_URL, FANFARE_API_KEY or --idempotency-key: {error}"))
    }
}

impl Asked {
    fn of(method: Method, path: impl Into<String>, body: Option<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: body.map(Bytes::from),
            idempotency_key: None,
            time: TIME_MAX,
            is_all: false,
        }
    }

    /// A list, of which a part is wanted. Where all of it is, the fewest requests have it.
    fn paged(path: String, pages: &Pages) -> Self {
        let limit = pages.limit.or(pages.all.then_some(LIMIT_MAX)).map(|limit| limit.to_string());
        let path = with(with(path, "limit", limit.as_deref()), "after", pages.after.as_deref());
        Self { is_all: pages.all, ..Self::of(Method::GET, path, None) }
    }

    /// Events, whose clients' answers the relay waits for so long.
    fn emit(path: &str, body: String, idempotency_key: Option<&String>, wait_ms: u32) -> Self {
        let time = TIME_MAX + Duration::from_millis(wait_ms.into());
        Self { idempotency_key: idempotency_key.cloned(), time, ..Self::of(Method::POST, path, Some(body)) }
    }
}

fn asked(arguments: &ApiArgs) -> Result<Asked, String> {
    let in_namespace = |path: String, local: &bool| {
        let local = if *local { "&local=true" } else { "" };
        format!("{path}?namespace={}{local}", encoded(&arguments.namespace))
    };
    if arguments.namespace != ROOT && !arguments.action.is_within_a_namespace() {
        return Err(match arguments.action {
            Action::Batch { .. } => "--namespace: each event of a batch says its own".to_owned(),
            _ => "--namespace: this asks for no namespace's: an id is in one alone".to_owned(),
        });
    }
    let one_of = |what: &str, pages: &Pages| match pages.is_any() {
        true => Err(format!("--limit, --after, --all: for lists, and this asks for one {what}")),
        false => Ok(()),
    };
    let get = |path: String| Asked::of(Method::GET, path, None);
    Ok(match &arguments.action {
        Action::Emit(emit) => {
            let (body, wait_ms) = (event(&arguments.namespace, emit)?, emit.ack_ms.unwrap_or_default());
            Asked::emit("/api/emit", body, emit.idempotency_key.as_ref(), wait_ms)
        }
        Action::Batch { file, idempotency_key } => {
            let (body, wait_ms) = batch(&Input::new().file("FILE", file)?)?;
            Asked::emit("/api/emit/batch", body, idempotency_key.as_ref(), wait_ms)
        }
        Action::Nodes => get("/api/nodes".to_owned()),
        Action::Namespaces => get("/api/namespaces".to_owned()),
        Action::Rooms { room: Some(room), local, pages, .. } => {
            one_of("room", pages)?;
            get(in_namespace(format!("/api/rooms/{}", encoded(room)), local))
        }
        Action::Rooms { room: None, local, prefix, pages } => {
            let path = in_namespace("/api/rooms".into(), local);
            Asked::paged(with(path, "prefix", prefix.as_deref()), pages)
        }
        Action::Sockets { id: Some(id), pages, .. } => {
            one_of("client", pages)?;
            get(format!("/api/sockets/{}", encoded(id)))
        }
        Action::Sockets { id: None, room, local, pages } => {
            let path = in_namespace("/api/sockets".into(), local);
            Asked::paged(with(path, "room", room.as_deref()), pages)
        }
        Action::Join { id, rooms } => moved(id, &json!({ "join": rooms })),
        Action::Leave { id, rooms } => moved(id, &json!({ "leave": rooms })),
        Action::Disconnect { id, connection } => {
            Asked::of(Method::DELETE, format!("/api/sockets/{}?connection={connection}", encoded(id)), None)
        }
    })
}

/// The body of an event.
fn event(namespace: &str, emit: &EmitArgs) -> Result<String, String> {
    let EmitArgs { event, binary, volatile, rooms, except, local, ack_ms, idempotency_key: _ } = emit;
    let (values, files) = Input::new().event(event)?;
    let body = Body {
        namespace,
        event: &event.name,
        binary: *binary || !files.is_empty(),
        args: args(values, files)?,
        rooms,
        except,
        volatile: *volatile,
        local: *local,
        ack: ack_ms.map(|ms| json!({ "timeout_ms": ms })),
    };
    serde_json::to_string(&body).map_err(|error| error.to_string())
}

fn moved(id: &str, rooms: &Value) -> Asked {
    Asked::of(Method::POST, format!("/api/sockets/{}/rooms", encoded(id)), Some(rooms.to_string()))
}

/// A path with one parameter more, if it is said.
fn with(path: String, name: &str, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("{path}&{name}={}", encoded(value)),
        None => path,
    }
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

const TIME_MAX: Duration = Duration::from_secs(10);

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
        asked(&parsed.arguments).ok().map(|Asked { method, path, .. }| format!("{method} {path}"))
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
            (&["rooms", "r", "--all"], None),
            (&["rooms", "r", "--prefix", "x"], None),
            (&["rooms", "--prefix", "a:", "--limit", "7"], Some("GET /api/rooms?namespace=%2F&prefix=a%3A&limit=7")),
            (&["rooms", "--all", "--local"], Some("GET /api/rooms?namespace=%2F&local=true&limit=1000")),
            (&["rooms", "--limit", "0"], None),
            (&["rooms", "--limit", "1001"], None),
            (
                &["sockets", "--all", "--limit", "9", "--after", "x"],
                Some("GET /api/sockets?namespace=%2F&limit=9&after=x"),
            ),
            (&["sockets", "ID", "--limit", "1"], None),
            (&["namespaces", "--all"], None),
            (&["batch", "/dev/null"], None),
            (&["batch", "/dev/null", "--namespace", "/x"], None),
            (&["join", "ID", "r", "--namespace", "/x"], None),
            (&["nodes", "--namespace", "/x"], None),
            (&["nodes", "--namespace", "/"], Some("GET /api/nodes")),
        ] {
            assert_eq!(asks(typed).as_deref(), asked, "{typed:?}");
        }
    }

    fn emits(typed: &[&str]) -> Result<String, String> {
        let parsed = Api::try_parse_from(["api", "emit"].iter().chain(typed)).map_err(|error| error.to_string())?;
        match parsed.arguments.action {
            Action::Emit(emit) => event("/", &emit),
            other => panic!("no event: {other:?}"),
        }
    }

    #[test]
    fn an_event_is_what_was_typed() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/tls/one.key");
        for (typed, body) in [
            (&["x"][..], r#"{"namespace":"/","event":"x","args":[],"except":[]}"#),
            (
                &["x", "1.50", "-1", "--volatile", "--binary", "--local"],
                r#"{"namespace":"/","event":"x","args":[1.50,-1],"except":[],"volatile":true,"local":true,"binary":true}"#,
            ),
            (
                &["x", "1", "--file", "/dev/null", "2"],
                r#"{"namespace":"/","event":"x","args":[1,2,{"$base64":""}],"except":[],"binary":true}"#,
            ),
        ] {
            assert_eq!(emits(typed).as_deref(), Ok(body), "{typed:?}");
        }
        assert!(emits(&["x", "--file", file]).unwrap().contains(r#"[{"$base64":"LS0tLS1"#));
        for (typed, said) in [
            (&["x", "hello"][..], "argument 1: expected JSON, found hello: text is written with its quotes"),
            (&["x", "--file", "/nowhere"], "--file: /nowhere cannot be read"),
        ] {
            let problem = emits(typed).unwrap_err();
            assert!(problem.starts_with(said), "{problem}");
        }
    }
}
