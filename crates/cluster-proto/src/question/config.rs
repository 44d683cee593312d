//! The questions' times and bounds.

use std::time::Duration;

/// Times and bounds of [`Questions`](super::Questions).
#[derive(Debug, Clone)]
pub struct QuestionsConfig {
    /// How many may be under way. Each is a message to every node of the fleet.
    pub questions_max: usize,
    /// How many answers one may have.
    pub answers_max: usize,
    /// How large the answers to one may be together, in bytes.
    pub answers_bytes_max: usize,
    /// How large the answers to all may be together, in bytes.
    pub bytes_max: usize,
    /// After how long the nodes are counted again while answers are missing. Who was killed is counted no more.
    pub recount_interval: Duration,
}

impl Default for QuestionsConfig {
    fn default() -> Self {
        Self {
            questions_max: 1024,
            answers_max: 100_000,
            answers_bytes_max: 16 << 20,
            bytes_max: 64 << 20,
            recount_interval: Duration::from_secs(1),
        }
    }
}
