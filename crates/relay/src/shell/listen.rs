//! `fanfare listen`: prints what comes.

use std::env;
use std::io::{self, IsTerminal};
use std::time::{Duration, SystemTime};

use fanfare_client::{AckId, Client, End, Event, Happening, Namespace};

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
    loop {
        let happening = tokio::select! {
            () = stop.asked() => return leave(client, stop).await,
            happening = client.next() => happening,
        };
        match happening {
            Some(Happening::Connected { id }) => {
                note(&format!("connected to {namespace} of {url} as {id}"));
                for (name, arguments) in &emits {
                    if let Err(error) = client.emit(name, arguments) {
                        note(&format!("{name:?} is not emitted: {error}"));
                        return Status::Refused;
                    }
                }
            }
            Some(Happening::Event { event, id }) if is_wanted(&events, &event) => {
                let said = tokio::select! {
                    said = print(style, &namespace, &event, id) => said,
                    // Whoever is to read does not.
                    () = stop.asked() => return Status::Done,
                };
                match said {
                    Ok(Said::Heard) => {}
                    Ok(Said::Unwanted) => return leave(client, stop).await,
                    Err(error) => return failed(&format!("cannot write: {error}")),
                }
            }
            Some(Happening::Lost { why, retry_in }) => {
                note(&format!("connection lost: {why}; again in {}", seconds(retry_in)))
            }
            Some(Happening::Failed { why, retry_in }) => {
                note(&format!("cannot connect: {why}; again in {}", seconds(retry_in)))
            }
            Some(Happening::Ended(end)) => {
                note(&match &end {
                    End::GaveUp(why) => format!("gave up: {why}"),
                    end => end.to_string(),
                });
                return Status::from(&end);
            }
            Some(_) => {}
            None => return Status::Done,
        }
    }
}

/// Says goodbye, unless it is hurried.
async fn leave(client: Client, mut stop: Stop) -> Status {
    tokio::select! {
        _ = client.close() => {}
        () = stop.asked() => {}
    }
    Status::Done
}

async fn print(style: Style, namespace: &Namespace, event: &Event, id: Option<AckId>) -> io::Result<Said> {
    say(&line(style, SystemTime::now(), namespace, event, id)).await
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
