//! The open packet, and the settings it tells the client.

use std::sync::Arc;
use std::time::Duration;

use crate::Encoded;
use crate::sid::Sid;

/// The times and sizes of a session. [`Default`] is what the reference server uses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionConfig {
    /// How long after the last answer the next ping is sent. Told to the client.
    pub ping_interval: Duration,
    /// How long a ping may stay unanswered. Told to the client.
    pub ping_timeout: Duration,
    /// How long a WebSocket may take to complete an upgrade before it is dropped.
    pub upgrade_timeout: Duration,
    /// The largest message, and the largest body of a post, in bytes. Told to the client.
    pub max_payload_bytes: usize,
    /// How long a close packet waits for a poll that fetches it.
    pub close_timeout: Duration,
    /// How long a session that closes in the middle of its upgrade waits for the end of it, to tell the client there.
    pub leaving_timeout: Duration,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            max_payload_bytes: 1_000_000,
            close_timeout: Duration::from_secs(30),
            // Finishing an upgrade takes a round trip.
            leaving_timeout: Duration::from_secs(1),
        }
    }
}

impl SessionConfig {
    /// The same with no time longer than `most`; the very same one, if none is.
    pub(crate) fn within(self: Arc<Self>, most: Duration) -> Arc<Self> {
        let bounded = Self {
            ping_interval: self.ping_interval.min(most),
            ping_timeout: self.ping_timeout.min(most),
            upgrade_timeout: self.upgrade_timeout.min(most),
            close_timeout: self.close_timeout.min(most),
            leaving_timeout: self.leaving_timeout.min(most),
            max_payload_bytes: self.max_payload_bytes,
        };
        if bounded == *self { self } else { Arc::new(bounded) }
    }
}

/// A way to carry packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP long-polling.
    Polling,
    /// WebSocket.
    WebSocket,
}

impl Transport {
    /// Its name in a query and in the open packet.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }

    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        [Self::Polling, Self::WebSocket].into_iter().find(|transport| transport.name().as_bytes() == name)
    }
}

/// The open packet of a new session (Engine.IO v4, section "Handshake"), keys in the reference's order.
pub fn open_packet(sid: &Sid, upgrades: &[Transport], config: &SessionConfig) -> Encoded {
    let upgrades = match upgrades {
        [] => String::new(),
        some => format!("\"{}\"", some.iter().map(|to| to.name()).collect::<Vec<_>>().join("\",\"")),
    };
    Encoded::packet(&format!(
        r#"0{{"sid":"{}","upgrades":[{upgrades}],"pingInterval":{},"pingTimeout":{},"maxPayload":{}}}"#,
        sid.reveal(),
        config.ping_interval.as_millis(),
        config.ping_timeout.as_millis(),
        config.max_payload_bytes,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_packet_is_the_reference_s_byte_for_byte() {
        let sid = Sid::from_random([0; 15]);
        let packet = open_packet(&sid, &[Transport::WebSocket], &SessionConfig::default());
        let expected = r#"0{"sid":"AAAAAAAAAAAAAAAAAAAA","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        assert_eq!(packet.polling(), expected.as_bytes());
        let none = open_packet(&sid, &[], &SessionConfig::default());
        assert!(
            none.polling()
                .ends_with(br#""upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#)
        );
    }
}
