//! The table of settings: the one place that knows what a setting is called and how it is read.

use std::fs;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use policy::{EventName, Over, Rate, parse_namespace};
use socketio::engineio::proto::{SessionConfig, Transport};
use socketio::engineio::{CookieConfig, InvalidAddressBlock, SameSite, TrustedProxies, TrustedProxy};

use super::draft::{Draft, Origins, WebhookDraft};
use super::written::{Written, Wrong};
use super::{LogFilter, LogFormat, Origin, Place, address, auth, cookie, engine_path, rule_text};
use crate::ops::Token;

/// One setting, by each of its names.
pub(crate) struct Setting {
    /// Its key in the file, with the sections.
    pub(crate) key: &'static str,
    /// Its variable in the environment.
    pub(crate) variable: &'static str,
    /// Its flag, if operators change it often enough for one.
    pub(crate) flag: Option<&'static str>,
    /// Reads it.
    set: fn(&mut Draft, Written<'_>) -> Result<(), Wrong>,
}

impl Setting {
    /// Reads what was written at `place` into `draft`, over what is there from before.
    pub(crate) fn read(&self, draft: &mut Draft, place: Place, written: Written<'_>) -> Result<(), Wrong> {
        (self.set)(draft, written)?;
        draft.note_place(self.key, place);
        Ok(())
    }
}

/// The setting of a flag that the command line has.
pub(crate) fn by_flag(flag: &str) -> &'static Setting {
    let setting = SETTINGS.iter().find(|setting| setting.flag == Some(flag));
    setting.expect("the command line takes only flags of the table, which a test in cli.rs compares")
}

