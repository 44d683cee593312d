//! An event comes in: the policy says what it means, and here that is carried out.
//!
//! In reading order: [`namespace`] (who is let in), [`member`] (what a client that is in does), [`carry_out`] (what the policy
//! decided), [`renewal`] and [`lifetime`] (a token is renewed, or ends), [`answer`] (what a client is told), [`counts`].

mod answer;
mod carry_out;
mod counts;
mod lifetime;
mod member;
mod namespace;
mod renewal;

pub(crate) use counts::Counts;
pub(crate) use namespace::{Common, Relaying};
