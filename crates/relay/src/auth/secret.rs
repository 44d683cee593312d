//! What nobody else may see.

use std::fmt;

/// The bytes of a secret; no log and no message has them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) Box<[u8]>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
