//! The node's link to Redis: one connection that hears, one that speaks.
//!
//! [`Link`] decides and a driver does: it takes [`Action`]s out, and tells what came of them.

mod action;
mod backoff;
mod config;
mod link;
mod role;
mod side;
mod subscription;
mod wanted;
mod why;

pub use action::{Action, Command, Connection, Notice, Reply};
pub use config::{AtStart, LinkConfig};
pub use link::{Link, Phase};
pub use role::Role;
pub use subscription::{Subscription, SubscriptionKind, Wish};
pub use why::Why;
