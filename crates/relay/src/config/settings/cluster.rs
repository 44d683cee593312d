//! `[cluster]`

use cluster::{AtStart, Format, Mode, OnGap};

use super::{DAY_MS, GIBIBYTE, Setting, TakesEffect, Toml, path, put};
use crate::cluster::{Fleet, Password, RedisAddress};
use crate::config::auth;
use crate::config::written::{Written, Wrong};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "cluster.redis",
        variable: "FANFARE_CLUSTER_REDIS",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.redis, addresses(written)),
        show: |config| Some(Toml::list(&config.cluster.redis)),
        about: "Where Redis or Valkey is that the fleet speaks through: a URL, or several of a Redis Cluster. None: no cluster.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.sentinel_username",
        variable: "FANFARE_CLUSTER_SENTINEL_USERNAME",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.sentinel_username, written.parsed(user).map(Some)),
        show: |config| config.cluster.sentinel_username.as_ref().map(Toml::text),
        about: "As whom sentinels are come to that have users; the URL has whom their master knows.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.sentinel_password",
        variable: "FANFARE_CLUSTER_SENTINEL_PASSWORD",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.sentinel_password, password(written).map(Some)),
        show: |config| config.cluster.sentinel_password.as_ref().map(|password| Toml::text(&password.0)),
        about: "The password of sentinels that want one; the URL has that of their master.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.adapter",
        variable: "FANFARE_CLUSTER_ADAPTER",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.adapter, written.word(&ADAPTERS)),
        show: |config| Some(Toml::word(&ADAPTERS, config.cluster.adapter)),
        about: "What the fleet's servers have for an adapter: classic, or sharded (Redis 7).",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.mode",
        variable: "FANFARE_CLUSTER_MODE",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.mode, written.word(&MODES)),
        show: |config| Some(Toml::word(&MODES, config.cluster.mode)),
        about: "Which rooms of a sharded fleet have channels of their own, as its servers have it.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.prefix",
        variable: "FANFARE_CLUSTER_PREFIX",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.prefix, written.parsed(prefix)),
        show: |config| Some(Toml::text(&config.cluster.prefix)),
        about: "With what the channels begin: key, or channelPrefix, of the fleet's servers.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.parser",
        variable: "FANFARE_CLUSTER_PARSER",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.parser, written.word(&PARSERS)),
        show: |config| Some(Toml::word(&PARSERS, config.cluster.parser)),
        about: "How events are written for a classic fleet; both are read.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.name",
        variable: "FANFARE_CLUSTER_NAME",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.name, written.parsed(name).map(Some)),
        show: |config| config.cluster.name.as_ref().map(Toml::text),
        about: "What other Fanfare nodes call this one, over its restarts.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.at_start",
        variable: "FANFARE_CLUSTER_AT_START",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.at_start, written.word(&AT_START)),
        show: |config| Some(Toml::word(&AT_START, config.cluster.at_start)),
        about: "Before the fleet is joined: wait (serve, but not be ready), fail (not start), or alone (be ready).",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.on_gap",
        variable: "FANFARE_CLUSTER_ON_GAP",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.on_gap, written.word(&ON_GAP)),
        show: |config| Some(Toml::word(&ON_GAP, config.cluster.on_gap)),
        about: "Where messages of another Fanfare node were missed: count, or reset (and have clients connect anew).",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.reset_spread_s",
        variable: "FANFARE_CLUSTER_RESET_SPREAD_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.reset_spread, auth::seconds(written, 0..=3_600)),
        show: |config| Some(Toml::seconds(config.cluster.reset_spread)),
        about: "Over how long they do.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.request_timeout_ms",
        variable: "FANFARE_CLUSTER_REQUEST_TIMEOUT_MS",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.request_timeout, written.millis(100..=60_000)),
        show: |config| Some(Toml::millis(config.cluster.request_timeout)),
        about: "How long other nodes are waited for that were asked something.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.outgoing_bytes_max",
        variable: "FANFARE_CLUSTER_OUTGOING_BYTES_MAX",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.outgoing_bytes_max, written.bytes(65_536..=GIBIBYTE)),
        show: |config| Some(Toml::plain(config.cluster.outgoing_bytes_max)),
        about: "How many bytes may wait for Redis.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.outgoing_ms_max",
        variable: "FANFARE_CLUSTER_OUTGOING_MS_MAX",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.outgoing_age_max, written.millis(0..=DAY_MS)),
        show: |config| Some(Toml::millis(config.cluster.outgoing_age_max)),
        about: "And for how long: what is older reaches no other node any more.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.incoming_bytes_max",
        variable: "FANFARE_CLUSTER_INCOMING_BYTES_MAX",
        flag: None,
        set: |draft, written| put(&mut draft.config.cluster.incoming_bytes_max, written.bytes(65_536..=GIBIBYTE)),
        show: |config| Some(Toml::plain(config.cluster.incoming_bytes_max)),
        about: "How many bytes of what others say may wait to be done here.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.handshake_headers",
        variable: "FANFARE_CLUSTER_HANDSHAKE_HEADERS",
        flag: None,
        set: |draft, written| {
            let headers = auth::header_names(written);
            let headers = headers.map(|names| names.iter().map(ToString::to_string).collect());
            put(&mut draft.config.cluster.handshake_headers, headers)
        },
        show: |config| Some(Toml::set(&config.cluster.handshake_headers)),
        about: "Which headers of clients' requests fetchSockets shows to the fleet, and to whoever can read that Redis.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.ca",
        variable: "FANFARE_CLUSTER_CA",
        flag: None,
        set: |draft, written| {
            let path = path(draft, written, "the path of a file");
            put(&mut draft.config.cluster.ca, path.map(Some))
        },
        show: |config| config.cluster.ca.as_deref().map(Toml::path),
        about: "A file with the certificates in PEM that vouch for Redis; without, those of the system do.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.client_certificate",
        variable: "FANFARE_CLUSTER_CLIENT_CERTIFICATE",
        flag: None,
        set: |draft, written| {
            let path = path(draft, written, "the path of a file");
            put(&mut draft.config.cluster.client_certificate, path.map(Some))
        },
        show: |config| config.cluster.client_certificate.as_deref().map(Toml::path),
        about: "A file with the certificate in PEM that is shown to Redis.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "cluster.client_key",
        variable: "FANFARE_CLUSTER_CLIENT_KEY",
        flag: None,
        set: |draft, written| {
            let path = path(draft, written, "the path of a file");
            put(&mut draft.config.cluster.client_key, path.map(Some))
        },
        show: |config| config.cluster.client_key.as_deref().map(Toml::path),
        about: "A file with its key in PEM, without a passphrase.",
        takes_effect: TakesEffect::AtRestart,
    },
];