/// Every setting. A variable is named after the flag if there is one, else after the key without its section.
///
/// `namespace.rule` stands for the rules of the namespace `/`; in the file they are a structure of their own,
/// which `namespaces.rs` reads.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        variable: "FANFARE_LISTEN",
        flag: Some("--listen"),
        set: |draft, written| put(&mut draft.config.listen, address::read(written)),
    },
    Setting {
        key: "path",
        variable: "FANFARE_PATH",
        flag: Some("--path"),
        set: |draft, written| put(&mut draft.config.server.engine.path, written.parsed(engine_path::parse)),
    },
    Setting { key: "client_dir", variable: "FANFARE_CLIENT_DIR", flag: Some("--client-dir"), set: client_dir },
    Setting {
        key: "shutdown_deadline_ms",
        variable: "FANFARE_SHUTDOWN_DEADLINE_MS",
        flag: None,
        set: |draft, written| put(&mut draft.config.shutdown_deadline, written.millis(1..=DAY_MS)),
    },
    Setting {
        key: "worker_threads",
        variable: "FANFARE_WORKER_THREADS",
        flag: None,
        set: |draft, written| {
            let threads = number(written, "threads", 1..=1024);
            put(&mut draft.config.worker_threads, threads.map(|threads| NonZeroUsize::new(threads as usize)))
        },
    },
    Setting {
        key: "tls.certificate",
        variable: "FANFARE_TLS_CERTIFICATE",
        flag: None,
        set: |draft, written| {
            let path = path(draft, written, "the path of a file");
            put(&mut draft.certificate, path.map(Some))
        },
    },
    Setting {
        key: "tls.key",
        variable: "FANFARE_TLS_KEY",
        flag: None,
        set: |draft, written| {
            let path = path(draft, written, "the path of a file");
            put(&mut draft.key, path.map(Some))
        },
    },
    Setting {
        key: "tls.reread_ms",
        variable: "FANFARE_TLS_REREAD_MS",
        flag: None,
        set: |draft, written| put(&mut draft.tls_reread, written.millis(100..=DAY_MS)),
    },
    Setting {
        key: "proxy_protocol.trusted",
        variable: "FANFARE_PROXY_PROTOCOL_TRUSTED",
        flag: None,
        set: |draft, written| put(&mut draft.config.proxies, proxies(written)),
    },
    Setting {
        key: "engine.ping_interval_ms",
        variable: "FANFARE_PING_INTERVAL_MS",
        flag: None,
        set: |draft, written| put(&mut session(draft).ping_interval, written.millis(1..=DAY_MS)),
    },
    Setting {
        key: "engine.ping_timeout_ms",
        variable: "FANFARE_PING_TIMEOUT_MS",
        flag: None,
        set: |draft, written| put(&mut session(draft).ping_timeout, written.millis(PING_TIMEOUT_MIN_MS..=DAY_MS)),
    },
    Setting {
        key: "engine.upgrade_timeout_ms",
        variable: "FANFARE_UPGRADE_TIMEOUT_MS",
        flag: None,
        set: |draft, written| put(&mut session(draft).upgrade_timeout, written.millis(1..=DAY_MS)),
    },
    Setting {
        key: "engine.connect_timeout_ms",
        variable: "FANFARE_CONNECT_TIMEOUT_MS",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.client.connect_timeout, written.millis(1..=DAY_MS)),
    },
    Setting {
        key: "engine.max_payload_bytes",
        variable: "FANFARE_MAX_PAYLOAD_BYTES",
        flag: None,
        set: |draft, written| put(&mut session(draft).max_payload_bytes, written.bytes(1..=GIBIBYTE)),
    },
    Setting {
        key: "engine.transports",
        variable: "FANFARE_TRANSPORTS",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.engine.transports, transports(written)),
    },
    Setting {
        key: "engine.allow_upgrades",
        variable: "FANFARE_ALLOW_UPGRADES",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.engine.allow_upgrades, written.boolean()),
    },
    Setting {
        key: "engine.http_compression",
        variable: "FANFARE_HTTP_COMPRESSION",
        flag: None,
        set: |draft, written| put(&mut draft.compression, written.boolean()),
    },
    Setting {
        key: "engine.http_compression_threshold_bytes",
        variable: "FANFARE_HTTP_COMPRESSION_THRESHOLD_BYTES",
        flag: None,
        set: |draft, written| put(&mut draft.compression_threshold_bytes, written.bytes(0..=GIBIBYTE)),
    },
    Setting {
        key: "engine.http_keep_alive_ms",
        variable: "FANFARE_HTTP_KEEP_ALIVE_MS",
        flag: None,
        set: |draft, written| put(&mut draft.config.http.keep_alive, written.millis(1..=DAY_MS)),
    },
    Setting {
        key: "engine.body_stall_max_ms",
        variable: "FANFARE_BODY_STALL_MAX_MS",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.engine.body_stall_max, written.millis(1..=DAY_MS)),
    },
    Setting {
        key: "engine.body_timeout_ms",
        variable: "FANFARE_BODY_TIMEOUT_MS",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.engine.body_timeout, written.millis(1..=DAY_MS)),
    },
    Setting {
        key: "engine.cookie.name",
        variable: "FANFARE_COOKIE_NAME",
        flag: None,
        set: |draft, written| put(&mut baked(draft).name, written.parsed(cookie::parse_name)),
    },
    Setting {
        key: "engine.cookie.path",
        variable: "FANFARE_COOKIE_PATH",
        flag: None,
        set: |draft, written| put(&mut baked(draft).path, written.parsed(cookie::parse_path).map(Some)),
    },
    Setting {
        key: "engine.cookie.domain",
        variable: "FANFARE_COOKIE_DOMAIN",
        flag: None,
        set: |draft, written| put(&mut baked(draft).domain, written.parsed(cookie::parse_domain).map(Some)),
    },
    Setting {
        key: "engine.cookie.http_only",
        variable: "FANFARE_COOKIE_HTTP_ONLY",
        flag: None,
        set: |draft, written| put(&mut baked(draft).http_only, written.boolean()),
    },
    Setting {
        key: "engine.cookie.secure",
        variable: "FANFARE_COOKIE_SECURE",
        flag: None,
        set: |draft, written| put(&mut baked(draft).secure, written.boolean()),
    },
    Setting {
        key: "engine.cookie.same_site",
        variable: "FANFARE_COOKIE_SAME_SITE",
        flag: None,
        set: |draft, written| {
            let words = [("strict", SameSite::Strict), ("lax", SameSite::Lax), ("none", SameSite::None)];
            put(&mut baked(draft).same_site, written.word(&words).map(Some))
        },
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
    },
    Setting {
        key: "cors.origins",
        variable: "FANFARE_CORS_ORIGIN",
        flag: Some("--cors-origin"),
        set: |draft, written| put(&mut draft.origins, origins(written)),
    },
    Setting {
        key: "cors.credentials",
        variable: "FANFARE_CORS_CREDENTIALS",
        flag: None,
        set: |draft, written| put(&mut draft.credentials, written.boolean()),
    },
    Setting {
        key: "cors.enforce",
        variable: "FANFARE_CORS_ENFORCE",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.engine.origin.is_enforced, written.boolean()),
    },
    Setting {
        key: "limits.sessions_max",
        variable: "FANFARE_SESSIONS_MAX",
        flag: None,
        set: |draft, written| {
            let sessions = number(written, "sessions", 1..=10_000_000);
            put(&mut draft.config.server.engine.sessions_max, sessions.map(|sessions| sessions as usize))
        },
    },
    Setting {
        key: "limits.outbox_bytes_max",
        variable: "FANFARE_OUTBOX_BYTES_MAX",
        flag: None,
        set: |draft, written| put(&mut draft.outbox_bytes_max, written.bytes(1..=GIBIBYTE).map(Some)),
    },
    Setting {
        key: "limits.outbox_bytes_total_max",
        variable: "FANFARE_OUTBOX_BYTES_TOTAL_MAX",
        flag: None,
        set: |draft, written| {
            let bytes = written.bytes(OUTBOX_TOTAL_MIN..=u32::MAX);
            put(&mut draft.outbox_bytes_total_max, bytes.map(Some))
        },
    },
    Setting {
        key: "limits.outbox_stall_max_ms",
        variable: "FANFARE_OUTBOX_STALL_MAX_MS",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.engine.outbox_stall_max, written.millis(1..=DAY_MS)),
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
    },
    Setting {
        key: "limits.auth_bytes_max",
        variable: "FANFARE_AUTH_BYTES_MAX",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.client.auth_bytes_max, written.bytes(2..=GIBIBYTE)),
    },
    Setting {
        key: "limits.client.events_per_s",
        variable: "FANFARE_CLIENT_EVENTS_PER_S",
        flag: None,
        set: |draft, written| put(&mut draft.client_events_per_s, number(written, "events", 0..=PER_S_MAX)),
    },
    Setting {
        key: "limits.client.events_burst",
        variable: "FANFARE_CLIENT_EVENTS_BURST",
        flag: None,
        set: |draft, written| put(&mut draft.client_events_burst, number(written, "events", 1..=PER_S_MAX).map(Some)),
    },
    Setting {
        key: "limits.client.bytes_per_s",
        variable: "FANFARE_CLIENT_BYTES_PER_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.limits.client.bytes, rate(written, "bytes", GIBIBYTE)),
    },
    Setting {
        key: "limits.client.over",
        variable: "FANFARE_CLIENT_OVER",
        flag: None,
        set: |draft, written| put(&mut draft.config.limits.client.over, written.word(&OVER)),
    },
    Setting {
        key: "limits.client.refusals_per_s",
        variable: "FANFARE_CLIENT_REFUSALS_PER_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.limits.client.refusals, rate(written, "refusals", PER_S_MAX)),
    },
    Setting {
        key: "limits.client.rooms_max",
        variable: "FANFARE_CLIENT_ROOMS_MAX",
        flag: None,
        set: |draft, written| {
            let rooms = number(written, "rooms", 1..=100_000);
            put(&mut draft.config.limits.client.rooms_max, rooms.map(|rooms| rooms as usize))
        },
    },
    Setting {
        key: "limits.address.connections_max",
        variable: "FANFARE_ADDRESS_CONNECTIONS_MAX",
        flag: None,
        set: |draft, written| {
            let connections = number(written, "connections", 0..=10_000_000);
            put(&mut draft.config.limits.address.connections_max, connections.map(NonZeroU32::new))
        },
    },
    Setting {
        key: "limits.address.handshakes_per_s",
        variable: "FANFARE_ADDRESS_HANDSHAKES_PER_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.limits.address.handshakes, rate(written, "handshakes", PER_S_MAX)),
    },
    Setting {
        key: "limits.address.ipv6_prefix",
        variable: "FANFARE_ADDRESS_IPV6_PREFIX",
        flag: None,
        set: |draft, written| {
            let bits = number(written, "bits", 16..=128);
            put(&mut draft.config.limits.address.ipv6_prefix, bits.map(|bits| bits as u8))
        },
    },
    Setting {
        key: "limits.address.trusted_proxies",
        variable: "FANFARE_ADDRESS_TRUSTED_PROXIES",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.engine.trusted_proxies, proxies(written)),
    },
    Setting {
        key: "limits.node.handshakes_per_s",
        variable: "FANFARE_NODE_HANDSHAKES_PER_S",
        flag: None,
        set: |draft, written| {
            let handshakes = number(written, "handshakes", 0..=PER_S_MAX);
            put(&mut draft.config.limits.node.handshakes_per_s, handshakes.map(NonZeroU32::new))
        },
    },
    Setting {
        key: "errors.event",
        variable: "FANFARE_ERRORS_EVENT",
        flag: None,
        set: |draft, written| put(&mut draft.config.errors_event, written.parsed(EventName::parse).map(Some)),
    },
    Setting {
        key: "auth.required",
        variable: "FANFARE_AUTH_REQUIRED",
        flag: None,
        set: |draft, written| put(&mut draft.auth_required, written.list("the name of a namespace", parse_namespace)),
    },
    Setting {
        key: "auth.token_from",
        variable: "FANFARE_AUTH_TOKEN_FROM",
        flag: None,
        set: |draft, written| put(&mut draft.config.auth.token_from, auth::token_sources(written)),
    },
    Setting {
        key: "auth.renew_event",
        variable: "FANFARE_AUTH_RENEW_EVENT",
        flag: None,
        set: |draft, written| {
            put(&mut draft.config.auth.renewal.renew_event, written.parsed(EventName::parse).map(Some))
        },
    },
    Setting {
        key: "auth.warn_event",
        variable: "FANFARE_AUTH_WARN_EVENT",
        flag: None,
        set: |draft, written| {
            put(&mut draft.config.auth.renewal.warn_event, written.parsed(EventName::parse).map(Some))
        },
    },
    Setting {
        key: "auth.warn_before_s",
        variable: "FANFARE_AUTH_WARN_BEFORE_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.auth.renewal.warn_before, auth::seconds(written, 1..=86_400)),
    },
    Setting {
        key: "auth.grace_s",
        variable: "FANFARE_AUTH_GRACE_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.auth.renewal.grace, auth::seconds(written, 1..=3_600)),
    },
    Setting {
        key: "auth.webhook.url",
        variable: "FANFARE_AUTH_WEBHOOK_URL",
        flag: None,
        set: |draft, written| put(&mut webhook(draft).url, written.parsed(auth::parse_webhook_url).map(Some)),
    },
    Setting {
        key: "auth.webhook.secret_env",
        variable: "FANFARE_AUTH_WEBHOOK_SECRET_ENV",
        flag: None,
        set: |draft, written| {
            let secret = auth::secret_of_variable(draft, written);
            put(&mut webhook(draft).config.secret, secret.map(Some))
        },
    },
    Setting {
        key: "auth.webhook.headers",
        variable: "FANFARE_AUTH_WEBHOOK_HEADERS",
        flag: None,
        set: |draft, written| put(&mut webhook(draft).config.headers, auth::header_names(written)),
    },
    Setting {
        key: "auth.webhook.timeout_ms",
        variable: "FANFARE_AUTH_WEBHOOK_TIMEOUT_MS",
        flag: None,
        set: |draft, written| put(&mut webhook(draft).config.timeout, written.millis(1..=10_000)),
    },
    Setting {
        key: "auth.webhook.concurrency",
        variable: "FANFARE_AUTH_WEBHOOK_CONCURRENCY",
        flag: None,
        set: |draft, written| {
            let requests = written.whole("a whole number of requests", 1..=10_000);
            put(&mut webhook(draft).config.concurrency, requests.map(|requests| requests as usize))
        },
    },
    Setting {
        key: "auth.webhook.cache_s",
        variable: "FANFARE_AUTH_WEBHOOK_CACHE_S",
        flag: None,
        set: |draft, written| put(&mut webhook(draft).config.cache, auth::seconds(written, 0..=86_400)),
    },
    Setting {
        key: "log.filter",
        variable: "FANFARE_LOG",
        flag: Some("--log"),
        set: |draft, written| put(&mut draft.config.log.filter, written.parsed(LogFilter::parse)),
    },
    Setting {
        key: "log.format",
        variable: "FANFARE_LOG_FORMAT",
        flag: Some("--log-format"),
        set: |draft, written| {
            let words = [("text", LogFormat::Text), ("json", LogFormat::Json)];
            put(&mut draft.config.log.format, written.word(&words))
        },
    },
    Setting {
        key: "log.queue_bytes_max",
        variable: "FANFARE_LOG_QUEUE_BYTES_MAX",
        flag: None,
        set: |draft, written| put(&mut draft.config.log.queue_bytes_max, written.bytes(LOG_QUEUE_MIN..=GIBIBYTE)),
    },
    Setting {
        key: "ops.listen",
        variable: "FANFARE_OPS_LISTEN",
        flag: None,
        set: |draft, written| put(&mut draft.config.ops.listen, addresses(written)),
    },
    Setting { key: "ops.token_env", variable: "FANFARE_OPS_TOKEN_ENV", flag: None, set: ops_token },
    Setting {
        key: "namespace.rule",
        variable: "FANFARE_RULE",
        flag: Some("--rule"),
        set: |draft, written| put(&mut draft.root_rules, rule_text::rules(written).map(Some)),
    },
];

