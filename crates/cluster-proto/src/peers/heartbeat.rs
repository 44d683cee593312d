//! What Fanfare nodes say to each other.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The heartbeats' channel: `P-fanfare#`.
///
/// No pattern of a Node server matches it (`P#N#*`), nor does one of a fleet whose prefix begins with this one's: what
/// follows their prefix is a `#` and a slash.
pub fn channel(prefix: &str) -> String {
    format!("{prefix}-fanfare#")
}

/// One heartbeat.
///
/// ```text
/// {"v":1,"uid":"x0Vn…","start":1795621341693,"beat":17,"every":1000,"sent":{"/":1204,"/chat":5}}
/// ```
///
/// A newer version may add members, which are not looked at here, and says `v` 2; one that cannot be read as version 1 has
/// other names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// The format's version.
    pub version: u32,
    /// What the node writes as the sender of its messages. New at each start.
    pub uid: String,
    /// What its operator calls it, if anything: it outlives a restart.
    pub name: Option<String>,
    /// When it started, in milliseconds since 1970 by its own clock. Only ever compared with itself.
    pub start: u64,
    /// Which heartbeat of this node it is, from 1.
    pub beat: u64,
    /// When the next one is to be expected.
    pub every: Duration,
    /// How many messages that all nodes hear it has sent before this one since it started, by namespace. Where none is
    /// named, it is none; but see `is_partial`.
    pub sent: BTreeMap<String, u64>,
    /// It speaks as the sharded adapter does, so that those who speak as the classic one hear nothing else of it.
    pub is_sharded: bool,
    /// There are more namespaces than one heartbeat names.
    pub is_partial: bool,
    /// It has just come, and wants to hear from all.
    pub is_hello: bool,
    /// It leaves, by its own will.
    pub is_bye: bool,
}

/// Why something is no heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeartbeatError {
    /// It is larger than any heartbeat.
    TooLarge,
    /// It is not the JSON of one.
    Malformed,
    /// The version is none.
    Version,
    /// The uid or name is empty or too long.
    Name,
    /// It names too many namespaces.
    TooMany,
}

/// As it stands on the wire.
#[derive(Serialize, Deserialize)]
struct Wire {
    v: u32,
    uid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    start: u64,
    beat: u64,
    /// Milliseconds.
    every: u64,
    sent: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "is_false")]
    sharded: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    partial: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    hello: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    bye: bool,
}

impl Heartbeat {
    /// The version that is written here.
    pub const VERSION: u32 = 1;
    /// How many namespaces one names at most.
    pub const NAMESPACES_MAX: usize = 500;
    /// How large one is at most, in bytes.
    pub const BYTES_MAX: usize = 256 << 10;
    /// How long a uid and a name are at most, in bytes.
    pub const NAME_LEN_MAX: usize = 128;
    /// How large a number in one is at most: beyond that a reader in JavaScript would round it, and no node ever counts so far.
    pub const COUNT_MAX: u64 = 1 << 53;
    /// No node says that it beats more often.
    pub const EVERY_MIN: Duration = Duration::from_millis(100);
    /// Nor more seldom.
    pub const EVERY_MAX: Duration = Duration::from_secs(60);

    /// The JSON of it.
    pub fn encode(&self) -> Vec<u8> {
        let wire = Wire {
            v: self.version,
            uid: self.uid.clone(),
            name: self.name.clone(),
            start: self.start,
            beat: self.beat,
            every: u64::try_from(self.every.as_millis()).unwrap_or(u64::MAX),
            sent: self.sent.clone(),
            sharded: self.is_sharded,
            partial: self.is_partial,
            hello: self.is_hello,
            bye: self.is_bye,
        };
        serde_json::to_vec(&wire).expect("text and numbers always have a JSON")
    }

    /// Reads one. It comes from anybody who may publish.
    pub fn decode(body: &[u8]) -> Result<Self, HeartbeatError> {
        if body.len() > Self::BYTES_MAX {
            return Err(HeartbeatError::TooLarge);
        }
        let wire: Wire = serde_json::from_slice(body).map_err(|_| HeartbeatError::Malformed)?;
        let is_name = |name: &str| !name.is_empty() && name.len() <= Self::NAME_LEN_MAX;
        if wire.v == 0 {
            return Err(HeartbeatError::Version);
        }
        let is_count = |number: &u64| *number <= Self::COUNT_MAX;
        if ![wire.start, wire.beat, wire.every].iter().chain(wire.sent.values()).all(is_count) {
            return Err(HeartbeatError::Malformed);
        }
        if !is_name(&wire.uid) || !wire.name.as_deref().is_none_or(is_name) {
            return Err(HeartbeatError::Name);
        }
        if wire.sent.len() > Self::NAMESPACES_MAX {
            return Err(HeartbeatError::TooMany);
        }
        Ok(Self {
            version: wire.v,
            uid: wire.uid,
            name: wire.name,
            start: wire.start,
            beat: wire.beat,
            every: Duration::from_millis(wire.every).clamp(Self::EVERY_MIN, Self::EVERY_MAX),
            sent: wire.sent,
            is_sharded: wire.sharded,
            is_partial: wire.partial,
            is_hello: wire.hello,
            is_bye: wire.bye,
        })
    }
}