const ADAPTERS: [(&str, Fleet); 2] = [("classic", Fleet::Classic), ("sharded", Fleet::Sharded)];

const MODES: [(&str, Mode); 3] =
    [("dynamic", Mode::Dynamic), ("static", Mode::Static), ("dynamic-private", Mode::DynamicPrivate)];

const PARSERS: [(&str, Format); 2] = [("msgpack", Format::Msgpack), ("json", Format::Json)];

const AT_START: [(&str, AtStart); 3] = [("wait", AtStart::Wait), ("fail", AtStart::Fail), ("alone", AtStart::Alone)];

const ON_GAP: [(&str, OnGap); 2] = [("count", OnGap::Count), ("reset", OnGap::Reset)];

/// One, or a list. In a variable they are separated by blanks: one with several sentinels has commas in it. What is refused is not
/// shown, since it may have a password; whether each is an address is found out when all is read.
fn addresses(written: Written<'_>) -> Result<Vec<RedisAddress>, Wrong> {
    let expected = "the address of a redis, such as redis://127.0.0.1:6379, or a list of them";
    let address = |text: &str| RedisAddress(text.to_owned());
    if let Ok(text) = written.text(expected) {
        return Ok(text.split_whitespace().map(address).collect());
    }
    let elements = written.elements(expected)?;
    elements.into_iter().map(|element| element.text(expected).map(address)).collect()
}

fn user(text: &str) -> Result<String, &'static str> {
    if text.is_empty() { Err("the name of a user") } else { Ok(text.to_owned()) }
}

fn password(written: Written<'_>) -> Result<Password, Wrong> {
    match written.text("") {
        Ok(text) if !text.is_empty() => Ok(Password(text.to_owned())),
        _ => Err(written.wrong_and_secret("a password, as text")),
    }
}

fn prefix(text: &str) -> Result<String, &'static str> {
    if (1..=256).contains(&text.len()) { Ok(text.to_owned()) } else { Err("1 to 256 bytes of text") }
}

fn name(text: &str) -> Result<String, &'static str> {
    let is_one = (1..=64).contains(&text.len()) && !text.chars().any(char::is_control);
    if is_one { Ok(text.to_owned()) } else { Err("a name of 1 to 64 bytes") }
}
