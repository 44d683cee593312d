//! The configuration, in the words of the server library.

use std::num::NonZeroUsize;
use std::time::Duration;

use socketio::ServerConfig;
use socketio::engineio::proto::{SessionConfig, Transport};
use socketio::engineio::{
    CookieConfig, CorsConfig, CorsOrigins, EngineConfig, HeadersKept, HttpConfig, OriginConfig, SameSite,
};

use crate::config::{self, Config, Cookie, Cors, Transports};

/// What the server is to be like. `lanes` is the number of threads that run it.
pub(crate) fn server_config(config: &Config, lanes: NonZeroUsize) -> ServerConfig {
    let mut server = ServerConfig::default();
    (server.engine, server.lanes) = (engine_config(config), Some(lanes));
    server.client.auth_bytes_max = config.limits.auth_bytes_max;
    server.client.connect_timeout = config.engine.connect_timeout;
    server.client.limits.attachments_max = config.limits.attachments_max;
    // One event always fits into an outbox, behind another one: nobody can have the others closed as slow.
    server.client.limits.attachment_bytes_max = config.limits.outbox_bytes_max / 2;
    server
}

/// How pages of other origins are answered.
fn cors(cors: &Cors) -> Option<CorsConfig> {
    match cors {
        Cors::Off => None,
        Cors::Any => Some(CorsConfig { origins: CorsOrigins::Any, credentials: false }),
        Cors::Listed { origins, credentials } => Some(CorsConfig {
            origins: CorsOrigins::List(origins.iter().map(|origin| origin.as_str().to_owned()).collect()),
            credentials: *credentials,
        }),
    }
}

/// How HTTP is spoken, underneath.
pub(crate) fn http_config(config: &Config) -> HttpConfig {
    let mut http = HttpConfig::default();
    http.keep_alive = config.engine.http_keep_alive;
    http
}

fn engine_config(config: &Config) -> EngineConfig {
    let config::EngineConfig { ping_interval, ping_timeout, upgrade_timeout, max_payload_bytes, .. } = config.engine;
    let default = SessionConfig::default();
    let session = SessionConfig {
        ping_interval,
        ping_timeout,
        upgrade_timeout,
        max_payload_bytes,
        leaving_timeout: default.leaving_timeout.min(config.shutdown_deadline / 2),
        ..default
    };
    let threshold = config.engine.http_compression_threshold_bytes;
    EngineConfig {
        path: config.path.as_str().to_owned(),
        session,
        transports: match config.engine.transports {
            Transports::Both => vec![Transport::Polling, Transport::WebSocket],
            Transports::PollingOnly => vec![Transport::Polling],
            Transports::WebSocketOnly => vec![Transport::WebSocket],
        },
        allow_upgrades: config.engine.allow_upgrades,
        cookie: config.engine.cookie.as_ref().map(cookie),
        cors: cors(&config.cors),
        origin: OriginConfig {
            is_enforced: config.is_cors_enforced,
            trusted_proxies: config.limits.trusted_proxies.clone(),
            // Known when the listeners are there.
            loopback_ports: Vec::new(),
        },
        compression_threshold_bytes: config.engine.http_compression.then_some(threshold),
        outbox_bytes_max: config.limits.outbox_bytes_max,
        outbox_stall_max: config.limits.outbox_stall_max,
        sessions_max: config.limits.sessions_max,
        body_stall_max: config.engine.body_stall_max,
        body_timeout: config.engine.body_timeout,
        // No rule looks at them, and they are a kilobyte a client or more.
        headers_kept: HeadersKept::None,
        is_uri_kept: false,
        ..EngineConfig::default()
    }
}

fn cookie(cookie: &Cookie) -> CookieConfig {
    CookieConfig {
        name: cookie.name.clone(),
        path: Some(cookie.path.clone()),
        domain: cookie.domain.clone(),
        max_age: cookie.max_age_s.map(|seconds| Duration::from_secs(seconds.into())),
        http_only: cookie.http_only,
        secure: cookie.secure,
        same_site: Some(match cookie.same_site {
            config::SameSite::Strict => SameSite::Strict,
            config::SameSite::Lax => SameSite::Lax,
            config::SameSite::None => SameSite::None,
        }),
    }
}
