//! The number of an acknowledgement.

use core::fmt;

/// The number by which an acknowledgement names its event.
///
/// At most 2^53 − 1 ([`AckId::MAX`]): a JavaScript peer cannot count further, and would send another number back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AckId(u64);

impl AckId {
    /// The largest id: `Number.MAX_SAFE_INTEGER`.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// An id, or `None` above [`AckId::MAX`].
    pub const fn new(id: u64) -> Option<Self> {
        if id <= Self::MAX.0 { Some(Self(id)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<u32> for AckId {
    fn from(id: u32) -> Self {
        Self(u64::from(id))
    }
}

impl fmt::Display for AckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
