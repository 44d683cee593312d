//! The names of what messages are made of.

/// A key of a message's maps. Senders agree neither on their order nor on which of them are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Type,
    Data,
    Nsp,
    Uid,
    RequestId,
    Packet,
    Opts,
    Rooms,
    Except,
    Flags,
    Volatile,
    Compress,
    Timeout,
    Close,
    Sid,
    Room,
    Sockets,
    ClientCount,
    Count,
    Id,
    Handshake,
    /// What has no meaning here.
    Other,
}

impl Field {
    pub(crate) fn of(key: &[u8]) -> Self {
        match key {
            b"type" => Self::Type,
            b"data" => Self::Data,
            b"nsp" => Self::Nsp,
            b"uid" => Self::Uid,
            b"requestId" => Self::RequestId,
            b"packet" => Self::Packet,
            b"opts" => Self::Opts,
            b"rooms" => Self::Rooms,
            b"except" => Self::Except,
            b"flags" => Self::Flags,
            b"volatile" => Self::Volatile,
            b"compress" => Self::Compress,
            b"timeout" => Self::Timeout,
            b"close" => Self::Close,
            b"sid" => Self::Sid,
            b"room" => Self::Room,
            b"sockets" => Self::Sockets,
            b"clientCount" => Self::ClientCount,
            b"count" => Self::Count,
            b"id" => Self::Id,
            b"handshake" => Self::Handshake,
            _ => Self::Other,
        }
    }
}
