//! How much a client may do, and an address.

mod addresses;
mod complaints;
mod rate;

pub use addresses::{AddressLimits, AddressRefusal, Addresses, Place};
pub use complaints::{Complaint, Complaints};
pub use rate::{Over, Rate};

/// What one client may do in one namespace, over all its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimits {
    /// How many events it may send.
    pub events: Option<Rate>,
    /// How many bytes these may have: names, arguments and attachments.
    pub bytes: Option<Rate>,
    /// What happens to what is over either.
    pub over: Over,
    /// How often it may be refused something before its connection ends.
    pub refusals: Option<Rate>,
    /// How many rooms it may be in that it joined by events.
    pub rooms_max: usize,
}

impl Default for ClientLimits {
    /// More than a person or a well-meant script sends, and less than one client would take from all others.
    fn default() -> Self {
        Self {
            events: Rate::new(1_000, None),
            bytes: Rate::new(8 * 1024 * 1024, None),
            over: Over::Slow,
            refusals: Rate::new(20, None),
            rooms_max: 1_000,
        }
    }
}
