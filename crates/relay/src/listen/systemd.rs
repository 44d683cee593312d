//! Sockets that the process was started with.
//!
//! systemd, or whoever speaks as it does, listens itself and hands the sockets over: `LISTEN_FDS` says how many there are,
//! from descriptor 3 on, and `LISTEN_PID` for whom.

use std::io;
use std::os::fd::OwnedFd;

use socket2::{Domain, Type};

/// One of them.
pub(crate) enum Socket {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

/// Those that nobody has taken yet, in their places.
pub(crate) struct Handed(Vec<Option<OwnedFd>>);

impl Handed {
    pub(crate) fn new() -> Self {
        Self(fanfare_system::descriptors::handed_over().into_iter().map(Some).collect())
    }

    /// None, for who is handed nothing.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// Takes one, counted from 0.
    ///
    /// # Errors
    /// If there is none, or it is nothing that connections could be accepted on.
    pub(crate) fn take(&mut self, number: usize) -> io::Result<Socket> {
        let count = self.0.len();
        match self.0.get_mut(number).and_then(Option::take) {
            Some(descriptor) => listener(descriptor.into()),
            None => Err(io::Error::other(format!(
                "of the sockets that the relay was started with ({count}) none is that one"
            ))),
        }
    }
}

fn listener(socket: socket2::Socket) -> io::Result<Socket> {
    let is_stream = matches!(socket.r#type(), Ok(Type::STREAM));
    let domain = if is_stream { Some(socket.local_addr()?.domain()) } else { None };
    let listener = match domain {
        Some(Domain::IPV4 | Domain::IPV6) => |socket: socket2::Socket| Socket::Tcp(socket.into()),
        Some(Domain::UNIX) => |socket: socket2::Socket| Socket::Unix(socket.into()),
        _ => return Err(io::Error::other("what the relay was started with there is no stream socket")),
    };
    if !socket.is_listener()? {
        return Err(io::Error::other("that socket is not listened on (Accept=no is needed)"));
    }
    socket.set_nonblocking(true)?;
    Ok(listener(socket))
}
