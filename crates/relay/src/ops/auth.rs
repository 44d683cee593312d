//! How finding out who clients are goes.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::page::{Page, seconds};
use crate::auth::Authenticator;

/// Asks for whoever finds out now, and reads what that has counted.
pub(crate) struct AuthMetrics(pub(crate) Box<dyn Fn() -> Authenticator + Send + Sync>);

impl Collector for AuthMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (mut page, authenticator) = (Page(encoder), (self.0)());
        let help = "How long it took to find out who a client is that gave credentials";
        page.histogram("fanfare_auth_seconds", help, &authenticator.took())?;
        page.counters("fanfare_auth_failures", "Tokens that were refused, by issuer and why", |counters| {
            authenticator.all_failures().into_iter().try_for_each(|((issuer, reason), count)| {
                counters.add(&[("issuer", &*issuer), ("reason", reason)], count)
            })
        })?;
        page.gauges("fanfare_jwks_age_seconds", "Since the issuer's keys were fetched", |gauges| {
            authenticator
                .key_ages()
                .into_iter()
                .try_for_each(|(issuer, age)| gauges.add(&[("issuer", &*issuer)], seconds(age)))
        })
    }
}

impl fmt::Debug for AuthMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthMetrics").finish_non_exhaustive()
    }
}
