#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod names;
mod rules;

mod decide;
mod policy;

pub use decide::{Code, Decision, Deliver, Onward, Recipients, Refusal, Sender};
pub use names::{EventName, RoomName, parse_namespace};
pub use policy::Policy;
pub use rules::{On, Relay, Rule, Rules, Scope};
