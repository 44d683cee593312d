//! A stream to a server.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::{Endpoint, Place};
use super::patience::first;

/// Any kind of stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects, without any deadline of its own.
pub(crate) async fn connect(endpoint: &Endpoint, tls: Option<&TlsConnector>) -> io::Result<Box<dyn Stream>> {
    match &endpoint.place {
        Place::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        Place::Tcp { host, port } => {
            let stream = tcp(host, *port).await?;
            match tls.filter(|_| endpoint.is_tls) {
                None => Ok(Box::new(stream)),
                Some(tls) => {
                    let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
                    Ok(Box::new(tls.connect(name, stream).await?))
                }
            }
        }
    }
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = any_of(addresses(host, port).await?).await?;
    settle(&stream).map(|()| stream)
}

/// Where nobody answers questions for names, that is told, and not that Redis is silent; but for one of several servers, which is
/// not waited for so long.
async fn addresses(host: &str, port: u16) -> io::Result<impl Iterator<Item = SocketAddr>> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "its name was not resolved in time");
    timeout(NAME_TIME_MAX, lookup_host((host, port))).await.map_err(late)?
}

/// A little shorter than what a connection may take as a whole.
const NAME_TIME_MAX: Duration = Duration::from_millis(2500);

/// To the first address that takes it: one that swallows what is sent to it, as where IPv6 is announced and goes nowhere, does
/// not eat the time of the others.
async fn any_of(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let nowhere = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let attempts = alternating(addresses).into_iter().map(TcpStream::connect);
    first(attempts).await.map_err(|mut errors| errors.pop().unwrap_or_else(nowhere))
}

/// In the system's order, but for the two families, which take turns (RFC 8305, section 4).
fn alternating(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses = addresses.peekable();
    let begins_with = addresses.peek().is_some_and(SocketAddr::is_ipv6);
    let (one, other): (Vec<_>, Vec<_>) = addresses.partition(|address| address.is_ipv6() == begins_with);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    std::iter::from_fn(|| {
        let pair = [one.next(), other.next()];
        pair.iter().any(Option::is_some).then_some(pair)
    })
    .flatten()
    .flatten()
    .collect()
}

/// What keeps a half-open connection from being taken for a silent one, beneath the PINGs: a host that is gone is noticed by
/// the kernel too, and what was sent is not kept for a quarter of an hour.
fn settle(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_TIME).with_interval(KEEPALIVE_INTERVAL);
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_keepalive(&keepalive.with_retries(KEEPALIVE_RETRIES))?;
        socket.set_tcp_user_timeout(Some(USER_TIMEOUT))
    }
    #[cfg(not(target_os = "linux"))]
    socket.set_tcp_keepalive(&keepalive)
}

const KEEPALIVE_TIME: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
#[cfg(target_os = "linux")]
const KEEPALIVE_RETRIES: u32 = 3;
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use socket2::{Domain, Socket, Type};
    use tokio::net::TcpListener;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns() {
        let [a, b, c] = ["[::1]:1", "[::2]:1", "[::3]:1"];
        let [x, y] = ["1.1.1.1:1", "2.2.2.2:1"];
        for (given, order) in [
            (&[a, b, c, x, y][..], &[a, x, b, y, c][..]),
            (&[x, a, y, b], &[x, a, y, b]),
            (&[x, y], &[x, y]),
            (&[], &[]),
        ] {
            assert_eq!(alternating(addresses(given).into_iter()), addresses(order));
        }
    }

    /// Takes no connection and refuses none: its queue is full.
    #[cfg(target_os = "linux")]
    fn silent() -> (SocketAddr, Vec<Socket>) {
        let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let listener = socket();
        listener.bind(&addresses(&["127.0.0.1:0"])[0].into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut kept = vec![listener];
        for _ in 0..3 {
            let waiting = socket();
            waiting.set_nonblocking(true).unwrap();
            let _ = waiting.connect(&address);
            kept.push(waiting);
        }
        (address.as_socket().unwrap(), kept)
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_address_that_swallows_everything_does_not_hold_up_the_next() {
        let (hole, _kept) = silent();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let well = listener.local_addr().unwrap();
        let begun = Instant::now();
        let stream = any_of([hole, hole, well].into_iter()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), well);
        assert!((Duration::from_millis(400)..Duration::from_secs(2)).contains(&begun.elapsed()), "{begun:?}");
    }
}
