//! `[cors]`

use socketio::engineio::CorsOrigins;

use super::{Setting, TakesEffect, Toml, put};
use crate::config::draft::Origins;
use crate::config::written::{Written, Wrong};
use crate::config::{Config, Origin};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "cors.origins",
        variable: "FANFARE_CORS_ORIGIN",
        flag: Some("--cors-origin"),
        set: |draft, written| put(&mut draft.origins, origins(written)),
        show: shown_origins,
        about: "The origins whose pages may connect: [\"*\"] for any, or a list.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "cors.credentials",
        variable: "FANFARE_CORS_CREDENTIALS",
        flag: None,
        set: |draft, written| put(&mut draft.credentials, written.boolean()),
        show: |config| Some(Toml::plain(config.server.engine.cors.as_ref().is_some_and(|cors| cors.credentials))),
        about: "Whether such pages may send cookies.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "cors.enforce",
        variable: "FANFARE_CORS_ENFORCE",
        flag: None,
        set: |draft, written| put(&mut draft.config.server.engine.origin.is_enforced, written.boolean()),
        show: |config| Some(Toml::plain(config.server.engine.origin.is_enforced)),
        about: "Whether other pages are refused.",
        takes_effect: TakesEffect::AtOnce,
    },
];

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

fn shown_origins(config: &Config) -> Option<Toml> {
    Some(match config.server.engine.cors.as_ref().map(|cors| &cors.origins) {
        Some(CorsOrigins::List(origins)) => Toml::set(origins),
        Some(_) => Toml::list(["*"]),
        None => Toml::list([""; 0]),
    })
}
