//! `[drain]`

use std::time::Duration;

use super::{PER_S_MAX, Setting, TakesEffect, Toml, number, put};
use crate::config::written::{Written, Wrong};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "drain.wait_s",
        variable: "FANFARE_DRAIN_WAIT_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.drain.wait, drain_phase(written, 0)),
        show: |config| Some(Toml::seconds(config.drain.wait)),
        about: "How long everything goes on but /readyz, so that whatever sends clients here notices.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "drain.spread_s",
        variable: "FANFARE_DRAIN_SPREAD_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.drain.spread, drain_phase(written, 0)),
        show: |config| Some(Toml::seconds(config.drain.spread)),
        about: "Over how long all clients are then sent away.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "drain.max_per_s",
        variable: "FANFARE_DRAIN_MAX_PER_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.drain.max_per_s, number(written, "clients", 1..=PER_S_MAX)),
        show: |config| Some(Toml::plain(config.drain.max_per_s)),
        about: "How many are sent away in a second at most.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "drain.deadline_s",
        variable: "FANFARE_DRAIN_DEADLINE_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.drain.deadline, drain_phase(written, 1)),
        show: |config| Some(Toml::seconds(config.drain.deadline)),
        about: "When, after the first signal, the process ends with whoever is left.",
        takes_effect: TakesEffect::AtOnce,
    },
];

/// A part of the time that an end takes, which no supervisor waits for longer than an hour.
fn drain_phase(written: Written<'_>, min: u32) -> Result<Duration, Wrong> {
    number(written, "seconds", min..=3600).map(|seconds| Duration::from_secs(seconds.into()))
}
