//! A list that is nearly always empty or of one.

/// Some things, of which one alone takes no memory of its own: what a rule is for is everyone, one room, or one socket.
#[derive(Debug, Clone, Default)]
pub(crate) enum Few<T> {
    #[default]
    None,
    One(T),
    Many(Vec<T>),
}

impl<T> Few<T> {
    pub(crate) fn push(&mut self, new: T) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(new),
            Self::One(first) => Self::Many(vec![first, new]),
            Self::Many(mut all) => {
                all.push(new);
                Self::Many(all)
            }
        };
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Self::None => &[],
            Self::One(only) => std::slice::from_ref(only),
            Self::Many(all) => all,
        }
    }
}

impl<T: PartialEq> PartialEq for Few<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Eq> Eq for Few<T> {}
