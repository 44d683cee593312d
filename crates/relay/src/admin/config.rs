//! The section `[admin]`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use bcrypt::HashParts;
use socketio::NamespaceName;

/// Whether and for whom there is an administrators' namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AdminConfig {
    pub(crate) namespace: NamespaceName,
    /// Whether administrators have to say who they are.
    pub(crate) auth: AdminAuth,
    pub(crate) username: Option<Box<str>>,
    pub(crate) password: Option<PasswordHash>,
    pub(crate) mode: Mode,
    /// Administrators look, and do nothing.
    pub(crate) is_read_only: bool,
    /// By which the page knows this relay; the machine's name unless said.
    pub(crate) server_id: Option<Box<str>>,
    /// The folder of the page, which existed when it was read.
    pub(crate) dir: Option<PathBuf>,
}

impl AdminConfig {
    /// Whether there is anything to come into.
    pub(crate) fn is_on(&self) -> bool {
        self.auth == AdminAuth::None || self.password.is_some()
    }

    /// Whether those who could log in by `other` are the same.
    pub(crate) fn admits_as(&self, other: &Self) -> bool {
        (self.auth, &self.username, &self.password) == (other.auth, &other.username, &other.password)
    }
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            // The page's own default.
            namespace: NamespaceName::try_from("/admin").unwrap_or(NamespaceName::ROOT),
            auth: AdminAuth::Password,
            username: None,
            password: None,
            mode: Mode::Production,
            is_read_only: false,
            server_id: None,
            dir: None,
        }
    }
}

/// How administrators are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AdminAuth {
    Password,
    /// Not at all: whoever reaches the relay is one.
    None,
}

impl AdminAuth {
    /// By the words of the configuration.
    pub(crate) const WORDS: [(&str, Self); 2] = [("password", Self::Password), ("none", Self::None)];
}

/// How much administrators are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Sums, every two seconds.
    Production,
    /// Each client and each event too, up to a bound.
    Development,
}

impl Mode {
    /// By the words of the configuration.
    pub(crate) const WORDS: [(&str, Self); 2] = [("production", Self::Production), ("development", Self::Development)];
}

/// What is kept of a password. Whoever has it can try passwords by the million, so it is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Takes a hash, or says what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let is_known = ["$2a$", "$2b$", "$2y$"].iter().any(|version| text.starts_with(version));
        let parts = HashParts::from_str(text).map_err(|_| EXPECTED)?;
        let is_whole = text.len() == HASH_LEN && is_known;
        let is_affordable = (COST_MIN..=COST_MAX).contains(&parts.get_cost());
        if is_whole && is_affordable { Ok(Self(text.into())) } else { Err(EXPECTED) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// `$2b$12$`, 22 letters of salt and 31 of the hash.
const HASH_LEN: usize = 60;

/// The least that bcrypt has.
const COST_MIN: u32 = 4;

/// Each step doubles the time: at 14 a login takes a second of a core or two, and nobody else logs in meanwhile.
const COST_MAX: u32 = 14;

const EXPECTED: &str = "a bcrypt hash such as `fanfare password` prints ($2b$12$…), with a cost of 4 to 14";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_one_of_bcrypt_s_that_can_be_afforded() {
        let rest = "mh2lZtIIyo8IRe9anZ941OvuWIPjKvRJ0o9B9d2N5tR7CM6iggKDe";
        for version in ["2a", "2b", "2y"] {
            let text = format!("${version}$10${rest}");
            assert_eq!(PasswordHash::parse(&text).map(|hash| hash.as_str().to_owned()), Ok(text));
        }
        for wrong in [
            format!("$2b$15${rest}"),
            format!("$2b$03${rest}"),
            format!("$2x$10${rest}"),
            format!("$2b$10${rest}5"),
            format!("$2b$10${}", &rest[1..]),
            "secret".to_owned(),
            String::new(),
        ] {
            assert_eq!(PasswordHash::parse(&wrong), Err(EXPECTED), "{wrong}");
        }
        assert_eq!(format!("{:?}", PasswordHash::parse(&format!("$2b$10${rest}"))), "Ok(PasswordHash(…))");
    }

    #[test]
    fn it_is_off_unless_somebody_can_come_in() {
        let off = AdminConfig::default();
        assert_eq!((off.is_on(), off.namespace.as_str()), (false, "/admin"));
        assert!(AdminConfig { auth: AdminAuth::None, ..off }.is_on());
    }
}
