//! The sockets the relay listens on.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use crate::config::Config;
use crate::container;

/// Listens on every address, or on none.
///
/// # Errors
/// The first address that cannot be had, and why.
pub(crate) fn listen(config: &Config) -> Result<Vec<TcpListener>, ListenError> {
    let is_default = is_default(config);
    let mut listeners = Vec::new();
    for &address in &config.listen {
        match listen_on(address, &config.listen) {
            Ok(listener) => listeners.push(listener),
            Err(error) if is_forgiven(is_default, address, &error) => {
                tracing::warn!(%address, "not listening: this machine has no IPv6");
            }
            Err(error) => return Err(ListenError { address, error }),
        }
    }
    if config.listen.iter().all(|address| address.ip().is_loopback()) && container::is_inside() {
        tracing::info!(
            "listening on loopback only, inside a container: nobody outside of it can connect; \
             FANFARE_LISTEN=0.0.0.0:3000 listens on all its addresses"
        );
    }
    Ok(listeners)
}

/// Listens where operators ask.
///
/// # Errors
/// The first address that cannot be had, and why.
pub(crate) fn listen_for_ops(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    let listener = |address| listen_on(address, addresses).map_err(|error| ListenError { address, error });
    addresses.iter().copied().map(listener).collect()
}

/// The ports on which only this machine reaches the relay.
pub(crate) fn loopback_ports(listeners: &[TcpListener]) -> Vec<u16> {
    let addresses: Vec<SocketAddr> = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let ports = |is_local: bool| {
        let some = addresses.iter().filter(move |address| address.ip().is_loopback() == is_local);
        some.map(SocketAddr::port)
    };
    ports(true).filter(|port| !ports(false).any(|open| open == *port)).collect()
}

/// Tries every address, without listening: who wants to connect meanwhile is refused as before.
pub(crate) fn attempt(config: &Config) -> impl Iterator<Item = Result<(), ListenError>> {
    let is_default = is_default(config);
    let all = config.listen.iter().map(|address| (*address, &config.listen));
    let all = all.chain(config.ops.listen.iter().map(|address| (*address, &config.ops.listen)));
    all.map(move |(address, all)| match bind(address, all) {
        Err(error) if !is_forgiven(is_default, address, &error) => Err(ListenError { address, error }),
        _ => Ok(()),
    })
}

/// An address that cannot be had.
#[derive(Debug)]
pub(crate) struct ListenError {
    address: SocketAddr,
    error: io::Error,
}

impl ListenError {
    /// Whether somebody else has it, and could give it back.
    pub(crate) fn is_taken(&self) -> bool {
        self.error.kind() == io::ErrorKind::AddrInUse
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, error } = self;
        match error.kind() {
            io::ErrorKind::AddrInUse => write!(f, "cannot listen on {address}: the port is taken by another program"),
            io::ErrorKind::AddrNotAvailable => {
                write!(f, "cannot listen on {address}: this machine has no such address")
            }
            _ => write!(f, "cannot listen on {address}: {error}"),
        }
    }
}

fn listen_on(address: SocketAddr, all: &[SocketAddr]) -> io::Result<TcpListener> {
    let socket = bind(address, all)?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn bind(address: SocketAddr, all: &[SocketAddr]) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // A restarted relay takes its port again at once, whatever the old connections still do.
    socket.set_reuse_address(true)?;
    // `[::]` takes IPv4 too, unless the same port of `0.0.0.0` is listened on by its own name.
    let ipv4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
    if address.is_ipv6() && all.contains(&ipv4) {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn is_default(config: &Config) -> bool {
    config.listen == Config::default().listen
}

/// Nobody asked for IPv6 by name, so a machine without it is no mistake.
fn is_forgiven(is_default: bool, address: SocketAddr, error: &io::Error) -> bool {
    // EAFNOSUPPORT has no kind of its own that is stable; the socket call is the only one that gives it here.
    const EAFNOSUPPORT: i32 = 97;
    let is_missing = error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT);
    is_default && address.is_ipv6() && is_missing
}

/// Connections that wait to be accepted: a crowd that reconnects after a restart. The kernel has its own limit.
const BACKLOG: i32 = 4096;
