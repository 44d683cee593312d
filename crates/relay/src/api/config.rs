//! The section `[api]`.

use crate::config::Address;
use crate::ops::OpsConfig;
use crate::tls::TlsConfig;

/// Where the HTTP API answers, and whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ApiConfig {
    /// Where to listen; nowhere unless said.
    pub(crate) listen: Vec<Address>,
    /// The certificate that is shown to those who come by TCP; without one they speak in plain.
    pub(crate) tls: Option<TlsConfig>,
    /// Who may do what: several at once, so that one can take the place of another.
    pub(crate) keys: Vec<KeyConfig>,
}

impl ApiConfig {
    /// Whether an address is one where operators are answered too, by one listener. Port 0 is another port each time.
    pub(crate) fn is_beside_ops(&self, address: &Address, ops: &OpsConfig) -> bool {
        matches!(address, Address::Tcp(address) if address.port() != 0 && ops.listen.contains(address))
    }
}

/// A key, of which only the hash is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyConfig {
    /// By which it is known in the configuration. No two have the same.
    pub(crate) name: Box<str>,
    pub(crate) sha256: [u8; 32],
    /// At least one.
    pub(crate) may: Vec<Deed>,
    /// What it is for; `None` is for all.
    pub(crate) namespaces: Option<Vec<NamePattern>>,
    pub(crate) events: Option<Vec<NamePattern>>,
    pub(crate) rooms: Option<Vec<NamePattern>>,
}

/// What a key may be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Deed {
    Emit,
    Read,
    Move,
    Disconnect,
}

impl Deed {
    /// By the words of the configuration.
    pub(crate) const WORDS: [(&str, Self); 4] =
        [("emit", Self::Emit), ("read", Self::Read), ("move", Self::Move), ("disconnect", Self::Disconnect)];

    pub(crate) fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, deed)| *deed == self).map_or("", |(word, _)| word)
    }
}

/// A name; or with `*` at its end, all that begin so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct NamePattern(Box<str>);

impl NamePattern {
    /// Takes a pattern, or says what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let name = text.strip_suffix('*').unwrap_or(text);
        if text.is_empty() || name.contains('*') { Err(EXPECTED) } else { Ok(Self(text.into())) }
    }

    pub(crate) fn takes(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => *self.0 == *name,
        }
    }
}

const EXPECTED: &str = "a name, or the beginning of some with * behind it, such as \"account:*\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_one_name_or_all_that_begin_so() {
        for (pattern, name, is_taken) in [
            ("news", "news", true),
            ("news", "news:1", false),
            ("account:*", "account:1", true),
            ("account:*", "account:", true),
            ("account:*", "accounts", false),
            ("*", "", true),
            ("*", "anything", true),
        ] {
            assert_eq!(NamePattern::parse(pattern).unwrap().takes(name), is_taken, "{pattern} {name}");
        }
        for wrong in ["", "a*b", "**", "*a"] {
            assert_eq!(NamePattern::parse(wrong), Err(EXPECTED), "{wrong}");
        }
    }
}
