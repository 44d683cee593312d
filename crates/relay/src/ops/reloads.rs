//! How the last reload went.

use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::page::{Page, seconds};
use crate::reload::{LastReload, Reloader};

/// How the last reload went; before the first, the start.
#[derive(Debug)]
pub(crate) struct ReloadMetrics(pub(crate) Arc<Reloader>);

impl Collector for ReloadMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        let LastReload { succeeded, at } = self.0.last_reload();
        let help = "Whether the configuration was taken when it was read last";
        page.gauge("fanfare_config_last_reload_success", help, u64::from(succeeded))?;
        let at = seconds(at.duration_since(UNIX_EPOCH).unwrap_or_default());
        let help = "When the configuration was read last, in seconds since 1970";
        page.gauge("fanfare_config_last_reload_timestamp_seconds", help, at)
    }
}
