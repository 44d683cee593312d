//! What is wrong with a configuration.

use std::fmt;
use std::path::PathBuf;

/// Why there can be no cluster of a configuration. It never says a password.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// No address of a Redis.
    NoAddress,
    /// An address that is none.
    Address {
        /// Which one, from 0.
        index: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Whom to be for sentinels: a user without a password.
    SentinelPassword,
    /// A prefix that cannot be one.
    Prefix,
    /// A file that cannot be read.
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// Certificates or a key that are none, or do not belong together.
    Tls {
        /// Which setting.
        setting: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The system has no certificates to trust, and none were given.
    NoRoots,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str("no address of a redis"),
            Self::Address { index: 0, what } => write!(f, "the address of redis: {what}"),
            Self::Address { index, what } => write!(f, "the address of redis number {}: {what}", index + 1),
            Self::SentinelPassword => f.write_str("there is a user for the sentinels, but no password"),
            Self::Prefix => f.write_str("a prefix has 1 to 256 bytes"),
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Tls { setting, what } => write!(f, "{setting}: {what}"),
            Self::NoRoots => f.write_str("the system has no certificates to trust: name a `ca`"),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { error, .. } => Some(error),
            _ => None,
        }
    }
}
