//! From a request to a session: what it asks for, polls and posts, and why one is refused.

pub(crate) mod polling;
pub(crate) mod posting;
pub(crate) mod refusals;
pub(crate) mod route;
