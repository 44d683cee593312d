#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod wire;

pub mod connection;
pub mod outgoing;
pub mod peers;
pub mod question;
