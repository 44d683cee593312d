//! Bytes as a field of a type.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// Bytes for use within types that are sent or received: serializes as an attachment, and takes one.
///
/// `serde_bytes` and a `Vec<u8>` (for receiving) do the same. On its way through serde an attachment is copied;
/// [`Arguments::attachment`](crate::Arguments::attachment) gives one without copying.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Attachment(pub Bytes);

impl Deref for Attachment {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Bytes> for Attachment {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Attachment {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Bytes::from(bytes))
    }
}

/// Copies the bytes.
impl From<&[u8]> for Attachment {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl From<Attachment> for Bytes {
    fn from(attachment: Attachment) -> Self {
        attachment.0
    }
}

impl Serialize for Attachment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Attachment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BytesVisitor;

        impl Visitor<'_> for BytesVisitor {
            type Value = Attachment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an attachment")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Attachment, E> {
                Ok(Attachment::from(bytes))
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Attachment, E> {
                Ok(Attachment::from(bytes))
            }
        }

        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}
