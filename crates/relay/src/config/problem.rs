//! What is wrong with a configuration, and where.

use std::fmt;

/// One thing that is wrong (or, as a warning, odd), on one line: `relay.toml:12:1: engine.path: expected …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) place: Place,
    /// What was expected and what was found.
    pub(crate) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: it is the default.
    Default,
    /// A file as a whole.
    File(String),
    /// A line and column of a file, both from 1, and the key there (`None` if the file is no TOML there).
    Line { path: String, line: usize, column: usize, key: Option<String> },
    /// A variable of the environment.
    Variable(String),
    /// A flag.
    Flag(&'static str),
}

impl Place {
    /// Where it is, without what stands there: `relay.toml:12`.
    pub(crate) fn source(&self) -> String {
        match self {
            Self::Line { path, line, .. } => format!("{path}:{line}"),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => f.write_str(path),
            Self::Line { path, line, column, key: None } => write!(f, "{path}:{line}:{column}"),
            Self::Line { path, line, column, key: Some(key) } => write!(f, "{path}:{line}:{column}: {key}"),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}
