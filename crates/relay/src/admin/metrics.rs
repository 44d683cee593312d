//! Administrators, for who measures.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::{Admin, now};
use crate::ops::Page;

/// Reads everything when it is asked.
#[derive(Debug)]
pub(crate) struct AdminMetrics(pub(crate) Arc<Admin>);

impl Collector for AdminMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (admin, mut page) = (&self.0, Page(encoder));
        let administrators = admin.development.present.load(Ordering::Relaxed) as u64;
        page.gauge("fanfare_admin_administrators", "Admin UIs connected to this relay", administrators as i64)?;
        let sessions = admin.sessions().count(now());
        page.gauge("fanfare_admin_sessions", "Administrators who may come back without a password", sessions as i64)?;
        let mut counters = |name, help, label, counts: std::collections::BTreeMap<&'static str, u64>| {
            page.counters(name, help, |counters| {
                counts.into_iter().try_for_each(|(word, count)| counters.add(&[(label, word)], count))
            })
        };
        let counts = &admin.counts;
        counters(
            "fanfare_admin_logins",
            "Who came to administrate, by how that ended",
            "outcome",
            counts.logins.all(),
        )?;
        counters("fanfare_admin_commands", "Commands of administrators", "command", counts.commands.all())?;
        counters("fanfare_admin_left_out", "What administrators were not told", "of", counts.left_out.all())
    }
}
