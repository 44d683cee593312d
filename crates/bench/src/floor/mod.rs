//! The floor: what the kernel charges for a relay.
//!
//! One thread, one epoll, no task, no lock, no HTTP library: it accepts WebSockets, takes the mask off each event and
//! writes it, framed once, to every client. It checks nothing, bounds nothing that a well-behaved load needs
//! unbounded, and speaks no polling. A relay cannot be cheaper than this on the same kernel with the same system
//! calls; how near it comes is the measure.

mod client;
mod relay;

pub(crate) use relay::run;
