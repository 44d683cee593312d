//! `[api]`

use super::{Setting, TakesEffect, Toml, path, put};
use crate::config::address;

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "api.listen",
        variable: "FANFARE_API_LISTEN",
        flag: None,
        set: |draft, written| put(&mut draft.config.api.listen, address::read_for_api(written)),
        show: |config| Some(Toml::set(&config.api.listen)),
        about: "Where programs emit, look and move by HTTP: addresses with a port, unix:/a/path.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "api.tls.certificate",
        variable: "FANFARE_API_TLS_CERTIFICATE",
        flag: None,
        set: |draft, written| {
            let path = path(draft, written, "the path of a file");
            put(&mut draft.api_certificate, path.map(Some))
        },
        show: |config| config.api.tls.as_ref().map(|tls| Toml::path(&tls.certificate)),
        about: "The certificate that they are shown, as tls.certificate.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "api.tls.key",
        variable: "FANFARE_API_TLS_KEY",
        flag: None,
        set: |draft, written| {
            let path = path(draft, written, "the path of a file");
            put(&mut draft.api_key, path.map(Some))
        },
        show: |config| config.api.tls.as_ref().map(|tls| Toml::path(&tls.key)),
        about: "Its key, as tls.key. Both are looked at as often as those of [tls].",
        takes_effect: TakesEffect::AtOnce,
    },
];
