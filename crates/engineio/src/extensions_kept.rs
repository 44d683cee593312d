//! What a session keeps of what others said about its opening request.

use std::any::{TypeId, type_name};
use std::fmt;

use http::Extensions;
use hyper::upgrade::OnUpgrade;

use crate::peer::{NoPeerAddr, PeerAddr};

/// Extensions of the opening request that outlive it: what middleware found out, such as the user.
///
/// They are kept as they are, not copied. What a framework itself puts there (axum: the original URI) may hold the server's
/// read buffer, 8 KiB or more for each session; [`ExtensionsKept::only`] keeps what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtensionsKept {
    /// All of them, but what the engine itself uses.
    All,
    /// Those of these types.
    Only(Vec<ExtensionType>),
    /// None.
    None,
}

impl ExtensionsKept {
    /// Those of one type. See [`and`](Self::and) for more.
    pub fn only<T: Clone + Send + Sync + 'static>() -> Self {
        Self::Only(vec![ExtensionType::of::<T>()])
    }

    /// Those of one more type; that changes nothing if they are all kept.
    #[must_use]
    pub fn and<T: Clone + Send + Sync + 'static>(self) -> Self {
        match self {
            Self::All => Self::All,
            Self::Only(mut types) => {
                types.push(ExtensionType::of::<T>());
                Self::Only(types)
            }
            Self::None => Self::only::<T>(),
        }
    }

    pub(crate) fn pick(&self, mut extensions: Extensions) -> Extensions {
        match self {
            Self::All => {
                extensions.remove::<PeerAddr>();
                extensions.remove::<NoPeerAddr>();
                extensions.remove::<OnUpgrade>();
                // An empty map has its memory still.
                if extensions.is_empty() { Extensions::new() } else { extensions }
            }
            Self::Only(types) => {
                let mut picked = Extensions::new();
                for kind in types {
                    (kind.pick)(&mut extensions, &mut picked);
                }
                picked
            }
            Self::None => Extensions::new(),
        }
    }
}

/// A type of extension. Made by [`ExtensionsKept::only`].
#[derive(Clone, Copy)]
pub struct ExtensionType {
    id: TypeId,
    name: &'static str,
    pick: fn(&mut Extensions, &mut Extensions),
}

impl ExtensionType {
    fn of<T: Clone + Send + Sync + 'static>() -> Self {
        Self { id: TypeId::of::<T>(), name: type_name::<T>(), pick: pick::<T> }
    }
}

fn pick<T: Clone + Send + Sync + 'static>(from: &mut Extensions, into: &mut Extensions) {
    if let Some(value) = from.remove::<T>() {
        into.insert(value);
    }
}

impl PartialEq for ExtensionType {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for ExtensionType {}

impl fmt::Debug for ExtensionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_asked_for_and_never_the_engine_s_own() {
        let kept = |kept: &ExtensionsKept| {
            let mut extensions = Extensions::new();
            extensions.insert(PeerAddr(([1, 1, 1, 1], 1).into()));
            extensions.insert(NoPeerAddr);
            extensions.insert("user");
            extensions.insert(7_u8);
            extensions.insert('x');
            let picked = kept.pick(extensions);
            let has = (picked.get() == Some(&"user"), picked.get() == Some(&7_u8), picked.get() == Some(&'x'));
            (has, picked.len())
        };
        assert_eq!(kept(&ExtensionsKept::All), ((true, true, true), 3));
        assert_eq!(kept(&ExtensionsKept::All.and::<u8>()), ((true, true, true), 3));
        assert_eq!(kept(&ExtensionsKept::only::<&str>()), ((true, false, false), 1));
        assert_eq!(kept(&ExtensionsKept::None.and::<&str>().and::<u8>()), ((true, true, false), 2));
        assert_eq!(kept(&ExtensionsKept::None), ((false, false, false), 0));
    }
}
