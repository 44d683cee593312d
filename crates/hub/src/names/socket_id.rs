//! A socket's public name.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use serde::{Serialize, Serializer};

/// A socket's id: 20 characters of base64url, made from 15 random bytes.
///
/// One client has one socket in each namespace it joined, each with an id of its own. The id is public:
/// applications send it to other clients. It has nothing to do with the Engine.IO session's secret `sid`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SocketId([u8; SocketId::LEN]);

impl SocketId {
    /// The characters of an id. A Redis cluster of the reference tells a private room by this length.
    pub const LEN: usize = 20;

    /// The id made of `random`: draw all 120 bits from a cryptographic source, so that no two are equal and none
    /// can be guessed from another.
    pub fn from_random(random: [u8; 15]) -> Self {
        let mut text = [0; Self::LEN];
        for (three, four) in random.chunks_exact(3).zip(text.chunks_exact_mut(4)) {
            let bits = three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte));
            for (index, character) in four.iter_mut().enumerate() {
                *character = ALPHABET[(bits >> (18 - 6 * index)) as usize & 0x3f];
            }
        }
        Self(text)
    }

    /// The id somebody wrote, or `None` if no socket can have it.
    pub fn parse(text: &str) -> Option<Self> {
        let text: [u8; Self::LEN] = text.as_bytes().try_into().ok()?;
        text.iter().all(|byte| ALPHABET.contains(byte)).then_some(Self(text))
    }

    /// The id as it stands on the wire.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("both constructors allow ASCII only")
    }

    /// The lane, of `lanes`, that the socket belongs to.
    pub(crate) fn lane(&self, lanes: usize) -> usize {
        // The map inside a lane reads other bits of another product: the sockets of one lane spread there as well.
        let spread = self.fold().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        (spread as usize * lanes) >> 32
    }

    /// 64 bits that depend on every character.
    fn fold(&self) -> u64 {
        let mut words = self.0.chunks(8).map(|chunk| chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        let mut next = || words.next().unwrap_or_default();
        next() ^ next().rotate_left(24) ^ next().rotate_left(47)
    }
}

/// As text.
impl Serialize for SocketId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketId({self})")
    }
}

impl Hash for SocketId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.fold());
    }
}

/// A map by socket. Ids are random and the server's own, so the hash need not resist an attacker.
pub(crate) type SocketMap<V> = HashMap<SocketId, V, BuildHasherDefault<IdHasher>>;

/// Spreads the one word that [`SocketId`] hashes to.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write_u64(&mut self, word: u64) {
        let product = word.wrapping_mul(0xd6e8_feb8_6659_fd93);
        self.0 = product ^ product >> 32;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0.rotate_left(8) ^ u64::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_base64url_of_its_bytes() {
        for (random, text) in [
            (*b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "AAAAAAAAAAAAAAAAAAAA"),
            (*b"fanfare is loud", "ZmFuZmFyZSBpcyBsb3Vk"),
            ([0xff; 15], "____________________"),
            ([0xfb; 15], "-_v7-_v7-_v7-_v7-_v7"),
        ] {
            let id = SocketId::from_random(random);
            assert_eq!(id.as_str(), text);
            assert_eq!(SocketId::parse(text), Some(id));
        }
    }

    #[test]
    fn what_no_socket_can_have_does_not_parse() {
        for text in ["", "short", "____________________x", "___________________=", "__________________é"] {
            assert_eq!(SocketId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn ids_spread_evenly_over_lanes() {
        for lanes in [1, 2, 3, 8] {
            let mut sockets = vec![0; lanes];
            for number in 0..8_000_u128 {
                // Far worse than random: only one byte or two differ.
                let id = SocketId::from_random(number.to_be_bytes()[1..].try_into().unwrap());
                sockets[id.lane(lanes)] += 1;
            }
            let fair = 8_000 / lanes;
            assert!(sockets.iter().all(|count| (fair / 2..fair * 2).contains(count)), "{lanes}: {sockets:?}");
        }
    }
}
