//! Any bytes as the begin of a connection from a proxy.

use std::net::{IpAddr, SocketAddr};

use header::ProxyHeader;

/// The parser by itself: it needs nothing of its crate, which needs a runtime.
#[path = "../../../crates/engineio/src/listener/proxy_header.rs"]
pub mod header;

/// A header is read without a byte of what is behind it, within its bound, and whole from whichever part of it has come; and
/// the address in it is the one that comes out when it is written again, as a line and as bytes.
pub fn check(data: &[u8]) {
    let Some((len, address)) = read(data) else { return };
    for end in 0..len {
        match ProxyHeader::parse(&data[..end]) {
            Ok(ProxyHeader::More(more)) => assert!(end + more <= len, "asks for bytes behind the header"),
            other => panic!("the first {end} bytes of {len} are {other:?}"),
        }
    }
    if let Some(address) = address {
        assert_eq!(read(line(address).as_bytes()), Some((line(address).len(), Some(address))));
        assert_eq!(read(&bytes(address)), Some((bytes(address).len(), Some(address))));
    }
}

/// How long the header is, and what it says; `None` if it is none, or not there to its end.
fn read(data: &[u8]) -> Option<(usize, Option<SocketAddr>)> {
    let mut len = 0;
    loop {
        match ProxyHeader::parse(data.get(..len)?).ok()? {
            ProxyHeader::Whole(address) => return Some((len, address)),
            ProxyHeader::More(more) => {
                assert!(more > 0);
                len += more;
                assert!(len <= 536);
            }
        }
    }
}

fn line(address: SocketAddr) -> String {
    let (family, ip, port) = (if address.is_ipv4() { "TCP4" } else { "TCP6" }, address.ip(), address.port());
    format!("PROXY {family} {ip} {ip} {port} {port}\r\n")
}

fn bytes(address: SocketAddr) -> Vec<u8> {
    let (family, ip) = match address.ip() {
        IpAddr::V4(ip) => (0x11, ip.octets().to_vec()),
        IpAddr::V6(ip) => (0x21, ip.octets().to_vec()),
    };
    let port = address.port().to_be_bytes();
    let rest = [&ip[..], &ip, &port, &port].concat();
    [b"\r\n\r\n\0\r\nQUIT\n\x21", &[family, 0, rest.len() as u8][..], &rest].concat()
}
