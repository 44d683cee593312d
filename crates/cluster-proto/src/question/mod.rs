//! Questions to the fleet, and broadcasts that others want acknowledged.
//!
//! [`Questions`] are ours, [`Answering`] is theirs. Neither knows what an answer says.

mod answering;
mod asked;
mod config;
mod questions;

pub use answering::{Answering, AnsweringConfig, Broadcast, Busy};
pub use asked::{Answer, Awaits, Ended, Missing};
pub use config::QuestionsConfig;
pub use questions::{Question, Questions, Step, TooMany, Verdict};
