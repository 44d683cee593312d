//! The servers that are measured, each in a process of its own.

mod access;
mod kind;
mod process;
mod usage;

pub(crate) use access::{Access, Algorithm};
pub(crate) use kind::{Kind, Options, Places, Rules};
pub(crate) use process::Server;
pub(crate) use usage::{Cpu, Memory, ThreadWatch};
