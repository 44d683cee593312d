//! Where the floor listens.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::net;

/// Listens on a port of the loopback interface, which it says in a line, with an epoll that knows it as [`LISTENER`].
pub(crate) fn listen() -> io::Result<(OwnedFd, TcpListener)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    // The standard library listens with a backlog of 128; a storm of connections needs more.
    net::listen(&listener, BACKLOG)?;
    println!("listening on http://{}", listener.local_addr()?);
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    Ok((epoll, listener))
}

pub(crate) const LISTENER: u64 = u64::MAX;
const BACKLOG: i32 = 4096;
