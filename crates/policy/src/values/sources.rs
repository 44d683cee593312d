//! Everything that a path can lead into.

use std::borrow::Cow;

use hub::SocketId;
use socketio_codec::Arguments;

use super::claims::Claims;
use super::lookup::{Lack, bounded, scalar};
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
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn value(&self, path: &Path) -> Result<Cow<'a, str>, Lack> {
        match path {
            Path::Claims(keys) => scalar(self.claims.as_str(), keys.as_slice()),
            Path::Argument(number, keys) => scalar(self.arguments.raw(*number).ok_or(Lack::Missing)?, keys.as_slice()),
            Path::SocketId => Ok(Cow::Owned(self.socket.as_str().to_owned())),
            Path::Query(name) => bounded(Cow::Borrowed(self.query.get(name).ok_or(Lack::Missing)?)),
        }
    }
}
