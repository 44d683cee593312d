//! `[engine]` and `[engine.cookie]`

use std::time::Duration;

use socketio::Parser;
use socketio::engineio::proto::{SessionConfig, Transport};
use socketio::engineio::{CookieConfig, SameSite};

use super::{DAY_MS, GIBIBYTE, Setting, TakesEffect, Toml, put};
use crate::config::draft::Draft;
use crate::config::written::{Written, Wrong};
use crate::config::{Config, cookie};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "engine.ping_interval_ms",
        variable: "FANFARE_PING_INTERVAL_MS",
        flag: None,
        set: |draft, written| put(&mut session(draft).ping_interval, written.millis(1..=DAY_MS)),
        show: |config| Some(Toml::millis(config.server.engine.session.ping_interval)),
        about: "How long after the last answer a client is pinged.",
        takes_effect: TakesEffect::ForNewConnections,
    },
    Setting {
        key: "engine.ping_timeout_ms",
        variable: "FANFARE_PING_TIMEOUT_MS",
        flag: None,
        set: |draft, written| put(&mut session(draft).ping_timeout, written.millis(PING_TIMEOUT_MIN_MS..=DAY_MS)),
        show: |config| Some(Toml::millis(config.server.engine.session.ping_timeout)),
        about: "How long a ping may stay unanswered before the client is closed.",
        takes_effect: TakesEffect::ForNewConnections,
    },
    Setting {
        key: "engine.upgrade_timeout_ms",
        variable: "FANFARE_UPGRADE_TIMEOUT_MS",
        flag: None,
        set: |draft, written| put(&mut session(draft).upgrade_timeout, written.millis(1..=DAY_MS)),
        show: |config| Some(Toml::millis(config.server.engine.session.upgrade_timeout)),
        about: "How long an upgrade to WebSocket may take.",
        takes_effect: TakesEffect::ForNewConnections,
    },
    Setting {
        key: "engine.connect_timeout_ms",
        variable: "FANFARE_CONNECT_TIMEOUT_MS",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.client.connect_timeout, written.millis(1..=DAY_MS)),
        show: |config| Some(Toml::millis(config.server.client.connect_timeout)),
        about: "How long a client may take to connect to its first namespace.",
        takes_effect: TakesEffect::ForNewConnections,
    },
    Setting {
        key: "engine.max_payload_bytes",
        variable: "FANFARE_MAX_PAYLOAD_BYTES",
        flag: None,
        set: |draft, written| put(&mut session(draft).max_payload_bytes, written.bytes(1..=GIBIBYTE)),
        show: |config| Some(Toml::plain(config.server.engine.session.max_payload_bytes)),
        about: "The largest message, and the largest body of a polling request.",
        takes_effect: TakesEffect::ForNewConnections,
    },
    Setting {
        key: "engine.parser",
        variable: "FANFARE_PARSER",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.client.parser, written.word(&PARSERS)),
        show: |config| Some(Toml::word(&PARSERS, config.server.client.parser)),
        about: "In which form packets are, as each client's own parser: \"json\" or \"msgpack\".",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "engine.transports",
        variable: "FANFARE_TRANSPORTS",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.engine.transports, transports(written)),
        show: |config| Some(Toml::list(config.server.engine.transports.iter().map(|transport| transport.name()))),
        about: "The transports that clients may use.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "engine.allow_upgrades",
        variable: "FANFARE_ALLOW_UPGRADES",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.engine.allow_upgrades, written.boolean()),
        show: |config| Some(Toml::plain(config.server.engine.allow_upgrades)),
        about: "Whether clients on polling are offered the WebSocket.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "engine.http_compression",
        variable: "FANFARE_HTTP_COMPRESSION",
        flag: None,
        set: |draft, written| put(&mut draft.compression, written.boolean()),
        show: |config| Some(Toml::plain(config.server.engine.compression_threshold_bytes.is_some())),
        about: "Whether answers to polling are compressed for clients that accept it.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "engine.http_compression_threshold_bytes",
        variable: "FANFARE_HTTP_COMPRESSION_THRESHOLD_BYTES",
        flag: None,
        set: |draft, written| put(&mut draft.compression_threshold_bytes, written.bytes(0..=GIBIBYTE)),
        show: |config| config.server.engine.compression_threshold_bytes.map(Toml::plain),
        about: "From which size on.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "engine.http_keep_alive_ms",
        variable: "FANFARE_HTTP_KEEP_ALIVE_MS",
        flag: None,
        set: |draft, written| put(&mut draft.config.http.keep_alive, written.millis(1..=DAY_MS)),
        show: |config| Some(Toml::millis(config.http.keep_alive)),
        about: "How long an HTTP connection may be idle between two requests.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "engine.body_stall_max_ms",
        variable: "FANFARE_BODY_STALL_MAX_MS",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.engine.body_stall_max, written.millis(1..=DAY_MS)),
        show: |config| Some(Toml::millis(config.server.engine.body_stall_max)),
        about: "How long nothing may come of the body of a polling request.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "engine.body_timeout_ms",
        variable: "FANFARE_BODY_TIMEOUT_MS",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.engine.body_timeout, written.millis(1..=DAY_MS)),
        show: |config| Some(Toml::millis(config.server.engine.body_timeout)),
        about: "How long the body of a polling request may take altogether.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "engine.cookie.name",
        variable: "FANFARE_COOKIE_NAME",
        flag: None,
        set: |draft, written| put(&mut baked(draft).name, written.parsed(cookie::parse_name)),
        show: |config| baked_of(config).map(|cookie| Toml::text(&cookie.name)),
        about: "Its name.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "engine.cookie.path",
        variable: "FANFARE_COOKIE_PATH",
        flag: None,
        set: |draft, written| put(&mut baked(draft).path, written.parsed(cookie::parse_path).map(Some)),
        show: |config| baked_of(config).and_then(|cookie| cookie.path.as_ref().map(Toml::text)),
        about: "The paths it is sent with.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "engine.cookie.domain",
        variable: "FANFARE_COOKIE_DOMAIN",
        flag: None,
        set: |draft, written| put(&mut baked(draft).domain, written.parsed(cookie::parse_domain).map(Some)),
        show: |config| baked_of(config).and_then(|cookie| cookie.domain.as_ref().map(Toml::text)),
        about: "The domain it is sent to; without, only the host that set it.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "engine.cookie.http_only",
        variable: "FANFARE_COOKIE_HTTP_ONLY",
        flag: None,
        set: |draft, written| put(&mut baked(draft).http_only, written.boolean()),
        show: |config| baked_of(config).map(|cookie| Toml::plain(cookie.http_only)),
        about: "Whether scripts are kept from reading it.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "engine.cookie.secure",
        variable: "FANFARE_COOKIE_SECURE",
        flag: None,
        set: |draft, written| put(&mut baked(draft).secure, written.boolean()),
        show: |config| baked_of(config).map(|cookie| Toml::plain(cookie.secure)),
        about: "Whether it is sent over TLS only.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "engine.cookie.same_site",
        variable: "FANFARE_COOKIE_SAME_SITE",
        flag: None,
        set: |draft, written| put(&mut baked(draft).same_site, written.word(&SAME_SITE).map(Some)),
        show: |config| baked_of(config).and_then(|cookie| cookie.same_site.map(|site| Toml::word(&SAME_SITE, site))),
        about: "Whether requests from other sites carry it: \"strict\", \"lax\" or \"none\".",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "engine.cookie.max_age_s",
        variable: "FANFARE_COOKIE_MAX_AGE_S",
        flag: None,
        set: |draft, written| {
            let seconds = written.whole("a whole number of seconds", 1..=COOKIE_AGE_MAX_S);
            let max_age = seconds.map(|seconds| Some(Duration::from_secs(seconds.into())));
            put(&mut baked(draft).max_age, max_age)
        },
        show: |config| baked_of(config).and_then(|cookie| cookie.max_age.map(Toml::seconds)),
        about: "How many seconds it lives; without, as long as the browser runs.",
        takes_effect: TakesEffect::AtOnce,
    },
];

