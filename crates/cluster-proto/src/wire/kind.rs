//! What both formats have in common.

/// What a value is, before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `null`, `undefined`.
    Nothing,
    Bool,
    Number,
    Text,
    List,
    Map,
    /// Bytes, a date, an extension.
    Other,
}

/// A list or map that was begun and not yet read to its end.
pub(crate) struct Open {
    /// Of MessagePack, which says it first.
    pub(crate) left: usize,
    /// Of JSON, where a comma stands before all others.
    pub(crate) is_first: bool,
}

impl Open {
    pub(crate) fn new(left: usize) -> Self {
        Self { left, is_first: true }
    }
}
