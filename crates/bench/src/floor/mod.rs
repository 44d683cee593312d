//! The floor: what the kernel charges for a relay.
//!
//! One thread, one epoll, no task, no lock, no HTTP library. [`relay`] accepts WebSockets, takes the mask off each event
//! and writes it, framed once, to every client; [`polling`] answers each poll with the events there are, in an answer
//! made once. They check nothing, and bound nothing that a well-behaved load needs unbounded. A relay cannot be cheaper
//! than this on the same kernel with the same system calls; how near it comes is the measure. [`subscriber`] is another
//! floor: what the `redis` crate takes, which the relay has too.

mod client;
mod listen;
mod polling;
mod relay;
mod subscriber;

pub(crate) use polling::run as run_polling;
pub(crate) use relay::run;
pub(crate) use subscriber::run as run_subscriber;
