//! A relay as a node among Socket.IO servers, over Redis: what an operator says of it, how it is joined at the start and left
//! at the end, and what of it stands in the log. The rest is the crate `cluster`.

mod config;
mod joining;
mod told;

pub(crate) use config::{ClusterConfig, Fleet, Password, RedisAddress};
pub(crate) use joining::{failed, join};
