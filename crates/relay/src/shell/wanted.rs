//! What is wanted, or what is wrong with it: known before anything is sent.

use std::time::Duration;

use bytes::Bytes;
use fanfare_client::{Arguments, EventName, Json, Namespace, Options, Reconnect};
use serde_json::value::RawValue;

use super::args::{EmitArgs, ListenArgs, ServerArgs};
use super::input::Input;

/// What `fanfare listen` is to do.
pub(super) struct Listening {
    pub(super) options: Options,
    /// The URL for whoever reads: a query may have a secret.
    pub(super) url: String,
    /// Which events; none means all.
    pub(super) events: Vec<String>,
    pub(super) emits: Vec<(EventName, Arguments)>,
    pub(super) json: bool,
}

/// What `fanfare emit` is to do.
pub(super) struct Emitting {
    pub(super) options: Options,
    pub(super) event: EventName,
    pub(super) arguments: Arguments,
    pub(super) ack: bool,
    pub(super) timeout: Duration,
}

pub(super) fn listening(arguments: &ListenArgs) -> Result<Listening, String> {
    let mut reconnect = Reconnect::default();
    if arguments.attempts.is_some() {
        reconnect.attempts_max = arguments.attempts;
        reconnect.first_attempts_max = arguments.attempts;
    }
    for name in &arguments.events {
        event_name("--event", name)?;
    }
    Ok(Listening {
        options: options(&arguments.server)?.reconnect(reconnect),
        url: arguments.server.url.split('?').next().unwrap_or_default().to_owned(),
        events: arguments.events.clone(),
        emits: arguments.emits.iter().map(|text| emit(text)).collect::<Result<_, _>>()?,
        json: arguments.json,
    })
}

pub(super) fn emitting(arguments: &EmitArgs) -> Result<Emitting, String> {
    let options = options(&arguments.server)?.reconnect(Reconnect::never());
    let event = event_name("EVENT", &arguments.event.name)?;
    let (values, files) = Input::new().event(&arguments.event)?;
    let arguments_of = arguments_with(values, files.into_iter().map(Bytes::from).collect())?;
    let timeout = Duration::from_millis(arguments.timeout_ms);
    Ok(Emitting { options, event, arguments: arguments_of, ack: arguments.ack, timeout })
}

fn options(arguments: &ServerArgs) -> Result<Options, String> {
    let url = &arguments.url;
    let mut options = Options::new(url).map_err(|error| format!("URL: {error}, found {url}"))?;
    if let Some(name) = &arguments.namespace {
        let namespace = Namespace::try_from(name.as_str())
            .map_err(|_| format!("--namespace: expected a name such as /chat, found {name}"))?;
        if !options.joins().is_root() && *options.joins() != namespace {
            return Err(format!("--namespace: {name}, and the URL has {}: say one", options.joins()));
        }
        options = options.namespace(namespace);
    }
    if let Some(auth) = &arguments.auth {
        // Not repeated in the message: it is a secret.
        let json =
            Json::from_text(auth.clone().into()).map_err(|error| format!("--auth: expected a JSON object: {error}"))?;
        options = options.auth(json).map_err(|error| format!("--auth: {error}"))?;
    }
    for header in &arguments.headers {
        let (name, value) = header.split_once(':').ok_or("--header: expected 'name: value'")?;
        options =
            options.header(name.trim(), value.trim()).map_err(|error| format!("--header: {error}, found {name}"))?;
    }
    match &arguments.path {
        Some(path) => options.path(path).map_err(|error| format!("--path: {error}, found {path}")),
        None => Ok(options),
    }
}

fn event_name(what: &str, name: &str) -> Result<EventName, String> {
    EventName::new(name)
        .map_err(|error| format!("{what}: {name} is a {error}, which means something to Socket.IO itself"))
}

/// A name and arguments, of `--emit`.
fn emit(text: &str) -> Result<(EventName, Arguments), String> {
    let wrong =
        || format!("--emit: expected a JSON array that begins with a name, such as '[\"join\",\"a\"]', found {text}");
    let values: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| wrong())?;
    let (name, values) = values.split_first().ok_or_else(wrong)?;
    let name: String = serde_json::from_str(name.get()).map_err(|_| wrong())?;
    let values = values.iter().map(|value| value.get().to_owned()).collect();
    Ok((event_name("--emit", &name)?, arguments_with(values, Vec::new())?))
}

