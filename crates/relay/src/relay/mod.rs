//! An event comes in: the policy says what it means, and here that is carried out.
//!
//! In reading order: [`live`] (what holds now), [`namespace`] (who is let in), [`member`] (what a client that is in does), [`carry_out`] (what the policy
//! decided), [`watched`] (a client that administrators are told of), [`succession`] (other rules hold), [`standing`] with its [`lifetime`] and [`renewal`] (a token is renewed, or ends), [`answer`] (what a client is told), [`counts`].

mod answer;
mod carry_out;
mod counting;
mod counts;
mod lifetime;
mod live;
mod member;
mod namespace;
mod renewal;
mod standing;
mod succession;
mod watched;

pub(crate) use counts::Counts;
pub(crate) use live::{Common, Generation, Live};
pub(crate) use namespace::Entrance;

#[cfg(test)]
mod tests;
