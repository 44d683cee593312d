//! The servers that are measured, each in a process of its own.

mod access;
mod kind;
mod process;
mod redis;
mod usage;

pub(crate) use access::{API_KEY, Access, Algorithm};
pub(crate) use kind::{Kind, Options, Places, Rules};
pub(crate) use process::Server;
pub(crate) use redis::Redis;
pub(crate) use usage::{Cpu, Memory, ThreadWatch};
