//! Where and how the relay is reached.

use std::num::NonZeroUsize;

use super::{DAY_MS, Setting, TakesEffect, Toml, folder, number, path, proxies, put};
use crate::config::{address, engine_path};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        variable: "FANFARE_LISTEN",
        flag: Some("--listen"),
        set: |draft, written| put(&mut draft.config.listen, address::read(written)),
        show: |config| Some(Toml::set(&config.listen)),
        about: "Where clients are taken: addresses with a port, unix:/a/path, systemd:0.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "path",
        variable: "FANFARE_PATH",
        flag: Some("--path"),
        set: |draft, written| put(&mut draft.config.server.engine.path, written.parsed(engine_path::parse)),
        show: |config| Some(Toml::text(&config.server.engine.path)),
        about: "The path under which Socket.IO is served.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "client_dir",
        variable: "FANFARE_CLIENT_DIR",
        flag: Some("--client-dir"),
        set: |draft, written| {
            let path = folder(draft, written);
            put(&mut draft.config.client_dir, path.map(Some))
        },
        show: |config| config.client_dir.as_deref().map(Toml::path),
        about: "The folder with the client bundle, served under the path.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "worker_threads",
        variable: "FANFARE_WORKER_THREADS",
        flag: None,
        set: |draft, written| {
            let threads = number(written, "threads", 1..=1024);
            put(&mut draft.config.worker_threads, threads.map(|threads| NonZeroUsize::new(threads as usize)))
        },
        show: |config| config.worker_threads.map(Toml::plain),
        about: "How many threads run the relay; without, one for each core.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "tls.certificate",
        variable: "FANFARE_TLS_CERTIFICATE",
        flag: None,
        set: |draft, written| {
            let path = path(draft, written, "the path of a file");
            put(&mut draft.certificate, path.map(Some))
        },
        show: |config| config.tls.as_ref().map(|tls| Toml::path(&tls.certificate)),
        about: "A file with the certificate in PEM, and behind it those that lead to one that clients know.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "tls.key",
        variable: "FANFARE_TLS_KEY",
        flag: None,
        set: |draft, written| {
            let path = path(draft, written, "the path of a file");
            put(&mut draft.key, path.map(Some))
        },
        show: |config| config.tls.as_ref().map(|tls| Toml::path(&tls.key)),
        about: "A file with its key in PEM, without a passphrase.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "tls.reread_ms",
        variable: "FANFARE_TLS_REREAD_MS",
        flag: None,
        set: |draft, written| put(&mut draft.tls_reread, written.millis(100..=DAY_MS)),
        show: |config| config.tls.as_ref().map(|tls| Toml::millis(tls.reread)),
        about: "How often both are looked at.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "proxy_protocol.trusted",
        variable: "FANFARE_PROXY_PROTOCOL_TRUSTED",
        flag: None,
        set: |draft, written| put(&mut draft.config.proxies, proxies(written)),
        show: |config| Some(Toml::set(config.proxies.iter())),
        about: "Who begins each connection with a PROXY header: addresses, blocks such as 10.0.0.0/8, or unix.",
        takes_effect: TakesEffect::AtRestart,
    },
];