/// Values, and behind them what is binary.
fn arguments_with(mut values: Vec<String>, attachments: Vec<Bytes>) -> Result<Arguments, String> {
    values.extend((0..attachments.len()).map(|num| format!(r#"{{"_placeholder":true,"num":{num}}}"#)));
    let array = format!("[{}]", values.join(","));
    Arguments::with_attachments(array.into(), attachments).map_err(|error| format!("arguments: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Listen {
        #[command(flatten)]
        arguments: ListenArgs,
    }

    #[derive(Parser)]
    struct Emit {
        #[command(flatten)]
        arguments: EmitArgs,
    }

    fn emitted(arguments: &[&str]) -> Result<Emitting, String> {
        let typed = ["emit", "http://a"].iter().chain(arguments);
        emitting(&Emit::try_parse_from(typed).unwrap().arguments)
    }

    fn listened(arguments: &[&str]) -> Result<Listening, String> {
        let typed = ["listen"].iter().chain(arguments);
        listening(&Listen::try_parse_from(typed).unwrap().arguments)
    }

    #[test]
    fn arguments_are_json_as_they_were_written() {
        let Emitting { arguments, .. } = emitted(&["x", r#" {"a": 1.50}"#, "-5", "null", "\"é\""]).unwrap();
        assert_eq!(arguments.as_str(), r#"{"a": 1.50},-5,null,"é""#);
        assert!(emitted(&["x"]).unwrap().arguments.is_empty());
    }

    #[test]
    fn files_come_behind_them_as_they_were_named() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/tls/one.key");
        let Emitting { arguments, .. } = emitted(&["x", "1", "--file", file, "2", "--file", file]).unwrap();
        assert_eq!(arguments.len(), 4);
        assert_eq!(arguments.attachment(2).unwrap(), &fs::read(file).unwrap());
        assert_eq!(arguments.attachments().len(), 2);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_was_expected() {
        for (arguments, said) in [
            (
                &["x", "hello"][..],
                "argument 1: expected JSON, found hello: text is written with its quotes, '\"hello\"'",
            ),
            (&["x", "1", "{id:1}"], "argument 2: expected JSON, found {id:1}: invalid json"),
            (&["x", ""], "argument 1: expected JSON"),
            (&["connect"], "EVENT: connect is a reserved event name"),
            (&["x", "--file", "/nowhere"], "--file: /nowhere cannot be read"),
            (&["x", "--header", "no colon"], "--header: expected 'name: value'"),
            (&["x", "--header", "a b: c"], "--header: expected a header such as"),
            (&["x", "--header", "upgrade: h2c"], "--header: this header is the client's own, found upgrade"),
            (&["x", "--auth", "[]"], "--auth: expected a JSON object"),
            (&["x", "--auth", "{secret"], "--auth: expected a JSON object: invalid json at byte"),
            (&["x", "--namespace", "chat"], "--namespace: expected a name such as /chat, found chat"),
            (&["x", "--path", "socket.io"], "--path: expected a path such as /socket.io/"),
            (&["x", r#"{"_placeholder":true,"num":0}"#, "--file", "/dev/null"], "arguments: "),
        ] {
            let Err(problem) = emitted(arguments) else { panic!("{arguments:?}") };
            assert!(problem.starts_with(said), "{arguments:?}: {problem}");
            assert!(!problem.contains("secret"), "{problem}");
        }
        for (arguments, said) in [
            (&["localhost:3000"][..], "URL: expected a URL such as http://localhost:3000, found localhost:3000"),
            (&["http://a/x", "--namespace", "/y"], "--namespace: /y, and the URL has /x: say one"),
            (&["http://a", "--event", "disconnect"], "--event: disconnect is a reserved event name"),
            (&["http://a", "--emit", "join"], "--emit: expected a JSON array"),
            (&["http://a", "--emit", "[]"], "--emit: expected a JSON array"),
            (&["http://a", "--emit", "[1]"], "--emit: expected a JSON array"),
            (&["http://a", "--emit", "[\"connect\"]"], "--emit: connect is a reserved event name"),
        ] {
            let Err(problem) = listened(arguments) else { panic!("{arguments:?}") };
            assert!(problem.starts_with(said), "{arguments:?}: {problem}");
        }
    }

    #[test]
    fn what_is_emitted_after_each_connect_is_a_name_and_arguments() {
        let listening = listened(&["http://a/x", "--namespace", "/x", "--emit", r#"["join", {"a": 1}, 2]"#]).unwrap();
        let [(name, arguments)] = &listening.emits[..] else { panic!("there is one") };
        assert_eq!((name.raw().as_str(), arguments.as_str()), (r#""join""#, r#"{"a": 1},2"#));
    }
}
