//! What the relay has for all its clients.

use std::sync::Arc;

use policy::{EventName, Rules};

use super::counts::Counts;
use crate::auth::Authenticator;
use crate::auth::config::Renewal;

/// The relay in one namespace.
#[derive(Clone)]
pub(crate) struct Relaying {
    pub(crate) rules: Arc<Rules>,
    pub(crate) common: Arc<Common>,
}

/// What all namespaces have in common.
pub(crate) struct Common {
    pub(crate) authenticator: Authenticator,
    pub(crate) renewal: Renewal,
    /// What a client may give to be known by, as JSON; when it renews as when it connects.
    pub(crate) auth_bytes_max: usize,
    /// The event by which clients hear of refusals that they asked no acknowledgement for.
    pub(crate) errors_event: Option<EventName>,
    pub(crate) counts: Counts,
}
