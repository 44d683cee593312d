//! One TCP connection to the server.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::net::sockopt;

/// A socket and what waits to be written to it.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    token: u64,
    /// What waits, from `written` on.
    pub(crate) out: Vec<u8>,
    written: usize,
    interest: EventFlags,
}

impl Connection {
    /// Connects. On the loopback interface this does not wait, unless the server's backlog is full.
    pub(crate) fn open(epoll: &OwnedFd, address: SocketAddr, token: u64) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        // A close is then a reset: no port of this side waits for a minute after each run.
        sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
        let interest = EventFlags::IN;
        epoll::add(epoll, &stream, EventData::new_u64(token), interest)?;
        Ok(Self { stream, token, out: Vec::new(), written: 0, interest })
    }

    /// Reads once; `None` if there is nothing, `Some(0)` at the end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.stream.read(buffer) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if is_not_now(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes what waits, as far as the socket takes it; the rest when it is writable.
    pub(crate) fn flush(&mut self, epoll: &OwnedFd) -> io::Result<()> {
        while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(bytes) => self.written += bytes,
                Err(error) if is_not_now(&error) => return self.set_interest(epoll, self.interest | EventFlags::OUT),
                Err(error) => return Err(error),
            }
        }
        self.written = 0;
        self.out.clear();
        self.out.shrink_to(KEPT_OUT_BYTES);
        self.set_interest(epoll, self.interest - EventFlags::OUT)
    }

    /// Stops reading, for good. The kernel's buffer for what arrives is made as small as it goes, so that the server
    /// notices.
    pub(crate) fn stall(&mut self, epoll: &OwnedFd) -> io::Result<()> {
        sockopt::set_socket_recv_buffer_size(&self.stream, 1)?;
        self.set_interest(epoll, self.interest - EventFlags::IN)
    }

    /// Takes the socket off the epoll.
    pub(crate) fn forget(&self, epoll: &OwnedFd) {
        // It fails only for a socket that is not on it.
        let _ = epoll::delete(epoll, &self.stream);
    }

    fn set_interest(&mut self, epoll: &OwnedFd, interest: EventFlags) -> io::Result<()> {
        if interest != self.interest {
            self.interest = interest;
            epoll::modify(epoll, &self.stream, EventData::new_u64(self.token), interest)?;
        }
        Ok(())
    }
}

fn is_not_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

const KEPT_OUT_BYTES: usize = 4 * 1024;
