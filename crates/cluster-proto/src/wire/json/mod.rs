//! JSON as Node reads and writes it.

pub(crate) mod buffer;
mod read;

pub(crate) use read::Plain;
