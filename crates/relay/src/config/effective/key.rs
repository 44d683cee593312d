//! What a setting is called, wherever it stands.

use std::fmt;

use crate::config::toml_text::quoted;

/// A setting's name. The order is that in which they are listed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    /// One of the table.
    Setting(&'static str),
    /// Of an issuer.
    Issuer { iss: String, key: String },
    /// Of a static token, by the first digits of its hash.
    Token { hash: String, key: String },
    /// Of a program that uses the API, by the name of its key.
    Program { name: String, key: String },
    /// Of a namespace.
    Namespace { name: String, key: NamespaceKey },
}

/// Of a namespace, or of a rule in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum NamespaceKey {
    Own(String),
    Rule { on: String, key: String },
}

impl Key {
    pub(crate) fn of_namespace(name: &str, key: &str) -> Self {
        Self::Namespace { name: name.to_owned(), key: NamespaceKey::Own(key.to_owned()) }
    }

    pub(crate) fn of_rule(name: &str, on: &str, key: &str) -> Self {
        Self::Namespace { name: name.to_owned(), key: NamespaceKey::Rule { on: on.to_owned(), key: key.to_owned() } }
    }
}

/// `limits.client.events_per_s`, `namespace."/chat".rule."update".to`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(key) => f.write_str(key),
            Self::Issuer { iss, key } => write!(f, "auth.issuer.{}.{key}", quoted(iss)),
            Self::Token { hash, key } => write!(f, "auth.token.{}.{key}", quoted(hash)),
            Self::Program { name, key } => write!(f, "api.key.{}.{key}", quoted(name)),
            Self::Namespace { name, key: NamespaceKey::Own(key) } => write!(f, "namespace.{}.{key}", quoted(name)),
            Self::Namespace { name, key: NamespaceKey::Rule { on, key } } => {
                write!(f, "namespace.{}.rule.{}.{key}", quoted(name), quoted(on))
            }
        }
    }
}
