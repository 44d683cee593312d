//! Everything that a path can lead into.

use std::borrow::Cow;

use hub::SocketId;
use socketio_codec::Arguments;

use super::claims::Claims;
use super::lookup::{VALUE_BYTES_MAX, scalar};
use super::path::Path;
use super::query::Query;

/// What is known of a client, and of its event if there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) socket: SocketId,
    pub(crate) claims: &'a Claims,
    pub(crate) query: &'a Query,
    pub(crate) arguments: &'a Arguments,
}

impl<'a> Sources<'a> {
    /// The value at `path`: of at least one byte and at most 256.
    pub(crate) fn value(&self, path: &Path) -> Option<Cow<'a, str>> {
        match path {
            Path::Claims(keys) => scalar(self.claims.as_str(), keys.as_slice()),
            Path::Argument(number, keys) => scalar(self.arguments.raw(*number)?, keys.as_slice()),
            Path::SocketId => Some(Cow::Owned(self.socket.as_str().to_owned())),
            Path::Query(name) => {
                let value = self.query.get(name).filter(|value| (1..=VALUE_BYTES_MAX).contains(&value.len()));
                value.map(Cow::Borrowed)
            }
        }
    }
}
