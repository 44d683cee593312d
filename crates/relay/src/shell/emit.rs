//! `fanfare emit`: one event, and the certainty that the server has it.

use std::time::Duration;

use fanfare_client::{AckId, Arguments, Client, ConnectError, EmitError, End, Happening, NoAnswer};
use tokio::time::{Instant, timeout, timeout_at};

use super::line::args;
use super::say::{note, say};
use super::status::Status;
use super::wanted::Emitting;

/// Connects, emits, waits for the acknowledgement if one is wanted, and leaves.
pub(super) async fn emit(wanted: Emitting) -> Status {
    let deadline = Instant::now() + wanted.timeout;
    let status = exchange(wanted, deadline).await;
    status.unwrap_or_else(|(status, why)| {
        note(&why);
        status
    })
}

/// What went wrong, and how it is said.
type Trouble = (Status, String);

async fn exchange(wanted: Emitting, deadline: Instant) -> Result<Status, Trouble> {
    let Emitting { options, event, arguments, ack, timeout: time } = wanted;
    let late = |what: &str| (Status::TimedOut, format!("{what} within {} ms", time.as_millis()));
    let connected =
        timeout_at(deadline, Client::connect(options.close_timeout(time))).await.map_err(|_| late("not connected"))?;
    let mut client = connected.map_err(not_connected)?;
    if ack {
        let left = deadline.saturating_duration_since(Instant::now());
        let id = client.emit_with_ack(&event, &arguments, left).map_err(not_emitted)?;
        let answer = answer(&mut client, id).await?;
        let printed = say(&format!("{}\n", args(&answer))).await;
        // It was acknowledged, so it was heard.
        let _ = timeout(GOODBYE_MAX, client.close()).await;
        printed.map_err(|error| (Status::Failed, format!("cannot write: {error}")))?;
        return Ok(Status::Done);
    }
    client.emit(&event, &arguments).map_err(not_emitted)?;
    // Once it is known to be heard, the goodbye does not have to be in time.
    match timeout_at(deadline + GOODBYE_MAX, client.close()).await {
        Ok(End::Closed { is_heard: true }) => Ok(Status::Done),
        Ok(_) if Instant::now() < deadline => {
            Err((Status::Unreachable, "the connection was lost: whether the server has heard is not known".to_owned()))
        }
        _ => Err(late("sent, but the server has not said that it read it")),
    }
}

/// Waits for the acknowledgement. Its time-out is the machine's.
async fn answer(client: &mut Client, asked: AckId) -> Result<Arguments, Trouble> {
    loop {
        match client.next().await {
            Some(Happening::Answered { id, answer: Ok(answer) }) if id == asked => return Ok(answer),
            Some(Happening::Answered { answer: Err(why @ NoAnswer::TimedOut), .. }) => {
                return Err((Status::TimedOut, why.to_string()));
            }
            Some(Happening::Ended(End::GaveUp(why))) => {
                return Err((Status::Unreachable, format!("{}: {why}", NoAnswer::Lost)));
            }
            Some(Happening::Ended(end)) => return Err((Status::from(&end), end.to_string())),
            // Where it was lost the end comes next, and says why.
            Some(_) => {}
            None => return Err((Status::Unreachable, NoAnswer::Lost.to_string())),
        }
    }
}

fn not_connected(error: ConnectError) -> Trouble {
    match error {
        ConnectError::Ended(End::GaveUp(why)) => (Status::Unreachable, format!("cannot connect: {why}")),
        ConnectError::Ended(end) => (Status::from(&end), end.to_string()),
        error => (Status::Failed, error.to_string()),
    }
}

fn not_emitted(error: EmitError) -> Trouble {
    (Status::Refused, format!("not emitted: {error}"))
}

/// How long the server's goodbye is waited for.
const GOODBYE_MAX: Duration = Duration::from_secs(2);
