//! What clients answer.

use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use socketio::{Answers, Arguments};
use utoipa::ToSchema;

use super::binary;
use super::fields::Fields;
use super::problem::Problem;

/// That answers are wanted.
#[derive(Debug, ToSchema)]
pub(crate) struct AckWanted {
    /// How long they are waited for.
    #[schema(minimum = 1, maximum = 60_000)]
    timeout_ms: u32,
}

/// What one client answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ack {
    /// Whose it is; not known of a client of another node.
    #[serde(skip_serializing_if = "Option::is_none")]
    socket: Option<String>,
    /// Binary ones are `{"$base64":"…"}`.
    #[schema(value_type = Vec<serde_json::Value>)]
    args: Box<RawValue>,
}

/// For how long at most clients' answers are waited for.
pub(crate) const TIMEOUT_MS_MAX: u32 = 60_000;

impl AckWanted {
    pub(crate) fn read(mut fields: Fields) -> Result<Self, Problem> {
        let expected = "a whole number of milliseconds from 1 to 60000";
        let timeout_ms: u32 = fields.required("timeout_ms", expected)?;
        if !(1..=TIMEOUT_MS_MAX).contains(&timeout_ms) {
            return Err(Problem::invalid(
                fields.path("timeout_ms"),
                format!("expected {expected}, found {timeout_ms}"),
            ));
        }
        fields.finish()?;
        Ok(Self { timeout_ms })
    }

    pub(crate) fn within(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.into())
    }
}

/// What came, by the sockets' ids, and who did not answer.
pub(crate) fn told(answers: Answers) -> (Vec<Ack>, Vec<String>) {
    let ack = |socket: Option<String>, arguments: &Arguments| {
        let args = RawValue::from_string(binary::shown(arguments));
        Ack { socket, args: args.unwrap_or_else(|_| RawValue::NULL.to_owned()) }
    };
    let mut here: Vec<_> = answers.received.iter().map(|(id, arguments)| (id.to_string(), arguments)).collect();
    here.sort_by(|one, other| one.0.cmp(&other.0));
    let here = here.into_iter().map(|(id, arguments)| ack(Some(id), arguments));
    let acks = here.chain(answers.elsewhere.received.iter().map(|arguments| ack(None, arguments))).collect();
    let mut missing: Vec<String> = answers.missing.iter().map(ToString::to_string).collect();
    missing.sort_unstable();
    (acks, missing)
}
