//! Which connection a line of the log is about.

use std::sync::atomic::{AtomicU32, Ordering};

/// A number for the next connection of this process, from 1 on. It is public: what finds a session is its secret id. After
/// four billions it begins anew.
pub(crate) fn next() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
}
