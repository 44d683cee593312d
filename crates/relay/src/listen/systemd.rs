//! Sockets that the process was started with.
//!
//! systemd, or whoever speaks as it does, listens itself and hands the sockets over: `LISTEN_FDS` says how many there are,
//! from descriptor 3 on, and `LISTEN_PID` for whom.

use std::io;

use listenfd::ListenFd;
use socket2::SockRef;

/// One of them.
pub(crate) enum Socket {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

/// Those that nobody has taken yet.
pub(crate) struct Handed(ListenFd);

impl Handed {
    pub(crate) fn new() -> Self {
        Self(ListenFd::from_env())
    }

    /// None, for who is handed nothing.
    pub(crate) fn none() -> Self {
        Self(ListenFd::empty())
    }

    /// Takes one, counted from 0.
    ///
    /// # Errors
    /// If there is none, or it is nothing that connections could be accepted on.
    pub(crate) fn take(&mut self, number: usize) -> io::Result<Socket> {
        let is_listening = |socket: SockRef<'_>| match socket.is_listener() {
            Ok(true) => socket.set_nonblocking(true),
            Ok(false) => Err(io::Error::other("that socket is not listened on (Accept=no is needed)")),
            Err(error) => Err(error),
        };
        if let Ok(Some(listener)) = self.0.take_tcp_listener(number) {
            is_listening(SockRef::from(&listener))?;
            return Ok(Socket::Tcp(listener));
        }
        match self.0.take_unix_listener(number) {
            Ok(Some(listener)) => {
                is_listening(SockRef::from(&listener))?;
                Ok(Socket::Unix(listener))
            }
            Ok(None) => {
                let count = self.0.len();
                Err(io::Error::other(format!(
                    "of the sockets that the relay was started with ({count}) none is that one"
                )))
            }
            Err(_) => Err(io::Error::other("what the relay was started with there is no stream socket")),
        }
    }
}
