//! `[admin]`

use socketio::NamespaceName;

use super::{Setting, TakesEffect, Toml, folder, put};
use crate::admin::{AdminAuth, Mode, PasswordHash};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "admin.namespace",
        variable: "FANFARE_ADMIN_NAMESPACE",
        flag: None,
        set: |draft, written| put(&mut draft.config.admin.namespace, written.parsed(namespace)),
        show: |config| Some(Toml::text(&config.admin.namespace)),
        about: "The namespace that the Admin UI connects to.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "admin.auth",
        variable: "FANFARE_ADMIN_AUTH",
        flag: None,
        set: |draft, written| put(&mut draft.config.admin.auth, written.word(&AdminAuth::WORDS)),
        show: |config| Some(Toml::word(&AdminAuth::WORDS, config.admin.auth)),
        about: "How administrators are known: \"password\", or \"none\" where only this machine reaches the relay.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "admin.username",
        variable: "FANFARE_ADMIN_USERNAME",
        flag: None,
        set: |draft, written| {
            let name = written.parsed(|text| word(text, "a name of at most 64 bytes"));
            put(&mut draft.config.admin.username, name.map(Some))
        },
        show: |config| config.admin.username.as_deref().map(Toml::text),
        about: "Their name.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "admin.password_bcrypt",
        variable: "FANFARE_ADMIN_PASSWORD_BCRYPT",
        flag: None,
        set: |draft, written| {
            let hash = written.secret(PasswordHash::parse);
            put(&mut draft.config.admin.password, hash.map(Some))
        },
        // A secret: `may_hold_a_secret` knows it.
        show: |config| config.admin.password.as_ref().map(|hash| Toml::text(hash.as_str())),
        about: "The bcrypt hash of their password, as `fanfare password` prints it. Without one there is no [admin].",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "admin.mode",
        variable: "FANFARE_ADMIN_MODE",
        flag: None,
        set: |draft, written| put(&mut draft.config.admin.mode, written.word(&Mode::WORDS)),
        show: |config| Some(Toml::word(&Mode::WORDS, config.admin.mode)),
        about: "How much they are told: sums (\"production\"), or clients and events too (\"development\").",
        takes_effect: TakesEffect::ForNewConnections,
    },
    Setting {
        key: "admin.read_only",
        variable: "FANFARE_ADMIN_READ_ONLY",
        flag: None,
        set: |draft, written| put(&mut draft.config.admin.is_read_only, written.boolean()),
        show: |config| Some(Toml::plain(config.admin.is_read_only)),
        about: "Whether they only look.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "admin.server_id",
        variable: "FANFARE_ADMIN_SERVER_ID",
        flag: None,
        set: |draft, written| {
            let id = written.parsed(|text| word(text, "a name of at most 64 bytes, another one for each relay"));
            put(&mut draft.config.admin.server_id, id.map(Some))
        },
        show: |config| config.admin.server_id.as_deref().map(Toml::text),
        about: "By which they know this relay; without, the machine's name.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "admin.dir",
        variable: "FANFARE_ADMIN_DIR",
        flag: None,
        set: |draft, written| {
            let path = folder(draft, written);
            put(&mut draft.config.admin.dir, path.map(Some))
        },
        show: |config| config.admin.dir.as_deref().map(Toml::path),
        about: "The folder of the Admin UI (ui/dist of npm's @socket.io/admin-ui), served at /admin/.",
        takes_effect: TakesEffect::AtOnce,
    },
];

fn namespace(text: &str) -> Result<NamespaceName, String> {
    let expected = || "a namespace that clients do not have, such as \"/admin\"".to_owned();
    NamespaceName::try_from(text).ok().filter(|name| !name.is_root()).ok_or_else(expected)
}

fn word<'a>(text: &str, expected: &'a str) -> Result<Box<str>, &'a str> {
    let is_word = (1..=64).contains(&text.len()) && !text.chars().any(char::is_control);
    if is_word { Ok(text.into()) } else { Err(expected) }
}
