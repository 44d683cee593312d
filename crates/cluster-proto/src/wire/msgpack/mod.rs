//! MessagePack as `notepack.io` reads and writes it (sections 2.6 and 2.7 of the protocol's page).

mod read;
mod token;
mod values;
mod write;

pub(crate) use read::Packed;
pub(crate) use write::Packer;
