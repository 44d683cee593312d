#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod names;
mod values;

// What rules are made of.
mod condition;
mod limits;
mod rooms;
mod shape;

mod rules;
mod token;

// One client, and what becomes of what it does.
mod participant;
mod refusal;

mod decide;
mod membership;
mod succession;

mod policy;

pub use condition::Condition;
pub use decide::{Decision, Deliver, Onward, Recipients};
pub use limits::{
    AddressLimits, AddressRefusal, Addresses, ClientLimits, Complaint, Complaints, Over, Place, Rate, network,
};
pub use membership::Moves;
pub use names::{EventName, parse_namespace};
pub use participant::Participant;
pub use policy::Policy;
pub use refusal::{Code, Refusal};
pub use rooms::{Pattern, Template};
pub use rules::{Auth, Count, On, Relay, Rule, Rules, Scope};
pub use shape::{Schema, Shape};
pub use token::{Token, TokenFault, TokenRules, Vouched};
pub use values::{Claims, InvalidClaims, Keys, Path, Query};
