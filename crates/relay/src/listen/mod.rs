//! The sockets the relay listens on.

mod systemd;
mod unix;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use socket2::{Domain, Socket, Type};
use socketio::engineio::Listener;
use tokio::net::{TcpListener, UnixListener};

use crate::config::{Address, Config};
use crate::container;
use crate::tls::Certificates;

pub(crate) use unix::SocketFile;

/// A socket that is listened on.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) listener: Listener,
    /// As it is printed: `http://127.0.0.1:3000`, `https://…`, `unix:/…`.
    pub(crate) url: String,
    /// The port on which only this machine reaches it, and by any name that somebody gave it.
    loopback_port: Option<u16>,
    /// All ports that are not so.
    open_port: Option<u16>,
    /// To be kept for as long as clients are to find it.
    file: Option<SocketFile>,
}

/// Listens on every address, or on none. What connects by TCP has to speak TLS if there are certificates.
///
/// # Errors
/// The first address that cannot be had, and why.
pub(crate) fn listen(config: &Config, certificates: Option<&Arc<Certificates>>) -> Result<Vec<Listening>, ListenError> {
    let is_default = is_default(config);
    let mut handed = systemd::Handed::new();
    let mut all = Vec::new();
    for address in &config.listen {
        match take(address, config, certificates, &mut handed) {
            Ok(listening) => all.push(listening),
            Err(error) if is_forgiven(is_default, address, &error) => {
                tracing::warn!(%address, "not listening: this machine has no IPv6");
            }
            Err(error) => return Err(ListenError { address: address.clone(), error }),
        }
    }
    if config.listen.iter().all(Address::is_loopback) && container::is_inside() {
        tracing::info!(
            "listening on loopback only, inside a container: nobody outside of it can connect; \
             FANFARE_LISTEN=0.0.0.0:3000 listens on all its addresses"
        );
    }
    Ok(all)
}

/// Listens where operators ask: by plain HTTP.
///
/// # Errors
/// The first address that cannot be had, and why.
pub(crate) fn listen_for_ops(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    let all: Vec<Address> = addresses.iter().copied().map(Address::Tcp).collect();
    let listener = |address: &SocketAddr| {
        let listened = bind(*address, &all).and_then(|socket| {
            socket.listen(BACKLOG)?;
            TcpListener::from_std(socket.into())
        });
        listened.map_err(|error| ListenError { address: Address::Tcp(*address), error })
    };
    addresses.iter().map(listener).collect()
}

/// Listens where the HTTP API answers, but for where operators do too.
///
/// # Errors
/// The first address that cannot be had, and why.
pub(crate) fn listen_for_api(
    config: &Config,
    certificates: Option<&Arc<Certificates>>,
) -> Result<Vec<Listening>, ListenError> {
    let all = &config.api.listen;
    let own = all.iter().filter(|address| !config.api.is_beside_ops(address, &config.ops));
    let listening = |address: &Address| {
        let listening = open(address, all, certificates, &mut systemd::Handed::none());
        listening.map_err(|error| ListenError { address: address.clone(), error })
    };
    own.map(listening).collect()
}

/// The ports on which only this machine reaches the relay.
pub(crate) fn loopback_ports(all: &[Listening]) -> Vec<u16> {
    let is_open = |port: &u16| all.iter().any(|listening| listening.open_port == Some(*port));
    all.iter().filter_map(|listening| listening.loopback_port).filter(|port| !is_open(port)).collect()
}

impl Listening {
    /// The file of its socket, which is removed when this is dropped.
    pub(crate) fn take_file(&mut self) -> Option<SocketFile> {
        self.file.take()
    }
}

/// Tries every address, without listening: who wants to connect meanwhile is refused as before. What the process was started
/// with is not looked at: it is somebody else who will be started with it.
pub(crate) fn attempt(config: &Config) -> impl Iterator<Item = Result<(), ListenError>> {
    let is_default = is_default(config);
    let for_ops = config.ops.listen.iter().copied().map(Address::Tcp);
    let for_api = config.api.listen.iter().filter(|address| !config.api.is_beside_ops(address, &config.ops));
    config.listen.iter().cloned().chain(for_ops).chain(for_api.cloned()).map(move |address| {
        let tried = match &address {
            Address::Tcp(tcp) => bind(*tcp, &config.listen).map(drop),
            Address::Unix(path) => unix::attempt(path),
            Address::Systemd(_) => Ok(()),
        };
        match tried {
            Err(error) if !is_forgiven(is_default, &address, &error) => Err(ListenError { address, error }),
            _ => Ok(()),
        }
    })
}