/// Puts a value that could be read where it belongs; one that could not leaves the place as it was.
fn put<T>(place: &mut T, read: Result<T, Wrong>) -> Result<(), Wrong> {
    *place = read?;
    Ok(())
}

/// The times and sizes of a session.
fn session(draft: &mut Draft) -> &mut SessionConfig {
    &mut draft.config.server.engine.session
}

/// The cookie, which is set as soon as anything is said of it.
fn baked(draft: &mut Draft) -> &mut CookieConfig {
    draft.cookie.get_or_insert_default()
}

/// A whole number of `what`.
fn number(written: Written<'_>, what: &str, range: RangeInclusive<u32>) -> Result<u32, Wrong> {
    written.whole(&format!("a whole number of {what}"), range)
}

/// How many of `what` may come in a second, twice as many at once; 0 is no limit.
fn rate(written: Written<'_>, what: &str, max: u32) -> Result<Option<Rate>, Wrong> {
    number(written, what, 0..=max).map(|per_s| Rate::new(per_s, None))
}

/// A path, which in the file is relative to the file's folder.
fn path(draft: &Draft, written: Written<'_>, expected: &str) -> Result<PathBuf, Wrong> {
    let text = written.text(expected)?;
    Ok(match written {
        Written::Toml(_) => draft.folder.join(text),
        Written::Text(_) | Written::Texts(_) => Path::new(text).to_owned(),
    })
}

