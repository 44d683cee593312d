//! `[limits]`, `[limits.client]`, `[limits.address]` and `[limits.node]`

use std::num::NonZeroU32;

use policy::{Over, Rate};

use super::{DAY_MS, GIBIBYTE, PER_S_MAX, Setting, TakesEffect, Toml, number, proxies, put};
use crate::config::written::{Written, Wrong};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "limits.sessions_max",
        variable: "FANFARE_SESSIONS_MAX",
        flag: None,
        set: |draft, written| {
            let sessions = number(written, "sessions", 1..=10_000_000);
            put(&mut draft.config.server.engine.sessions_max, sessions.map(|sessions| sessions as usize))
        },
        show: |config| Some(Toml::plain(config.server.engine.sessions_max)),
        about: "How many clients may be connected at once.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "limits.outbox_bytes_max",
        variable: "FANFARE_OUTBOX_BYTES_MAX",
        flag: None,
        set: |draft, written| put(&mut draft.outbox_bytes_max, written.bytes(1..=GIBIBYTE).map(Some)),
        show: |config| Some(Toml::plain(config.server.engine.outbox_bytes_max)),
        about: "How many bytes may wait for one client; by default at least two of the largest messages.",
        takes_effect: TakesEffect::ForNewConnections,
    },
    Setting {
        key: "limits.outbox_bytes_total_max",
        variable: "FANFARE_OUTBOX_BYTES_TOTAL_MAX",
        flag: None,
        set: |draft, written| {
            let bytes = written.large("a whole number of bytes", OUTBOX_TOTAL_MIN..=OUTBOX_TOTAL_MAX);
            put(&mut draft.outbox_bytes_total_max, bytes.map(|bytes| Some(bytes as usize)))
        },
        show: |config| Some(Toml::plain(config.server.engine.outbox_bytes_total_max)),
        about: "How many bytes may wait for all clients; without, a quarter of the memory.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "limits.outbox_stall_max_ms",
        variable: "FANFARE_OUTBOX_STALL_MAX_MS",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.engine.outbox_stall_max, written.millis(1..=DAY_MS)),
        show: |config| Some(Toml::millis(config.server.engine.outbox_stall_max)),
        about: "How long a client may take nothing of what waits for it.",
        takes_effect: TakesEffect::ForNewConnections,
    },
    Setting {
        key: "limits.attachments_max",
        variable: "FANFARE_ATTACHMENTS_MAX",
        flag: None,
        set: |draft, written| {
            let attachments = number(written, "attachments", 0..=1000);
            put(
                &mut draft.config.server.client.limits.attachments_max,
                attachments.map(|attachments| attachments as usize),
            )
        },
        show: |config| Some(Toml::plain(config.server.client.limits.attachments_max)),
        about: "How many binary attachments one event may have.",
        takes_effect: TakesEffect::ForNewConnections,
    },
    Setting {
        key: "limits.auth_bytes_max",
        variable: "FANFARE_AUTH_BYTES_MAX",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.client.auth_bytes_max, written.bytes(2..=GIBIBYTE)),
        show: |config| Some(Toml::plain(config.server.client.auth_bytes_max)),
        about: "How many bytes of auth a client may give.",
        takes_effect: TakesEffect::ForNewConnections,
    },
    Setting {
        key: "limits.client.events_per_s",
        variable: "FANFARE_CLIENT_EVENTS_PER_S",
        flag: None,
        set: |draft, written| put(&mut draft.client_events_per_s, number(written, "events", 0..=PER_S_MAX)),
        show: |config| Some(Toml::plain(config.limits.client.events.map_or(0, |rate| rate.per_s()))),
        about: "How many events a client may send in a second; 0 is no limit, here and below.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "limits.client.events_burst",
        variable: "FANFARE_CLIENT_EVENTS_BURST",
        flag: None,
        set: |draft, written| put(&mut draft.client_events_burst, number(written, "events", 1..=PER_S_MAX).map(Some)),
        show: |config| config.limits.client.events.map(|rate| Toml::plain(rate.burst())),
        about: "How many at once; by default twice as many.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "limits.client.bytes_per_s",
        variable: "FANFARE_CLIENT_BYTES_PER_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.limits.client.bytes, rate(written, "bytes", GIBIBYTE)),
        show: |config| Some(Toml::plain(config.limits.client.bytes.map_or(0, |rate| rate.per_s()))),
        about: "How many bytes these may have.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "limits.client.over",
        variable: "FANFARE_CLIENT_OVER",
        flag: None,
        set: |draft, written| put(&mut draft.config.limits.client.over, written.word(&OVER)),
        show: |config| Some(Toml::word(&OVER, config.limits.client.over)),
        about: "What happens to what is over either: \"slow\", \"refuse\", \"drop\" or \"close\".",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "limits.client.refusals_per_s",
        variable: "FANFARE_CLIENT_REFUSALS_PER_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.limits.client.refusals, rate(written, "refusals", PER_S_MAX)),
        show: |config| Some(Toml::plain(config.limits.client.refusals.map_or(0, |rate| rate.per_s()))),
        about: "How many refused events a client may send in a second before its connection ends.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "limits.client.rooms_max",
        variable: "FANFARE_CLIENT_ROOMS_MAX",
        flag: None,
        set: |draft, written| {
            let rooms = number(written, "rooms", 1..=100_000);
            put(&mut draft.config.limits.client.rooms_max, rooms.map(|rooms| rooms as usize))
        },
        show: |config| Some(Toml::plain(config.limits.client.rooms_max)),
        about: "How many rooms a client may be in.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "limits.address.connections_max",
        variable: "FANFARE_ADDRESS_CONNECTIONS_MAX",
        flag: None,
        set: |draft, written| {
            let connections = number(written, "connections", 0..=10_000_000);
            put(&mut draft.config.limits.address.connections_max, connections.map(NonZeroU32::new))
        },
        show: |config| Some(Toml::plain(config.limits.address.connections_max.map_or(0, NonZeroU32::get))),
        about: "How many connections an address may have at once.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "limits.address.handshakes_per_s",
        variable: "FANFARE_ADDRESS_HANDSHAKES_PER_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.limits.address.handshakes, rate(written, "handshakes", PER_S_MAX)),
        show: |config| Some(Toml::plain(config.limits.address.handshakes.map_or(0, |rate| rate.per_s()))),
        about: "How many it may begin in a second.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "limits.address.ipv6_prefix",
        variable: "FANFARE_ADDRESS_IPV6_PREFIX",
        flag: None,
        set: |draft, written| {
            let bits = number(written, "bits", 16..=128);
            put(&mut draft.config.limits.address.ipv6_prefix, bits.map(|bits| bits as u8))
        },
        show: |config| Some(Toml::plain(config.limits.address.ipv6_prefix)),
        about: "How many bits of an IPv6 address count.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "limits.address.trusted_proxies",
        variable: "FANFARE_ADDRESS_TRUSTED_PROXIES",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.engine.trusted_proxies, proxies(written)),
        show: |config| Some(Toml::set(config.server.engine.trusted_proxies.iter())),
        about: "The proxies whose X-Forwarded-For is believed: addresses, blocks such as 10.0.0.0/8, or unix.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "limits.node.handshakes_per_s",
        variable: "FANFARE_NODE_HANDSHAKES_PER_S",
        flag: None,
        set: |draft, written| {
            let handshakes = number(written, "handshakes", 0..=PER_S_MAX);
            put(&mut draft.config.limits.node.handshakes_per_s, handshakes.map(NonZeroU32::new))
        },
        show: |config| Some(Toml::plain(config.limits.node.handshakes_per_s.map_or(0, NonZeroU32::get))),
        about: "How many connections may begin in a second, from all addresses together.",
        takes_effect: TakesEffect::AtOnce,
    },
];

/// How many of `what` may come in a second, twice as many at once; 0 is no limit.
fn rate(written: Written<'_>, what: &str, max: u32) -> Result<Option<Rate>, Wrong> {
    number(written, what, 0..=max).map(|per_s| Rate::new(per_s, None))
}

/// What may happen to what is over a limit.
const OVER: [(&str, Over); 4] =
    [("slow", Over::Slow), ("refuse", Over::Refuse), ("drop", Over::Drop), ("close", Over::Close)];

/// Less than one message of the usual largest size would close whoever has to wait for it.
const OUTBOX_TOTAL_MIN: u64 = 1 << 20;

/// More than a quarter of the memory of any machine, which is the default.
const OUTBOX_TOTAL_MAX: u64 = 1 << 40;
