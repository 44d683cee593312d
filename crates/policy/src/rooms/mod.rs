//! Names of rooms that are made of values.

// What a template and a pattern have in common: literal text and places for values.
mod pieces;

mod pattern;
mod template;

// Whether two of them could be one room.
mod overlap;

pub use pattern::Pattern;
pub use template::Template;

pub(crate) use overlap::{literals, overlap};
pub(crate) use pieces::could_make;
