//! The sockets the relay listens on.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use crate::config::Config;

/// Listens on every address, or on none.
///
/// # Errors
/// The first address that cannot be had, and why.
pub(crate) fn listen(config: &Config) -> Result<Vec<TcpListener>, String> {
    let is_default = config.listen == Config::default().listen;
    let mut listeners = Vec::new();
    for &address in &config.listen {
        match bind(address, &config.listen) {
            Ok(listener) => listeners.push(listener),
            // Nobody asked for IPv6 by name, so a machine without it is no mistake.
            Err(error) if is_default && address.is_ipv6() && is_missing(&error) => {
                tracing::warn!(%address, "not listening: this machine has no IPv6");
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(format!("cannot listen on {address}: the port is taken by another program"));
            }
            Err(error) => return Err(format!("cannot listen on {address}: {error}")),
        }
    }
    Ok(listeners)
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

fn bind(address: SocketAddr, all: &[SocketAddr]) -> io::Result<TcpListener> {
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
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn is_missing(error: &io::Error) -> bool {
    // EAFNOSUPPORT has no kind of its own that is stable; the socket call is the only one that gives it here.
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

/// Connections that wait to be accepted: a crowd that reconnects after a restart. The kernel has its own limit.
const BACKLOG: i32 = 4096;
