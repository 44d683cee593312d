//! Where log lines go.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};

/// Logs to standard error from here on. Standard output has only the lines that scripts read.
pub(crate) fn start(config: &LogConfig) {
    let targets = config.filter.targets.iter().map(|(target, level)| (target.as_str(), *level));
    let filter = Targets::new().with_default(config.filter.level).with_targets(targets);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match config.format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}
