//! Why a session ended.

use std::fmt;

/// The one cause for which a session ended.
///
/// Printed in the log line of the session's end and counted by [`CloseReason::label`]. The reference server's
/// own word for it, which its applications see as the reason of a disconnect, is [`CloseReason::as_reference`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client closed: a close packet, a WebSocket close, or the end of its connection.
    TransportClose,
    /// The connection failed: reset, broken WebSocket framing, an aborted request.
    TransportError,
    /// The client did not answer a ping within `pingTimeout`.
    PingTimeout,
    /// The client sent something that is no Engine.IO packet, or one only a server may send.
    ParseError,
    /// The client sent a message larger than `maxPayload`.
    TooLarge,
    /// Two polls, or two posts, of one session at the same time.
    Overlap,
    /// The client did not read: its outbox was full, or did not move for too long.
    SlowConsumer,
    /// The client broke the protocol of the layer above, which says how in a few constant words. It is neither flushed
    /// nor waited for.
    Violation(&'static str),
    /// Something of ours failed: a program's handler panicked. The client did nothing wrong.
    Internal,
    /// The layer above cannot serve this client now, and wants it to come back.
    Unavailable,
    /// The server is going away.
    Shutdown,
    /// The layer above closed it, and says why in a few constant words.
    Application(&'static str),
    /// The same, but the client is not told: it loses its connection behind what was sent before, and comes back.
    Dropped(&'static str),
}

impl CloseReason {
    /// Every [`label`](Self::label) there is.
    pub const LABELS: [&'static str; 13] = [
        "transport_close",
        "transport_error",
        "ping_timeout",
        "parse_error",
        "too_large",
        "overlap",
        "slow_consumer",
        "violation",
        "internal",
        "unavailable",
        "shutdown",
        "application",
        "dropped",
    ];

    /// A constant word for metrics: lower case, underscores, no data.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::TransportClose => "transport_close",
            Self::TransportError => "transport_error",
            Self::PingTimeout => "ping_timeout",
            Self::ParseError => "parse_error",
            Self::TooLarge => "too_large",
            Self::Overlap => "overlap",
            Self::SlowConsumer => "slow_consumer",
            Self::Violation(_) => "violation",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::Shutdown => "shutdown",
            Self::Application(_) => "application",
            Self::Dropped(_) => "dropped",
        }
    }

    /// The constant words for a log line: those of the layer above if they are its own, else the label.
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Violation(why) | Self::Application(why) | Self::Dropped(why) => why,
            other => other.label(),
        }
    }

    /// The reason the reference server would report to its application.
    pub const fn as_reference(&self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError | Self::TooLarge | Self::Overlap => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError | Self::Violation(_) => "parse error",
            Self::Shutdown => "server shutting down",
            Self::Internal | Self::Unavailable | Self::SlowConsumer | Self::Application(_) | Self::Dropped(_) => {
                "forced server close"
            }
        }
    }

    /// Whether what is still queued is worth sending before the connection goes away.
    pub const fn flushes(&self) -> bool {
        self.is_silent() || matches!(self, Self::Application(_))
    }

    /// Whether the client is to take the end for a loss of its connection, from which every client comes back: some
    /// take a close packet, or a close frame, for an orderly end, and stay away.
    pub const fn is_silent(&self) -> bool {
        matches!(self, Self::Shutdown | Self::Unavailable | Self::Dropped(_))
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::TooLarge => "message too large",
            Self::Overlap => "overlapping requests",
            Self::SlowConsumer => "slow consumer",
            Self::Internal => "internal error",
            Self::Unavailable => "temporarily unavailable",
            Self::Shutdown => "server shutting down",
            Self::Violation(why) | Self::Application(why) | Self::Dropped(why) => why,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_labels_has_each_reason_s_and_no_other() {
        use CloseReason::*;
        let reasons = [
            TransportClose,
            TransportError,
            PingTimeout,
            ParseError,
            TooLarge,
            Overlap,
            SlowConsumer,
            Violation("x"),
            Internal,
            Unavailable,
            Shutdown,
            Application("x"),
            Dropped("x"),
        ];
        assert_eq!(reasons.map(|reason| reason.label()), CloseReason::LABELS);
    }
}
