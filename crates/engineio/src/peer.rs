//! Who is at the other end of a request's connection, and who says so.

use std::any::{TypeId, type_name};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;

use http::Extensions;

/// A request extension that names the other end of the request's connection: the client, or the last proxy before us. The
/// engine's own listener sets it; so does a program that mounts the engine in its own server, unless [`PeerSource`] says
/// where else it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// A request extension: the connection's other end has no address, as with a Unix socket or a pipe. It is not forgotten.
///
/// The engine's own listener sets it for requests that could open a session; no other needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPeerAddr;

/// Where the engine reads a request's [`PeerAddr`].
///
/// Limits for each address, the log and the trust in proxies all rest on it, and nothing else would show that nobody said it.
/// So a handshake without one, that says of no [`NoPeerAddr`] either, is answered 500, and the log tells why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PeerSource {
    /// In [`PeerAddr`], or nowhere by [`NoPeerAddr`].
    #[default]
    PeerAddr,
    /// There, or where another library puts it: see [`PeerSource::extension`].
    Extension(AddressType),
    /// There, and if it is not, nobody is asked for it: all clients whose address is not known are one to whoever counts
    /// them, and as trusted as a Unix socket's.
    Anywhere,
}

impl PeerSource {
    /// In an extension that is a pointer to it, such as axum's `ConnectInfo<SocketAddr>`; and where there is none, as with
    /// [`PeerSource::PeerAddr`].
    pub fn extension<T: Deref<Target = SocketAddr> + Send + Sync + 'static>() -> Self {
        Self::Extension(AddressType { id: TypeId::of::<T>(), name: type_name::<T>(), read: read::<T> })
    }

    /// Whoever it is that a request's extensions name.
    pub(crate) fn peer(self, extensions: &Extensions) -> Peer {
        if let Some(PeerAddr(address)) = extensions.get() {
            return Peer::At(*address);
        }
        let elsewhere = match self {
            Self::Extension(kind) => (kind.read)(extensions),
            Self::PeerAddr | Self::Anywhere => None,
        };
        match elsewhere {
            Some(address) => Peer::At(address),
            None if self == Self::Anywhere || extensions.get::<NoPeerAddr>().is_some() => Peer::Nowhere,
            None => Peer::Forgotten,
        }
    }
}

/// A type of extension that points to an address. Made by [`PeerSource::extension`].
#[derive(Clone, Copy)]
pub struct AddressType {
    id: TypeId,
    name: &'static str,
    read: fn(&Extensions) -> Option<SocketAddr>,
}

impl PartialEq for AddressType {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for AddressType {}

impl fmt::Debug for AddressType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

fn read<T: Deref<Target = SocketAddr> + Send + Sync + 'static>(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<T>().map(|address| **address)
}

/// The other end of a request's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    At(SocketAddr),
    /// It has no address.
    Nowhere,
    /// Nobody said.
    Forgotten,
}

impl Peer {
    pub(crate) fn address(self) -> Option<SocketAddr> {
        match self {
            Self::At(address) => Some(address),
            Self::Nowhere | Self::Forgotten => None,
        }
    }

    pub(crate) fn ip(self) -> Option<IpAddr> {
        self.address().map(|address| address.ip())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a framework has it.
    #[derive(Clone)]
    struct Info(SocketAddr);

    impl Deref for Info {
        type Target = SocketAddr;

        fn deref(&self) -> &SocketAddr {
            &self.0
        }
    }

    #[test]
    fn a_peer_is_at_an_address_or_nowhere_or_forgotten() {
        let (one, other): (SocketAddr, SocketAddr) = (([1, 1, 1, 1], 1).into(), ([2, 2, 2, 2], 2).into());
        let by_info = PeerSource::extension::<Info>();
        let mut extensions = Extensions::new();
        let peers = |extensions: &Extensions| {
            [PeerSource::default(), by_info, PeerSource::Anywhere].map(|source| source.peer(extensions))
        };
        assert_eq!(peers(&extensions), [Peer::Forgotten, Peer::Forgotten, Peer::Nowhere]);
        extensions.insert(NoPeerAddr);
        assert_eq!(peers(&extensions), [Peer::Nowhere; 3]);
        extensions.insert(Info(one));
        assert_eq!(peers(&extensions), [Peer::Nowhere, Peer::At(one), Peer::Nowhere]);
        // Said by the program itself.
        extensions.insert(PeerAddr(other));
        assert_eq!(peers(&extensions), [Peer::At(other); 3]);
    }

    #[test]
    fn a_source_is_its_type() {
        assert_eq!(PeerSource::extension::<Info>(), PeerSource::extension::<Info>());
        assert_ne!(PeerSource::extension::<Info>(), PeerSource::extension::<Box<SocketAddr>>());
        let debug = format!("{:?}", PeerSource::extension::<Info>());
        assert!(debug.starts_with("Extension(") && debug.ends_with("Info)"), "{debug}");
    }
}
