//! How much of a cluster answered.

/// How many nodes were asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Nodes {
    /// Those that answered, without this one.
    pub answered: usize,
    /// Those that are known of and did not. Then the answer is not all of it.
    pub missing: usize,
}

impl Nodes {
    /// So many answered, and so many did not.
    pub const fn new(answered: usize, missing: usize) -> Self {
        Self { answered, missing }
    }
}
