//! The report of every two seconds.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use socketio::Server;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::Admin;
use super::statistics::{Aggregated, Reading};

/// What a page is told of a server, every two seconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    server_id: &'a str,
    hostname: &'a str,
    pid: u32,
    uptime: f64,
    clients_count: usize,
    polling_clients_count: usize,
    aggregated_events: Vec<Aggregated>,
    namespaces: Vec<Namespace>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Namespace {
    name: String,
    sockets_count: usize,
}

/// What is read at once.
struct Seen {
    clients: usize,
    polling: usize,
    namespaces: Vec<Namespace>,
    reading: Reading,
}

/// Reports for as long as the relay runs. While nobody looks nothing is read; the first report after that has no events.
pub(super) async fn report(admin: Arc<Admin>, server: Server, is_cluster: bool) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before: Option<Reading> = None;
    loop {
        ticks.tick().await;
        admin.note_left_out();
        let terms = admin.terms();
        let is_seen = is_cluster || admin.development.present.load(Ordering::Relaxed) > 0;
        if !terms.config.is_on() || !is_seen {
            before = None;
            continue;
        }
        let (reading, from) = (Arc::clone(&admin), server.clone());
        // As a scrape of the metrics: with a crowd of clients it is a millisecond, of a thread that serves nobody.
        let Ok(Seen { clients, polling, namespaces, reading }) = spawn_blocking(move || see(&reading, &from)).await
        else {
            return; // The runtime ends.
        };
        let events = before.as_ref().map(|before| reading.since(before, now_ms())).unwrap_or_default();
        before = Some(reading);
        let report = Report {
            server_id: &terms.server_id,
            hostname: &admin.hostname,
            pid: std::process::id(),
            uptime: admin.started.elapsed().as_secs_f64(),
            clients_count: clients,
            polling_clients_count: polling,
            aggregated_events: events,
            namespaces,
        };
        if let Some(administrators) = admin.everyone(terms.config.namespace.as_str()) {
            // A name that Socket.IO does not reserve, and what always serializes.
            let _ = administrators.emit("server_stats", &(report,));
        }
    }
}

fn see(admin: &Admin, server: &Server) -> Seen {
    let sessions = server.session_counts();
    let counts = server.namespace_counts();
    let heard = Arc::clone(&admin.live.current().common.counts);
    let refused: u64 = heard.refused_counts().values().sum();
    let reading = Reading {
        opened: sessions.polling.opened + sessions.websocket.opened,
        bytes_in: sessions.polling.received + sessions.websocket.received,
        bytes_out: sessions.polling.sent + sessions.websocket.sent,
        packets_in: heard.relayed_count() + refused,
        packets_out: counts.values().map(|counts| counts.delivered).sum(),
        closed: sessions.closed.clone(),
    };
    let namespaces = counts.into_iter();
    let namespaces =
        namespaces.map(|(name, counts)| Namespace { name: name.to_string(), sockets_count: counts.members });
    Seen { clients: sessions.open(), polling: sessions.polling.open, namespaces: namespaces.collect(), reading }
}

/// Since 1970.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// As the reference does. The page takes a server for ill that it has not heard of for ten seconds.
const EVERY: Duration = Duration::from_secs(2);
