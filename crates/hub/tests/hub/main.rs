//! The hub from outside: through its mailboxes and lanes, with recipients that remember.

mod acks;
mod allowances;
mod client;
mod crowds;
mod flow;
mod joined;
mod lanes;
mod model;
mod moves;
mod receipts;
mod support;
mod turns;
