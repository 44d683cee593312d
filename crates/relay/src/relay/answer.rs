//! What a client that asked for an acknowledgement is told.

use std::time::{Duration, SystemTime};

use policy::Refusal;
use serde::Serialize;
use socketio::{AckSender, Nodes, Published};

/// The one argument of an acknowledgement.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(super) enum Answer<'a> {
    /// The event was queued to so many.
    Ok {
        recipients: usize,
        /// What became of it for other nodes; nothing where there are none.
        #[serde(skip_serializing_if = "Option::is_none")]
        cluster: Option<&'static str>,
        /// How many other nodes were asked and did not say how many recipients they have.
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<usize>,
    },
    /// A token was renewed.
    #[serde(rename = "ok")]
    Renewed {
        /// Seconds since 1970; none if it never ends.
        expires_at: Option<u64>,
    },
    /// It went nowhere.
    Error(Problem<'a>),
}

/// Why something went nowhere.
#[derive(Debug, Serialize)]
pub(super) struct Problem<'a> {
    pub(super) code: &'a str,
    pub(super) message: &'a str,
    /// Where in the arguments, as a JSON pointer, and what was expected there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_ms: Option<u64>,
}

impl<'a> Answer<'a> {
    /// It was queued to so many here, and this became of it for other nodes.
    pub(super) fn here(recipients: usize, elsewhere: Published) -> Self {
        let cluster = (elsewhere != Published::Nowhere).then(|| elsewhere.label());
        Self::Ok { recipients, cluster, missing: None }
    }

    /// It went to the whole cluster, of which so many were to have it as far as its nodes say so.
    pub(super) fn everywhere(recipients: usize, nodes: Nodes) -> Self {
        let missing = (nodes.missing > 0).then_some(nodes.missing);
        Self::Ok { recipients, cluster: Some(Published::Sent.label()), missing }
    }

    /// The same, where the other nodes were not asked: then somebody is missing where it went to others.
    pub(super) fn uncounted(recipients: usize, elsewhere: Published) -> Self {
        match elsewhere {
            Published::Sent => Self::everywhere(recipients, Nodes::new(0, 1)),
            _ => Self::here(recipients, elsewhere),
        }
    }

    pub(super) fn error(code: &'a str, message: &'a str) -> Self {
        Self::Error(Problem { code, message, path: None, expected: None, retry_after_ms: None })
    }

    pub(super) fn refusal(refusal: &'a Refusal) -> Self {
        let Refusal { code, message, path, expected, retry_after, .. } = refusal;
        Self::Error(Problem {
            code: code.label(),
            message,
            path: path.as_deref(),
            expected: expected.as_deref(),
            retry_after_ms: retry_after.map(whole_millis),
        })
    }

    pub(super) fn renewed(expires_at: Option<SystemTime>) -> Self {
        let since = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Self::Renewed { expires_at: expires_at.map(since) }
    }

    /// Tells whoever asked, if somebody did.
    pub(super) fn send(&self, ack: Option<AckSender>) {
        if let Some(ack) = ack
            && let Err(error) = ack.send((self,))
        {
            tracing::error!(%error, "cannot answer");
        }
    }
}

/// At least one: who is to wait is not told to wait no time.
fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use policy::Code;
    use socketio::Arguments;

    use super::*;

    #[test]
    fn an_answer_is_what_the_documentation_says() {
        let mut refusal = Refusal::new(Code::RateLimited);
        refusal.retry_after = Some(Duration::from_micros(1500));
        for (answer, json) in [
            (Answer::here(3, Published::Nowhere), r#"{"status":"ok","recipients":3}"#),
            (Answer::here(3, Published::Sent), r#"{"status":"ok","recipients":3,"cluster":"sent"}"#),
            (Answer::everywhere(9, Nodes::new(2, 0)), r#"{"status":"ok","recipients":9,"cluster":"sent"}"#),
            (Answer::everywhere(9, Nodes::new(1, 1)), r#"{"status":"ok","recipients":9,"cluster":"sent","missing":1}"#),
            (Answer::uncounted(3, Published::Sent), r#"{"status":"ok","recipients":3,"cluster":"sent","missing":1}"#),
            (Answer::uncounted(3, Published::Lost), r#"{"status":"ok","recipients":3,"cluster":"lost"}"#),
            (Answer::error("x", "why"), r#"{"status":"error","code":"x","message":"why"}"#),
            (Answer::renewed(None), r#"{"status":"ok","expires_at":null}"#),
            (
                Answer::renewed(Some(SystemTime::UNIX_EPOCH + Duration::from_millis(7900))),
                r#"{"status":"ok","expires_at":7}"#,
            ),
            (
                Answer::refusal(&refusal),
                r#"{"status":"error","code":"rate_limited","message":"too many events","retry_after_ms":2}"#,
            ),
        ] {
            let arguments = Arguments::serialize(&(answer,)).unwrap();
            assert_eq!(arguments.raw(0), Some(json));
        }
    }
}
