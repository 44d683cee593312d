//! The proxies whose word counts.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Proxies in front of the server, by address. What others say of where a request came from is not believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    blocks: Vec<AddressBlock>,
    has_unix: bool,
}

impl TrustedProxies {
    /// Whether the connection from `address` is one of theirs.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.blocks.iter().any(|block| block.contains(address))
    }

    /// Whether a connection from `peer`, or without an address, as from a Unix socket, is one of theirs.
    pub fn contain_peer(&self, peer: Option<IpAddr>) -> bool {
        peer.map_or(self.has_unix, |address| self.contain(address))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = TrustedProxy> {
        let blocks = self.blocks.iter().copied().map(TrustedProxy::Block);
        blocks.chain(self.has_unix.then_some(TrustedProxy::Unix))
    }

    /// Whether it is nobody.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty() && !self.has_unix
    }
}

impl FromIterator<TrustedProxy> for TrustedProxies {
    fn from_iter<T: IntoIterator<Item = TrustedProxy>>(proxies: T) -> Self {
        let mut all = Self::default();
        for proxy in proxies {
            match proxy {
                TrustedProxy::Block(block) => all.blocks.push(block),
                TrustedProxy::Unix => all.has_unix = true,
            }
        }
        all
    }
}

/// Some proxies: `10.0.0.0/8`, `192.0.2.1`, `unix`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TrustedProxy {
    /// By their addresses.
    Block(AddressBlock),
    /// Whoever connects without an address: to a Unix socket of ours, or by a server that does not say
    /// ([`PeerAddr`](crate::PeerAddr)).
    Unix,
}

impl fmt::Display for TrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block(block) => block.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

impl FromStr for TrustedProxy {
    type Err = InvalidAddressBlock;

    fn from_str(text: &str) -> Result<Self, InvalidAddressBlock> {
        if text == "unix" { Ok(Self::Unix) } else { text.parse().map(Self::Block) }
    }
}

/// An address, or all that begin alike (RFC 4632): `10.0.0.0/8`, `fd00::/8`, `192.0.2.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressBlock {
    /// With all other bits zero. An IPv4 address that is written as IPv6 is one of IPv4.
    network: IpAddr,
    prefix_len: u8,
}

impl AddressBlock {
    /// Whether it has this address.
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address.to_canonical(), self.prefix_len) == Some(self.network)
            && address.to_canonical().is_ipv4() == self.network.is_ipv4()
    }
}

impl FromStr for AddressBlock {
    type Err = InvalidAddressBlock;

    /// Takes bits beyond the prefix for what they are, a mistake: `10.1.0.0/8` may mean `/16`.
    fn from_str(text: &str) -> Result<Self, InvalidAddressBlock> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidAddressBlock)?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let prefix_len = match len {
            Some(len) if len.bytes().all(|byte| byte.is_ascii_digit()) => {
                len.parse().map_err(|_| InvalidAddressBlock)?
            }
            Some(_) => return Err(InvalidAddressBlock),
            None => whole,
        };
        match masked(address, prefix_len) {
            Some(network) if network == address => Ok(Self { network, prefix_len }),
            _ => Err(InvalidAddressBlock),
        }
    }
}

impl fmt::Display for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix_len)
    }
}

/// A text is no [`AddressBlock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidAddressBlock;

impl fmt::Display for InvalidAddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address or a block of them, such as 192.0.2.1 or 10.0.0.0/8, with nothing behind its prefix")
    }
}

impl std::error::Error for InvalidAddressBlock {}

/// The address with all but its first bits zero; `None` if it has not so many.
fn masked(address: IpAddr, prefix_len: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let spare = 32_u32.checked_sub(prefix_len.into())?;
            Some(Ipv4Addr::from_bits(u32::MAX.checked_shl(spare).unwrap_or(0) & address.to_bits()).into())
        }
        IpAddr::V6(address) => {
            let spare = 128_u32.checked_sub(prefix_len.into())?;
            Some(Ipv6Addr::from_bits(u128::MAX.checked_shl(spare).unwrap_or(0) & address.to_bits()).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_what_begins_alike() {
        for (block, address, is_in) in [
            ("10.0.0.0/8", "10.255.1.2", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "203.0.113.9", false),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe00::1", false),
            // As a socket that listens on `[::]` names a client of IPv4.
            ("127.0.0.0/8", "::ffff:127.0.0.1", true),
        ] {
            let proxies: TrustedProxies = [block.parse().unwrap()].into_iter().collect();
            assert_eq!(proxies.contain(address.parse().unwrap()), is_in, "{address} in {block}");
            assert_eq!(proxies.contain_peer(Some(address.parse().unwrap())), is_in);
            assert!(!proxies.contain_peer(None));
        }
        let unix: TrustedProxies = ["unix".parse().unwrap()].into_iter().collect();
        assert!(unix.contain_peer(None) && !unix.contain_peer(Some("127.0.0.1".parse().unwrap())));
        assert!(!unix.is_empty() && TrustedProxies::default().is_empty());
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in [
            "",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0/8",
            "example.com",
            "fd00::1/8",
        ] {
            assert_eq!(text.parse::<AddressBlock>(), Err(InvalidAddressBlock), "{text}");
        }
    }
}