/// An address that cannot be had.
#[derive(Debug)]
pub(crate) struct ListenError {
    address: Address,
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
        let what = if matches!(address, Address::Tcp(_)) { "port" } else { "path" };
        match error.kind() {
            io::ErrorKind::AddrInUse => write!(f, "cannot listen on {address}: the {what} is taken by another program"),
            io::ErrorKind::AddrNotAvailable => {
                write!(f, "cannot listen on {address}: this machine has no such address")
            }
            io::ErrorKind::NotFound => write!(f, "cannot listen on {address}: there is no such folder"),
            _ => write!(f, "cannot listen on {address}: {error}"),
        }
    }
}

fn take(
    address: &Address,
    config: &Config,
    certificates: Option<&Arc<Certificates>>,
    handed: &mut systemd::Handed,
) -> io::Result<Listening> {
    let listening = open(address, &config.listen, certificates, handed)?;
    if config.proxies.is_empty() {
        return Ok(listening);
    }
    Ok(Listening { listener: listening.listener.with_proxies(config.proxies.clone()), ..listening })
}

fn open(
    address: &Address,
    all: &[Address],
    certificates: Option<&Arc<Certificates>>,
    handed: &mut systemd::Handed,
) -> io::Result<Listening> {
    Ok(match address {
        Address::Tcp(address) => {
            let socket = bind(*address, all)?;
            socket.listen(BACKLOG)?;
            tcp(TcpListener::from_std(socket.into())?, certificates)?
        }
        Address::Unix(path) => {
            let (socket, file) = unix::bind(path)?;
            socket.listen(BACKLOG)?;
            Listening { file: Some(file), ..at_path(UnixListener::from_std(socket.into())?)? }
        }
        Address::Systemd(number) => match handed.take(*number)? {
            systemd::Socket::Tcp(listener) => tcp(TcpListener::from_std(listener)?, certificates)?,
            systemd::Socket::Unix(listener) => at_path(UnixListener::from_std(listener)?)?,
        },
    })
}

fn tcp(listener: TcpListener, certificates: Option<&Arc<Certificates>>) -> io::Result<Listening> {
    let address = listener.local_addr()?;
    // Whoever lets a name mean this machine has no certificate of ours for it.
    let is_local = address.ip().is_loopback() && certificates.is_none();
    let (scheme, listener) = match certificates {
        None => ("http", listener.into()),
        Some(certificates) => ("https", Listener::from(listener).with_layer(certificates.layer())),
    };
    Ok(Listening {
        listener,
        url: format!("{scheme}://{address}"),
        loopback_port: is_local.then_some(address.port()),
        open_port: (!is_local).then_some(address.port()),
        file: None,
    })
}

fn at_path(listener: UnixListener) -> io::Result<Listening> {
    let address = listener.local_addr()?;
    let path = address.as_pathname().map_or_else(|| "(no path)".into(), |path| path.display().to_string());
    let url = format!("unix:{path}");
    Ok(Listening { listener: listener.into(), url, loopback_port: None, open_port: None, file: None })
}

fn bind(address: SocketAddr, all: &[Address]) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // A restarted relay takes its port again at once, whatever the old connections still do.
    socket.set_reuse_address(true)?;
    // `[::]` takes IPv4 too, unless the same port of `0.0.0.0` is listened on by its own name.
    let ipv4 = Address::Tcp((Ipv4Addr::UNSPECIFIED, address.port()).into());
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
fn is_forgiven(is_default: bool, address: &Address, error: &io::Error) -> bool {
    // EAFNOSUPPORT has no kind of its own that is stable; the socket call is the only one that gives it here.
    const EAFNOSUPPORT: i32 = 97;
    let is_missing = error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT);
    is_default && is_missing && matches!(address, Address::Tcp(address) if address.is_ipv6())
}

/// Connections that wait to be accepted: a crowd that reconnects after a restart. The kernel has its own limit.
const BACKLOG: i32 = 4096;
