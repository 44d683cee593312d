//! Questions to the fleet. What an answer says is not known here.

mod asked;
mod config;
mod questions;

pub use asked::{Answer, Awaits, Ended, Missing};
pub use config::QuestionsConfig;
pub use questions::{Question, Questions, Step, TooMany, Verdict};
