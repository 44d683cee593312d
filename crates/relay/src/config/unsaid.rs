//! Defaults that no type of the configuration has.

use std::time::Duration;

/// How far an issuer's clock and ours may be apart.
pub(crate) const LEEWAY: Duration = Duration::from_secs(30);

/// How often a certificate is looked at.
pub(crate) const TLS_REREAD: Duration = Duration::from_secs(60);