const PARSERS: [(&str, Parser); 2] = [("json", Parser::Json), ("msgpack", Parser::Msgpack)];

/// The times and sizes of a session.
fn session(draft: &mut Draft) -> &mut SessionConfig {
    &mut draft.config.server.engine.session
}

/// The cookie, which is set as soon as anything is said of it.
fn baked(draft: &mut Draft) -> &mut CookieConfig {
    draft.cookie.get_or_insert_default()
}

/// The cookie, if one is set.
fn baked_of(config: &Config) -> Option<&CookieConfig> {
    config.server.engine.cookie.as_ref()
}

fn transports(written: Written<'_>) -> Result<Vec<Transport>, Wrong> {
    let expected = "\"polling\", \"websocket\" or both";
    let all = [Transport::Polling, Transport::WebSocket];
    let parse = |text: &str| all.into_iter().find(|transport| transport.name() == text).ok_or(expected);
    let named = written.list(expected, parse)?;
    // In the order in which everything else has them.
    let transports: Vec<Transport> = all.into_iter().filter(|transport| named.contains(transport)).collect();
    if transports.is_empty() { Err(written.wrong(expected)) } else { Ok(transports) }
}

const SAME_SITE: [(&str, SameSite); 3] =
    [("strict", SameSite::Strict), ("lax", SameSite::Lax), ("none", SameSite::None)];

/// No mobile network answers faster; who writes `ping_timeout_ms = 20` means seconds, and would lose every client
/// at its first ping.
const PING_TIMEOUT_MIN_MS: u32 = 100;

/// 400 days: browsers cut it there.
const COOKIE_AGE_MAX_S: u32 = 34_560_000;
