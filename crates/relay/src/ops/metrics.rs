//! What the relay counts.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use socketio::Server;
use socketio::engineio::SessionCounts;

use super::Stage;
use super::page::{Page, seconds};
use super::requests::Requests;

/// Reads everything when it is asked.
pub(crate) struct Metrics {
    pub(crate) server: Server,
    pub(crate) refusals: Vec<Stage>,
    pub(crate) requests: Arc<Requests>,
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        page.gauges("fanfare_build_info", "The relay's version", |gauges| gauges.add(&version, 1))?;
        self.sessions(&mut page)?;
        self.namespaces(&mut page)?;
        self.refusals(&mut page)?;
        self.delivery(&mut page)?;
        self.requests(&mut page)
    }
}

impl Metrics {
    fn sessions(&self, page: &mut Page<'_>) -> fmt::Result {
        let sessions = self.server.session_counts();
        let by_transport = [("polling", sessions.polling), ("websocket", sessions.websocket)];
        page.gauges("fanfare_sessions", "Connections open now", |gauges| {
            by_transport.iter().try_for_each(|(name, counts)| gauges.add(&[("transport", name)], counts.open))
        })?;
        let mut totals = |name, help, count: fn(&socketio::engineio::TransportCounts) -> u64| {
            page.counters(name, help, |counters| {
                by_transport.iter().try_for_each(|(name, counts)| counters.add(&[("transport", name)], count(counts)))
            })
        };
        totals("fanfare_sessions_opened", "Connections opened, by the transport they began on", |counts| {
            counts.opened
        })?;
        totals("fanfare_received_bytes", "Bytes from clients", |counts| counts.received)?;
        totals("fanfare_sent_bytes", "Bytes that clients' connections took", |counts| counts.sent)?;
        page.counters("fanfare_sessions_closed", "Connections that ended", |counters| {
            sessions.closed.iter().try_for_each(|(reason, closed)| counters.add(&[("reason", reason)], *closed))
        })?;
        let waiting = self.server.outbox_bytes();
        page.gauge("fanfare_outbox_bytes", "Bytes that wait for clients, shared ones once", waiting)?;
        let help = "Connections for which more waits than this share of what may";
        page.gauges("fanfare_outbox_sessions", help, |gauges| {
            SessionCounts::OUTBOX_SHARES.into_iter().zip(sessions.waiting).try_for_each(|(share, sessions)| {
                gauges.add(&[("over", &(share as f64 / 100.0).to_string())], sessions)
            })
        })
    }

    fn namespaces(&self, page: &mut Page<'_>) -> fmt::Result {
        let namespaces = self.server.namespace_counts();
        page.gauges("fanfare_sockets", "Sockets connected now", |gauges| {
            namespaces.iter().try_for_each(|(name, counts)| gauges.add(&[("namespace", name.as_str())], counts.members))
        })?;
        page.gauges("fanfare_rooms", "Rooms that somebody is in, but for each socket's own", |gauges| {
            namespaces.iter().try_for_each(|(name, counts)| gauges.add(&[("namespace", name.as_str())], counts.rooms))
        })?;
        page.counters(
            "fanfare_deliveries",
            "Events and answers handed to sockets, once for each socket",
            |counters| {
                namespaces
                    .iter()
                    .try_for_each(|(name, counts)| counters.add(&[("namespace", name.as_str())], counts.delivered))
            },
        )?;
        let help = "Events that a socket did not get, by why";
        page.counters("fanfare_deliveries_skipped", help, |counters| {
            namespaces.iter().try_for_each(|(name, counts)| {
                let mut skipped = |reason, count| {
                    let labels = [("namespace", name.as_str()), ("reason", reason)];
                    counters.add(&labels, count)
                };
                skipped("volatile", counts.dropped)?;
                skipped("closed", counts.closed)
            })
        })
    }

    fn refusals(&self, page: &mut Page<'_>) -> fmt::Result {
        page.counters("fanfare_refusals", "What was refused, by where and why", |counters| {
            self.refusals.iter().try_for_each(|Stage { name, counts }| {
                counts()
                    .into_iter()
                    .try_for_each(|(code, count)| counters.add(&[("stage", name), ("code", code)], count))
            })
        })
    }

    fn delivery(&self, page: &mut Page<'_>) -> fmt::Result {
        let help =
            "From when an event was read until a recipient's connection had it, or it was behind what waits there";
        page.histogram("fanfare_delivery_seconds", help, &self.server.delivery())?;
        page.histogram("fanfare_ping_rtt_seconds", "How long clients took to answer pings", &self.server.ping_rtt())?;
        let help = "How long the oldest of what a lane has to do has waited by now";
        page.gauges("fanfare_lane_lag_seconds", help, |gauges| {
            let lags = self.server.lane_lags();
            let mut lags = lags.into_iter().enumerate();
            lags.try_for_each(|(lane, lag)| gauges.add(&[("lane", &lane.to_string())], seconds(lag)))
        })
    }

    fn requests(&self, page: &mut Page<'_>) -> fmt::Result {
        page.counters("fanfare_ops_requests", "Requests of operators, by the route that answered", |counters| {
            self.requests.counts().into_iter().try_for_each(|((route, code), count)| {
                counters.add(&[("route", &*route), ("code", &code.to_string())], count)
            })
        })
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
