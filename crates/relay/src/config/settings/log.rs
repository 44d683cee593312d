//! `[log]`

use super::{GIBIBYTE, Setting, TakesEffect, Toml, put};
use crate::config::{LogFilter, LogFormat};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "log.filter",
        variable: "FANFARE_LOG",
        flag: Some("--log"),
        set: |draft, written| put(&mut draft.config.log.filter, written.parsed(LogFilter::parse)),
        show: |config| Some(Toml::text(&config.log.filter)),
        about: "What is logged: off, error, warn, info, debug or trace, also for a part: info,engineio=debug.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "log.format",
        variable: "FANFARE_LOG_FORMAT",
        flag: Some("--log-format"),
        set: |draft, written| put(&mut draft.config.log.format, written.word(&FORMATS)),
        show: |config| Some(Toml::word(&FORMATS, config.log.format)),
        about: "How a line is written: \"text\" or \"json\".",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "log.queue_bytes_max",
        variable: "FANFARE_LOG_QUEUE_BYTES_MAX",
        flag: None,
        set: |draft, written| put(&mut draft.config.log.queue_bytes_max, written.bytes(LOG_QUEUE_MIN..=GIBIBYTE)),
        show: |config| Some(Toml::plain(config.log.queue_bytes_max)),
        about: "How many bytes of lines may wait to be written.",
        takes_effect: TakesEffect::AtRestart,
    },
];

const FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];

/// Below, a long line would never be written.
const LOG_QUEUE_MIN: u32 = 64 * 1024;
