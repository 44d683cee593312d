//! An event comes in: the policy says what it means, and here that is carried out.
//!
//! In reading order: [`common`], [`namespace`] (who is let in), [`member`] (what a client that is in does), [`carry_out`] (what the policy
//! decided), [`standing`] with its [`lifetime`] and [`renewal`] (a token is renewed, or ends), [`answer`] (what a client is told), [`counts`].

mod answer;
mod carry_out;
mod common;
mod counts;
mod lifetime;
mod member;
mod namespace;
mod renewal;
mod standing;

pub(crate) use common::{Common, Relaying};
pub(crate) use counts::Counts;
