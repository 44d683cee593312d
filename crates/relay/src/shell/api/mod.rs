//! `fanfare api`: the HTTP API of a relay, from a shell.
//!
//! In reading order: [`args`] (what is typed), [`asking`](mod@asking) (what it asks, or what is wrong with it), [`events`] (as the API takes them);
//! and here, that it is asked.

mod args;
mod asking;
mod events;

use serde_json::Value;

use super::say::{Said, note, say};
use super::status::Status;
use crate::auth::{Bounds, Failure, HttpClient};

pub(crate) use args::ApiArgs;
pub(super) use asking::asking;

use asking::Asking;

/// Asks, and prints what is answered: as it came, and of a list of which all is wanted, one page behind the other.
pub(super) async fn api(asking: Asking) -> Status {
    exchange(&asking).await.unwrap_or_else(|(status, why)| {
        note(&why);
        status
    })
}

/// What went wrong, and how it is said.
type Trouble = (Status, String);

async fn exchange(asking: &Asking) -> Result<Status, Trouble> {
    let first = asking.request(None).map_err(|why| (Status::Misused, why))?;
    let client = HttpClient::new(std::iter::once(first.uri()));
    let bounds = Bounds { time: asking.time(), body_bytes_max: ANSWER_BYTES_MAX };
    let mut request = first;
    loop {
        let answer = client.send(request, bounds).await.map_err(|failure| {
            let status = if failure == Failure::TimedOut { Status::TimedOut } else { Status::Unreachable };
            (status, failure.to_string())
        })?;
        let text = String::from_utf8_lossy(answer.body());
        if !answer.status().is_success() {
            return Err((Status::Refused, refused(answer.status().as_u16(), &text)));
        }
        let said = say(&text).await.map_err(|error| (Status::Failed, format!("cannot write: {error}")))?;
        let answered: Value = serde_json::from_str(&text).unwrap_or_default();
        match answered.get("next").and_then(Value::as_str) {
            Some(next) if asking.is_all() && said == Said::Heard => {
                request = asking.request(Some(next)).map_err(|why| (Status::Misused, why))?;
            }
            _ => return not_all(&answered).map_or(Ok(Status::Done), |why| Err((Status::Refused, why))),
        }
    }
}

/// Why it was refused, in the relay's words.
fn refused(status: u16, text: &str) -> String {
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    let word = |name: &str| problem.get(name).and_then(Value::as_str);
    let field = word("field").map(|field| format!("{field}: ")).unwrap_or_default();
    let why = word("detail").unwrap_or("the answer is none of a relay's HTTP API");
    format!("{status} {}: {field}{why}", word("code").unwrap_or("no code"))
}

/// How many events of a batch were refused, if any was.
fn not_all(answered: &Value) -> Option<String> {
    let results = answered.get("results")?.as_array()?;
    let refused = results.iter().filter(|result| result.get("error").is_some()).count();
    (refused > 0).then(|| format!("{refused} of {} events were refused", results.len()))
}

const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