/// The webhook, which there is as soon as anything is said of it.
fn webhook(draft: &mut Draft) -> &mut WebhookDraft {
    draft.webhook.get_or_insert_default()
}

/// The token for operators, in a variable that is named here.
fn ops_token(draft: &mut Draft, written: Written<'_>) -> Result<(), Wrong> {
    let expected = "the name of a variable of the environment that has a token";
    let name = written.text(expected)?;
    let token = draft.environment.get(name).and_then(|text| Token::new(text));
    draft.config.ops.token = Some(token.ok_or_else(|| written.wrong(expected))?);
    draft.named_variables.insert(name.to_owned());
    Ok(())
}

fn addresses(written: Written<'_>) -> Result<Vec<SocketAddr>, Wrong> {
    let expected = "an IP address and a port, such as 127.0.0.1:3000 or [::]:3000";
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for element in written.elements(expected)? {
        let address = element.text(expected)?.parse().map_err(|_| element.wrong(expected))?;
        // Port 0 is another port each time.
        if addresses.contains(&address) && address.port() != 0 {
            return Err(element.wrong("each only once"));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

fn client_dir(draft: &mut Draft, written: Written<'_>) -> Result<(), Wrong> {
    let path = path(draft, written, "the path of a folder")?;
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => {
            draft.config.client_dir = Some(path);
            Ok(())
        }
        Ok(_) => Err(written.wrong("a folder, which this is not")),
        Err(error) => {
            let mut wrong = written.wrong("a folder that can be read");
            wrong.message.push_str(&format!(" ({}: {error})", path.display()));
            Err(wrong)
        }
    }
}

fn proxies(written: Written<'_>) -> Result<TrustedProxies, Wrong> {
    let expected = format!("{InvalidAddressBlock}; or unix");
    let parse = |text: &str| TrustedProxy::from_str(text).map_err(|_| &expected);
    written.list(&expected, parse).map(TrustedProxies::from_iter)
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

fn origins(written: Written<'_>) -> Result<Origins, Wrong> {
    let parse = |text: &str| if text == "*" { Ok(None) } else { Origin::parse(text).map(Some) };
    let origins = written.list("an origin, such as https://example.com", parse)?;
    match origins.as_slice() {
        [] => Ok(Origins::None),
        [None] => Ok(Origins::Any),
        _ => match origins.into_iter().collect() {
            Some(listed) => Ok(Origins::Listed(listed)),
            None => Err(written.wrong("`*` alone, or only origins")),
        },
    }
}

/// A browser's timer of more than 2^31 - 1 ms fires at once, and a client waits for a ping as long as interval
/// and timeout together. A day for each is far below, and more than anybody means.
const DAY_MS: u32 = 86_400_000;

const _: () = assert!(2 * DAY_MS < i32::MAX as u32);

/// No mobile network answers faster; who writes `ping_timeout_ms = 20` means seconds, and would lose every client
/// at its first ping.
const PING_TIMEOUT_MIN_MS: u32 = 100;

/// Below, a long line would never be written.
const LOG_QUEUE_MIN: u32 = 64 * 1024;

/// Less than one message of the usual largest size would close whoever has to wait for it.
const OUTBOX_TOTAL_MIN: u32 = 1 << 20;

/// More than any client could send, or a machine could take.
const PER_S_MAX: u32 = 1_000_000;

/// What may happen to what is over a limit.
const OVER: [(&str, Over); 4] =
    [("slow", Over::Slow), ("refuse", Over::Refuse), ("drop", Over::Drop), ("close", Over::Close)];

/// More than any buffer here should be asked to hold.
const GIBIBYTE: u32 = 1 << 30;

/// 400 days: browsers cut it there.
const COOKIE_AGE_MAX_S: u32 = 34_560_000;
