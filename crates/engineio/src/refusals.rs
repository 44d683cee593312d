//! Counting the requests that were refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use engineio_proto::RequestError;
use http::{Response, StatusCode};

/// How many requests were refused, by why. Sessions that ended are counted by those who own them.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<BTreeMap<&'static str, u64>>);

/// In an answer's extensions: why it is a refusal, where its status does not say.
#[derive(Clone, Copy)]
pub(crate) struct Cause(pub(crate) &'static str);

impl Refusals {
    /// Counts an answer if it is a refusal, and says so in the log: at debug, since anybody can make us refuse.
    pub(crate) fn note<B>(&self, answer: &Result<Response<B>, RequestError>) {
        let label = match answer {
            Ok(response) => match response.extensions().get::<Cause>() {
                Some(Cause(label)) => label,
                None => match label_of(response.status()) {
                    Some(label) => label,
                    None => return,
                },
            },
            Err(error) => error.label(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(label).or_default() += 1;
        let why = answer.as_ref().err().map(RequestError::message);
        tracing::debug!(cause = label, why, "request refused");
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the engine means by a status; the codes 0 to 5 have names of their own.
fn label_of(status: StatusCode) -> Option<&'static str> {
    Some(match status {
        StatusCode::SERVICE_UNAVAILABLE => "full",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::REQUEST_TIMEOUT => "body_timeout",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        // Somebody else's path.
        StatusCode::NOT_FOUND => return None,
        status if status.is_client_error() => "bad_request",
        _ => return None,
    })
}
