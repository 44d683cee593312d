//! What the node's callers, its ears and its supervisor share.

mod answers;
mod counters;
mod ear;
mod handshake;
mod hearing;
mod incoming;
mod news;
mod own_answers;
mod peers;
mod place;
mod rooms;
mod shared;

pub(crate) use ear::Ear;
pub(crate) use hearing::{hear_answers, hear_orders};
pub(crate) use news::{Ask, Kind, News, Reply};
pub use peers::RedisPeers;
pub(crate) use place::Place;
pub(crate) use rooms::Rooms;
pub(crate) use shared::{Parts, Seen, Shared};
