//! How much a client may do, or an address.

mod addresses;
mod client;
mod complaints;
mod network;
mod rate;

pub use addresses::{AddressLimits, AddressRefusal, Addresses, Place};
pub use client::ClientLimits;
pub use complaints::{Complaint, Complaints};
pub use network::network;
pub use rate::{Over, Rate};
