//! What is logged.

use std::fmt;

use tracing::level_filters::LevelFilter;

/// A level for everything, and others for what some parts of the program log.
///
/// A word that is no level is refused: taken for the name of a part, as is common, `inof` would log nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogFilter {
    /// For all that no target below is about.
    pub(crate) level: LevelFilter,
    /// A part of the program as its lines name it (`fanfare::engineio`, or `engineio`), and the level for it.
    pub(crate) targets: Vec<(String, LevelFilter)>,
}

impl LogFilter {
    /// Takes `level` or `target=level`, or several separated by commas, or says what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut level = None;
        let mut targets: Vec<(String, LevelFilter)> = Vec::new();
        for directive in text.split(',').map(str::trim) {
            let Some((target, target_level)) = directive.split_once('=') else {
                if level.replace(parse_level(directive)?).is_some() {
                    return Err("only one level that is not for a target");
                }
                continue;
            };
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte);
            if target.is_empty() || !target.bytes().all(is_allowed) {
                return Err(FORM);
            }
            if targets.iter().any(|(name, _)| name == target) {
                return Err("each target only once");
            }
            targets.push((target.to_owned(), parse_level(target_level)?));
        }
        Ok(Self { level: level.unwrap_or(Self::default().level), targets })
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self { level: LevelFilter::INFO, targets: Vec::new() }
    }
}

/// As it is read, the targets by name.
impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut targets = self.targets.clone();
        targets.sort();
        write!(f, "{}", self.level)?;
        targets.iter().try_for_each(|(target, level)| write!(f, ",{target}={level}"))
    }
}

fn parse_level(text: &str) -> Result<LevelFilter, &'static str> {
    match text {
        "off" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        _ => Err(FORM),
    }
}

const FORM: &str = "off, error, warn, info, debug or trace, also for a part of the program, such as \
     info,engineio=debug";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_a_level_and_targets_in_any_order() {
        let expected = LogFilter {
            level: LevelFilter::WARN,
            targets: vec![("engineio::session".to_owned(), LevelFilter::TRACE), ("hub".to_owned(), LevelFilter::OFF)],
        };
        for text in ["warn,engineio::session=trace,hub=off", "engineio::session=trace, hub=off, warn"] {
            assert_eq!(LogFilter::parse(text), Ok(expected.clone()));
        }
    }

    #[test]
    fn without_a_level_of_its_own_the_default_level_holds_for_the_rest() {
        assert_eq!(LogFilter::parse("hub=debug").unwrap().level, LevelFilter::INFO);
    }

    #[test]
    fn a_misspelt_level_is_no_target() {
        for text in ["inof", "", "info,", "hub=loud", "=info", "a b=info", "info,warn", "hub=info,hub=warn"] {
            assert!(LogFilter::parse(text).is_err(), "{text}");
        }
    }
}
