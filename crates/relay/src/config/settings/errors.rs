//! `[errors]`

use policy::EventName;

use super::{Setting, TakesEffect, Toml, put};

pub(super) const SETTINGS: &[Setting] = &[Setting {
    key: "errors.event",
    variable: "FANFARE_ERRORS_EVENT",
    flag: None,
    set: |draft, written| put(&mut draft.config.errors_event, written.parsed(EventName::parse).map(Some)),
    show: |config| config.errors_event.as_ref().map(Toml::text),
    about: "The event that tells a client why one of its own was refused.",
    takes_effect: TakesEffect::AtOnce,
}];
