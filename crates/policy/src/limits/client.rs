//! What one client may do in a namespace.

use super::rate::{Over, Rate};

/// What one client may do in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientLimits {
    /// Events it sends; `None` for any number.
    pub events: Option<Rate>,
    /// Bytes of events it sends: their names, arguments and attachments.
    pub bytes: Option<Rate>,
    /// What happens to an event over one of the two.
    pub over: Over,
    /// Refusals it may cause before its connection ends.
    pub refusals: Option<Rate>,
    /// Rooms it may be in before no event moves it into another.
    pub rooms_max: usize,
}

/// More than any page does by itself, and little enough that one client alone is no load.
impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            events: Rate::new(1000, None),
            bytes: Rate::new(8 * 1024 * 1024, None),
            over: Over::Slow,
            refusals: Rate::new(20, None),
            rooms_max: 1000,
        }
    }
}
