//! What is asked of the lanes, and on whose account.

use std::ops::Deref;

use super::allowance::Charge;

/// Something a lane is to do, and what of a session's [`Allowance`](crate::Allowance) it takes until it is done.
#[derive(Debug)]
pub struct Charged<T> {
    what: T,
    charge: Option<Charge>,
}

impl<T> Charged<T> {
    pub(crate) fn new(what: T, charge: Option<Charge>) -> Self {
        Self { what, charge }
    }

    pub(crate) fn charge(&self) -> Option<&Charge> {
        self.charge.as_ref()
    }

    /// The thing, and what is to be kept until it is done.
    pub(crate) fn into_parts(self) -> (T, Option<Charge>) {
        (self.what, self.charge)
    }
}

/// On nobody's account: the program's own.
impl<T> From<T> for Charged<T> {
    fn from(what: T) -> Self {
        Self::new(what, None)
    }
}

impl<T> Deref for Charged<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.what
    }
}
