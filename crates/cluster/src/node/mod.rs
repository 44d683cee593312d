//! What the node's callers, its ears and its supervisor share.

mod ahead;
mod answers;
mod counters;
mod counting;
mod ear;
mod handshake;
mod hearing;
mod incoming;
mod joins;
mod news;
mod own_answers;
mod peers;
mod place;
mod programs;
mod replies;
mod rooms;
mod seldom;
mod shared;

pub(crate) use ear::Ear;
pub(crate) use hearing::{hear_answers, hear_orders, hear_questions};
pub(crate) use news::{Ask, Kind, News, Queue, Reply};
pub use peers::RedisPeers;
pub(crate) use place::Place;
pub(crate) use rooms::Rooms;
pub(crate) use shared::{Parts, Seen, Shared};
