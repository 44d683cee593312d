//! `fanfare listen`: prints what comes.

use std::env;
use std::future::ready;
use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use fanfare_client::{Arguments, Client, End, Event, EventName, Happening};
use tokio::time::timeout;

use super::line::{Style, line};
use super::say::{Said, note, say};
use super::status::Status;
use super::stop::Stop;
use super::wanted::Listening;

/// Listens until it is told to stop, nobody reads, or the server has had enough of it.
pub(super) async fn listen(wanted: Listening) -> Status {
    let Listening { options, url, events, emits, json } = wanted;
    let namespace = options.joins().clone();
    let mut stop = match Stop::new() {
        Ok(stop) => stop,
        Err(error) => return failed(&format!("cannot listen for signals: {error}")),
    };
    let mut client = match Client::new(options) {
        Ok(client) => client,
        Err(error) => return failed(&error.to_string()),
    };
    let style = style(json);
    // What has come together is written together, as soon as nothing more is there.
    let mut lines = String::new();
    loop {
        let happening = tokio::select! {
            biased;
            () = stop.asked() => return leave(client, &lines, stop).await,
            happening = client.next(), if lines.len() < TOGETHER_BYTES => Some(happening),
            () = ready(()), if !lines.is_empty() => None,
        };
        if let Some(Some(Happening::Event { event, id })) = &happening {
            if is_wanted(&events, event) {
                lines.push_str(&line(style, SystemTime::now(), &namespace, event, *id));
            }
            continue;
        }
        if !lines.is_empty() {
            let said = tokio::select! {
                said = say(&lines) => said,
                // Whoever is to read does not.
                () = stop.asked() => return Status::Done,
            };
            match said {
                Ok(Said::Heard) => lines.clear(),
                Ok(Said::Unwanted) => return leave(client, "", stop).await,
                Err(error) => return failed(&format!("cannot write: {error}")),
            }
        }
        let outcome = match happening {
            Some(Some(Happening::Connected { id })) => {
                note(&format!("connected to {namespace} of {url} as {id}"));
                greet(&mut client, &emits)
            }
            Some(happening) => heed(happening),
            None => ControlFlow::Continue(()),
        };
        if let ControlFlow::Break(status) = outcome {
            return status;
        }
    }
}

/// Emits what is to be emitted after each connect.
fn greet(client: &mut Client, emits: &[(EventName, Arguments)]) -> ControlFlow<Status> {
    for (name, arguments) in emits {
        if let Err(error) = client.emit(name, arguments) {
            note(&format!("{name:?} is not emitted: {error}"));
            return ControlFlow::Break(Status::Refused);
        }
    }
    ControlFlow::Continue(())
}

/// Says how the connection fares, and whether that is the end.
fn heed(happening: Option<Happening>) -> ControlFlow<Status> {
    match happening {
        Some(Happening::Lost { why, retry_in }) => {
            note(&format!("connection lost: {why}; again in {}", seconds(retry_in)));
        }
        Some(Happening::Failed { why, retry_in }) => {
            note(&format!("cannot connect: {why}; again in {}", seconds(retry_in)));
        }
        Some(Happening::Ended(end)) => {
            note(&match &end {
                End::GaveUp(why) => format!("gave up: {why}"),
                end => end.to_string(),
            });
            return ControlFlow::Break(Status::from(&end));
        }
        Some(_) => {}
        None => return ControlFlow::Break(Status::Done),
    }
    ControlFlow::Continue(())
}

/// Says what is still to be said, and goodbye, unless it is hurried.
async fn leave(client: Client, lines: &str, mut stop: Stop) -> Status {
    let last = async {
        let _ = timeout(LAST_WORDS_MAX, say(lines)).await;
        client.close().await;
    };
    tokio::select! {
        () = last => {}
        () = stop.asked() => {}
    }
    Status::Done
}

fn is_wanted(events: &[String], event: &Event) -> bool {
    events.is_empty() || events.iter().any(|name| event.name_is(name))
}

/// For people on a terminal, unless they want JSON; for programs behind a pipe.
fn style(json: bool) -> Style {
    if json || !io::stdout().is_terminal() {
        return Style::Json;
    }
    // <https://no-color.org>
    let is_plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
    Style::Text { is_coloured: !is_plain }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn failed(why: &str) -> Status {
    note(why);
    Status::Failed
}

/// A pipe's buffer.
const TOGETHER_BYTES: usize = 64 * 1024;

/// For a reader that may not be there any more.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);
