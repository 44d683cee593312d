#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod claims;
mod limits;
mod names;
mod rules;
mod token;

mod decide;
mod policy;

pub use claims::{Claims, InvalidClaims};
pub use decide::{Code, Decision, Deliver, Onward, Recipients, Refusal, Sender};
pub use limits::{Over, Rate};
pub use names::{EventName, RoomName, parse_namespace};
pub use policy::Policy;
pub use rules::{On, Relay, Rule, Rules, Scope};
pub use token::{Algorithm, Token, TokenFault, TokenRules, Vouched};
