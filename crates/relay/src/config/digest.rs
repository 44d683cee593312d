//! What contents are told apart by that nobody may see.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};

/// The SHA-256 of something. It is compared and never shown: of a short secret it would say too much.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(hash)
    }

    /// Of several, in their order.
    pub(crate) fn of_all<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let all: Vec<u8> = parts.into_iter().flat_map(|part| Self::of(part).0).collect();
        Self::of(&all)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}