impl fmt::Display for HeartbeatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "larger than any heartbeat",
            Self::Malformed => "not a heartbeat's JSON",
            Self::Version => "of no version",
            Self::Name => "a uid or name that is empty or too long",
            Self::TooMany => "too many namespaces",
        })
    }
}

impl std::error::Error for HeartbeatError {}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat() -> Heartbeat {
        Heartbeat {
            version: 1,
            uid: "x0Vn-uid".into(),
            name: None,
            start: 1_795_621_341_693,
            beat: 17,
            every: Duration::from_secs(1),
            sent: [("/".into(), 1204), ("/chat".into(), 5)].into(),
            is_sharded: false,
            is_partial: false,
            is_hello: false,
            is_bye: false,
        }
    }

    #[test]
    fn heartbeats_survive_the_wire() {
        let plain = heartbeat();
        let wire =
            r#"{"v":1,"uid":"x0Vn-uid","start":1795621341693,"beat":17,"every":1000,"sent":{"/":1204,"/chat":5}}"#;
        assert_eq!(String::from_utf8(plain.encode()).unwrap(), wire);
        let name = Some("berlin-1".into());
        let full = Heartbeat { name, is_sharded: true, is_partial: true, is_hello: true, is_bye: true, ..heartbeat() };
        for heartbeat in [plain, full] {
            assert_eq!(Heartbeat::decode(&heartbeat.encode()), Ok(heartbeat));
        }
    }

    #[test]
    fn newer_versions_are_read_as_far_as_they_are_known() {
        let wire = br#"{"v":7,"uid":"u","start":1,"beat":2,"every":1,"sent":{},"zone":{"a":[1]},"bye":false}"#;
        let heartbeat = Heartbeat::decode(wire).unwrap();
        assert_eq!((heartbeat.version, heartbeat.beat, heartbeat.every), (7, 2, Heartbeat::EVERY_MIN));
    }

    #[test]
    fn the_largest_count_is_read() {
        let largest =
            Heartbeat { beat: Heartbeat::COUNT_MAX, sent: [("/".into(), Heartbeat::COUNT_MAX)].into(), ..heartbeat() };
        assert_eq!(Heartbeat::decode(&largest.encode()), Ok(largest));
    }

    #[test]
    fn what_is_no_heartbeat_is_refused() {
        for (wire, error) in [
            ("", HeartbeatError::Malformed),
            ("{}", HeartbeatError::Malformed),
            ("[1]", HeartbeatError::Malformed),
            (r#"{"v":1,"uid":"u","start":-1,"beat":2,"every":1,"sent":{}}"#, HeartbeatError::Malformed),
            (r#"{"v":1,"uid":"u","start":1,"beat":2,"every":1,"sent":{"/":1.5}}"#, HeartbeatError::Malformed),
            (r#"{"v":1,"uid":"u","start":9007199254740993,"beat":2,"every":1,"sent":{}}"#, HeartbeatError::Malformed),
            (r#"{"v":1,"uid":"u","start":1,"beat":9007199254740993,"every":1,"sent":{}}"#, HeartbeatError::Malformed),
            (
                r#"{"v":1,"uid":"u","start":1,"beat":2,"every":18446744073709551615,"sent":{}}"#,
                HeartbeatError::Malformed,
            ),
            (
                r#"{"v":1,"uid":"u","start":1,"beat":2,"every":1,"sent":{"/":9007199254740993}}"#,
                HeartbeatError::Malformed,
            ),
            (r#"{"v":0,"uid":"u","start":1,"beat":2,"every":1,"sent":{}}"#, HeartbeatError::Version),
            (r#"{"v":1,"uid":"","start":1,"beat":2,"every":1,"sent":{}}"#, HeartbeatError::Name),
        ] {
            assert_eq!(Heartbeat::decode(wire.as_bytes()), Err(error), "{wire}");
        }
        let many = Heartbeat { sent: (0..501).map(|n| (format!("/{n}"), n)).collect(), ..heartbeat() };
        assert_eq!(Heartbeat::decode(&many.encode()), Err(HeartbeatError::TooMany));
        let long = Heartbeat { uid: "u".repeat(129), ..heartbeat() };
        assert_eq!(Heartbeat::decode(&long.encode()), Err(HeartbeatError::Name));
        assert_eq!(Heartbeat::decode(&vec![b' '; Heartbeat::BYTES_MAX + 1]), Err(HeartbeatError::TooLarge));
        let whole = heartbeat().encode();
        for end in 0..whole.len() {
            assert!(Heartbeat::decode(&whole[..end]).is_err());
        }
    }

    #[test]
    fn no_pattern_of_a_fleet_matches_the_channel() {
        assert_eq!(channel("socket.io"), "socket.io-fanfare#");
        // `P#N#*`, and of a fleet whose prefix is the channel's beginning.
        for prefix in ["socket.io#/#", "socket.io-fanfare#/#", "socket.io-request#/#"] {
            assert!(!channel("socket.io").starts_with(prefix));
        }
    }
}
