//! The table of settings: the one place that knows what a setting is called and how it is read.

use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use socketio::engineio::proto::{SessionConfig, Transport};
use socketio::engineio::{AddressBlock, CookieConfig, InvalidAddressBlock, SameSite, TrustedProxies};

use super::draft::{Draft, Origins};
use super::written::{Written, Wrong};
use super::{LogFilter, LogFormat, Origin, Place, cookie, engine_path, rule_text};
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
        set: |draft, written| put(&mut draft.config.listen, listen(written)),
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
            let threads = written.whole("a whole number of threads", 1..=1024);
            put(&mut draft.config.worker_threads, threads.map(|threads| NonZeroUsize::new(threads as usize)))
        },
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
            let sessions = written.whole("a whole number of sessions", 1..=10_000_000);
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
            let attachments = written.whole("a whole number of attachments", 0..=1000);
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
        key: "limits.address.trusted_proxies",
        variable: "FANFARE_ADDRESS_TRUSTED_PROXIES",
        flag: None,
        set: |draft, written| {
            let blocks = written.list(&InvalidAddressBlock.to_string(), AddressBlock::from_str);
            put(&mut draft.config.server.engine.trusted_proxies, blocks.map(TrustedProxies::from_iter))
        },
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

fn listen(written: Written<'_>) -> Result<Vec<SocketAddr>, Wrong> {
    let addresses = addresses(written)?;
    if addresses.is_empty() { Err(written.wrong("at least one address")) } else { Ok(addresses) }
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
    let text = written.text("the path of a folder")?;
    let path = match written {
        Written::Toml(_) => draft.folder.join(text),
        Written::Text(_) | Written::Texts(_) => Path::new(text).to_owned(),
    };
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

/// More than any buffer here should be asked to hold.
const GIBIBYTE: u32 = 1 << 30;

/// 400 days: browsers cut it there.
const COOKIE_AGE_MAX_S: u32 = 34_560_000;
