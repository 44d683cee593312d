//! Which part of the program a line comes from.

use std::fmt;

use tracing::level_filters::LevelFilter;

use crate::config::LogFilter;

/// A target as operators see it: `fanfare::` and the name of the library, whatever module a line comes from today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part<'a>(&'a str);

impl<'a> Part<'a> {
    /// Of the target of an event, which is the path of its module unless it says otherwise.
    pub(crate) fn of(target: &'a str) -> Self {
        let library = target.split("::").next().unwrap_or(target);
        Self(if library == "fanfare" { "relay" } else { library.strip_prefix("fanfare_").unwrap_or(library) })
    }

    /// Its level: that of the longest name in the filter that begins it, with `fanfare::` or without.
    pub(crate) fn level(self, filter: &LogFilter) -> LevelFilter {
        let is_about = |target: &str| {
            target == ALL || target.strip_prefix(PREFIX).unwrap_or(target).split("::").next() == Some(self.0)
        };
        let targets = filter.targets.iter().filter(|(target, _)| is_about(target));
        targets.max_by_key(|(target, _)| target != ALL).map_or(filter.level, |(_, level)| *level)
    }
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

const ALL: &str = "fanfare";
const PREFIX: &str = "fanfare::";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_named_after_its_library_whatever_its_modules_are_called() {
        for (target, part) in [
            ("fanfare", "fanfare::relay"),
            ("fanfare::serve", "fanfare::relay"),
            ("engineio::driver::goodbye", "fanfare::engineio"),
            ("socketio::connection", "fanfare::socketio"),
            ("fanfare_cluster::supervisor", "fanfare::cluster"),
        ] {
            assert_eq!(Part::of(target).to_string(), part);
        }
    }

    #[test]
    fn a_filter_names_a_part_as_the_lines_do_or_without_the_prefix() {
        let level = |filter: &str| Part::of("engineio::serve").level(&LogFilter::parse(filter).unwrap());
        for (filter, expected) in [
            ("warn", LevelFilter::WARN),
            ("warn,engineio=debug", LevelFilter::DEBUG),
            ("warn,fanfare::engineio=debug", LevelFilter::DEBUG),
            ("warn,engineio::serve=debug", LevelFilter::DEBUG),
            ("warn,fanfare=trace", LevelFilter::TRACE),
            ("warn,engineio=debug,fanfare=trace", LevelFilter::DEBUG),
            ("warn,fanfare=trace,engineio=debug", LevelFilter::DEBUG),
            ("warn,engine=debug", LevelFilter::WARN),
            ("warn,relay=debug,socketio=debug", LevelFilter::WARN),
        ] {
            assert_eq!(level(filter), expected, "{filter}");
        }
    }
}
