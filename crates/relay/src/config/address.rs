//! Where the relay listens, as it is written.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::written::{Written, Wrong};

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    /// `127.0.0.1:3000`
    Tcp(SocketAddr),
    /// `unix:/run/fanfare/relay.sock`
    Unix(PathBuf),
    /// `systemd:0`: the first of the sockets that the process was started with.
    Systemd(usize),
}

impl Address {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(path) = text.strip_prefix("unix:") {
            let is_path = path.starts_with('/') && !path.ends_with('/') && !path.contains('\0');
            return if is_path && path.len() <= PATH_BYTES_MAX { Ok(Self::Unix(path.into())) } else { Err(UNIX) };
        }
        if let Some(number) = text.strip_prefix("systemd:") {
            let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
            return number.parse().ok().filter(|number| is_number && *number < 100).map(Self::Systemd).ok_or(SYSTEMD);
        }
        text.parse().map(Self::Tcp).map_err(|_| EXPECTED)
    }

    /// Whether only this machine reaches it.
    pub(crate) fn is_loopback(&self) -> bool {
        matches!(self, Self::Tcp(address) if address.ip().is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd(number) => write!(f, "systemd:{number}"),
        }
    }
}

/// Reads a list of them, each once.
pub(crate) fn read(written: Written<'_>) -> Result<Vec<Address>, Wrong> {
    let mut addresses: Vec<Address> = Vec::new();
    for element in written.elements(EXPECTED)? {
        let address = Address::parse(element.text(EXPECTED)?).map_err(|expected| element.wrong(expected))?;
        // Port 0 is another port each time.
        let is_another = matches!(&address, Address::Tcp(address) if address.port() == 0);
        if addresses.contains(&address) && !is_another {
            return Err(element.wrong("each only once"));
        }
        addresses.push(address);
    }
    if addresses.is_empty() { Err(written.wrong("at least one address")) } else { Ok(addresses) }
}

/// Reads those of the API: none, or some that the process itself listens on.
pub(crate) fn read_for_api(written: Written<'_>) -> Result<Vec<Address>, Wrong> {
    let expected = "an IP address and a port, such as 127.0.0.1:3001, or unix:/a/path";
    if written.elements(expected)?.is_empty() {
        return Ok(Vec::new());
    }
    let addresses = read(written)?;
    let is_handed = addresses.iter().any(|address| matches!(address, Address::Systemd(_)));
    if is_handed { Err(written.wrong(expected)) } else { Ok(addresses) }
}

/// What is wrong with them beside each other.
pub(crate) fn clash(listen: &[Address]) -> Option<String> {
    let tcp = |address: &Address| match address {
        Address::Tcp(address) => Some(*address),
        _ => None,
    };
    let listen: Vec<SocketAddr> = listen.iter().filter_map(tcp).collect();
    listen.iter().enumerate().find_map(|(index, address)| {
        if let Some(whole) = listen.iter().find(|whole| covers(whole, address, &listen)) {
            return Some(format!("expected addresses of which none has another in it: {address} is a part of {whole}"));
        }
        // The same address in two ways of writing it.
        let same = |other: &&SocketAddr| other.port() != 0 && canonical(other) == canonical(address);
        let other = listen[..index].iter().find(same)?;
        Some(format!("expected each address once: {address} is the same as {other}"))
    })
}

/// Whether who listens on `whole` listens on `part` too, so that nobody else can, not even ourselves.
fn covers(whole: &SocketAddr, part: &SocketAddr, all: &[SocketAddr]) -> bool {
    if whole == part || whole.port() != part.port() || whole.port() == 0 || !whole.ip().is_unspecified() {
        return false;
    }
    // `[::]` leaves IPv4 to `0.0.0.0` where that is listened on as well.
    let takes_ipv4 = whole.is_ipv4() || !all.contains(&(Ipv4Addr::UNSPECIFIED, whole.port()).into());
    if canonical(part).is_ipv4() { takes_ipv4 } else { whole.is_ipv6() }
}

/// An IPv4 address that is written as an IPv6 one is that IPv4 address.
fn canonical(address: &SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

const EXPECTED: &str = "an IP address and a port, such as 127.0.0.1:3000 or [::]:3000, or unix:/a/path, or systemd:0";
const UNIX: &str = "unix: and the whole path of a socket, from `/` on, of at most 107 bytes";
const SYSTEMD: &str = "systemd: and the number of a socket, from 0 on";

/// What the system has room for (`sun_path`), with the byte behind it.
const PATH_BYTES_MAX: usize = 107;
