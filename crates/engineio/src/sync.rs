//! The lock that [`Link`](crate::Link) is made of: the standard one, or one whose threads a model checker schedules.

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard};
