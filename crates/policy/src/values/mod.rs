//! What is known of a client and of an event, and how a part of it is named.

mod claims;
mod lookup;
mod path;
mod query;

// All of it together, asked by a path.
mod sources;

pub use claims::{Claims, InvalidClaims};
pub use path::{Keys, Path};
pub use query::Query;

pub(crate) use lookup::{Found, Lack, VALUE_BYTES_MAX, find, scalar};
pub(crate) use sources::Sources;
