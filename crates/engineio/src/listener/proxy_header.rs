//! The PROXY protocol, versions 1 and 2: how a proxy that hands on bytes says whose they are.
//!
//! <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// What stands at the begin of a connection from a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeader {
    /// It goes on: at least so many more bytes, none of which is behind it.
    More(usize),
    /// It ends here. The address is the client's, if the proxy names one: of its own connections (`LOCAL`) and of what is
    /// neither IPv4 nor IPv6 it does not.
    Whole(Option<SocketAddr>),
}

/// What is no header, or one that nobody can make sense of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidProxyHeader {
    /// The connection begins with something else.
    Missing,
    /// It has more than 107 bytes (version 1), or 536 (version 2).
    TooLong,
    /// It breaks the rules.
    Malformed,
}

impl ProxyHeader {
    /// Reads a header as far as it is there. To be asked again with more bytes until it is whole, so that none is read that
    /// is not the header's.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidProxyHeader> {
        match bytes.get(..SIGNATURE.len()) {
            None => Ok(Self::More(SIGNATURE.len() - bytes.len())),
            Some(start) if start == SIGNATURE => version_2(bytes),
            Some(start) if start.starts_with(b"PROXY ") => version_1(bytes),
            Some(_) => Err(InvalidProxyHeader::Missing),
        }
    }
}

/// Section 2.1: a line.
fn version_1(bytes: &[u8]) -> Result<ProxyHeader, InvalidProxyHeader> {
    if let Some(line) = bytes.strip_suffix(b"\r\n") {
        return source(line).ok_or(InvalidProxyHeader::Malformed).map(ProxyHeader::Whole);
    }
    // Either its last byte is missing, or both that end it.
    let more = if bytes.ends_with(b"\r") { 1 } else { 2 };
    if bytes.len() + more > LINE_BYTES_MAX { Err(InvalidProxyHeader::TooLong) } else { Ok(ProxyHeader::More(more)) }
}

fn source(line: &[u8]) -> Option<Option<SocketAddr>> {
    let mut words = std::str::from_utf8(line).ok()?.split(' ').skip(1);
    let family = words.next()?;
    let words: Vec<&str> = words.collect();
    match (family, &words[..]) {
        // Whatever else stands there is not to be read.
        ("UNKNOWN", _) => Some(None),
        ("TCP4", &[source, to, port, to_port]) => address::<Ipv4Addr>([source, to, port, to_port]).map(Some),
        ("TCP6", &[source, to, port, to_port]) => address::<Ipv6Addr>([source, to, port, to_port]).map(Some),
        _ => None,
    }
}

fn address<A: FromStr + Into<IpAddr>>([source, to, port, to_port]: [&str; 4]) -> Option<SocketAddr> {
    // `parse` would take `+80`.
    let port_of = |text: &str| text.parse::<u16>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    to.parse::<A>().ok()?;
    port_of(to_port)?;
    Some(SocketAddr::new(source.parse::<A>().ok()?.into(), port_of(port)?))
}

/// Section 2.2: bytes. What follows the addresses (TLVs) is left unread.
fn version_2(bytes: &[u8]) -> Result<ProxyHeader, InvalidProxyHeader> {
    use InvalidProxyHeader::{Malformed, TooLong};
    let Some((head, rest)) = bytes.split_first_chunk::<16>() else {
        return Ok(ProxyHeader::More(16 - bytes.len()));
    };
    let [.., command, family, high, low] = *head;
    let len = usize::from(u16::from_be_bytes([high, low]));
    if head.len() + len > BYTES_MAX {
        return Err(TooLong);
    }
    if rest.len() < len {
        return Ok(ProxyHeader::More(len - rest.len()));
    }
    match (command, family) {
        (LOCAL, _) | (PROXY, UNSPECIFIED | UNIX) => Ok(ProxyHeader::Whole(None)),
        (PROXY, TCP_OVER_IPV4) => {
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *rest.first_chunk().ok_or(Malformed)?;
            Ok(ProxyHeader::Whole(Some(([a, b, c, d], u16::from_be_bytes([high, low])).into())))
        }
        (PROXY, TCP_OVER_IPV6) => {
            let (source, rest) = rest.split_first_chunk::<16>().ok_or(Malformed)?;
            let (_, ports) = rest.split_first_chunk::<16>().ok_or(Malformed)?;
            let [high, low, _, _] = *ports.first_chunk().ok_or(Malformed)?;
            Ok(ProxyHeader::Whole(Some((*source, u16::from_be_bytes([high, low])).into())))
        }
        _ => Err(Malformed),
    }
}

impl fmt::Display for InvalidProxyHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no PROXY header",
            Self::TooLong => "a PROXY header that is too long",
            Self::Malformed => "a malformed PROXY header",
        })
    }
}

impl std::error::Error for InvalidProxyHeader {}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2 and the command, of which there are two.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
/// Address family and protocol. Datagrams are nothing that could be a connection.
const UNSPECIFIED: u8 = 0x00;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;
const UNIX: u8 = 0x31;

/// The longest line there can be, as the specification reckons.
const LINE_BYTES_MAX: usize = 107;
/// What it says fits into one packet everywhere.
const BYTES_MAX: usize = 536;

#[cfg(test)]
mod tests {
    use super::*;

    /// What a connection begins with that then says `GET`, read as the listener does.
    fn read(header: &[u8]) -> Result<Option<SocketAddr>, InvalidProxyHeader> {
        let bytes = [header, b"GET"].concat();
        let mut len = 0;
        loop {
            match ProxyHeader::parse(&bytes[..len])? {
                ProxyHeader::More(more) => {
                    len += more;
                    assert!(more > 0 && len <= header.len(), "asks for bytes behind the header: {header:?}");
                }
                ProxyHeader::Whole(address) => {
                    assert_eq!(len, header.len());
                    return Ok(address);
                }
            }
        }
    }

    fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let len = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &len, rest].concat()
    }

    #[test]
    fn a_line_names_the_client() {
        for (line, address) in [
            ("PROXY TCP4 192.0.2.7 10.0.0.1 56324 443", Some("192.0.2.7:56324")),
            ("PROXY TCP4 1.1.1.1 1.1.1.1 1 1", Some("1.1.1.1:1")),
            ("PROXY TCP6 2001:db8::7 ::1 1 65535", Some("[2001:db8::7]:1")),
            ("PROXY UNKNOWN", None),
            ("PROXY UNKNOWN ffff:f...f ffff:f...f 65535 65535", None),
        ] {
            let expected = address.map(|address| address.parse().unwrap());
            assert_eq!(read(format!("{line}\r\n").as_bytes()), Ok(expected), "{line}");
        }
    }

    #[test]
    fn bytes_name_the_client() {
        let ipv4 = [192, 0, 2, 7, 10, 0, 0, 1, 0xdc, 0x04, 1, 187];
        let with_tlvs = [&ipv4[..], &[4, 0, 1, 0]].concat();
        let mut ipv6 = [0; 36];
        (ipv6[15], ipv6[33]) = (1, 80);
        for (command, family, rest, address) in [
            (PROXY, TCP_OVER_IPV4, &ipv4[..], Some("192.0.2.7:56324")),
            (PROXY, TCP_OVER_IPV4, &with_tlvs, Some("192.0.2.7:56324")),
            (PROXY, TCP_OVER_IPV6, &ipv6, Some("[::1]:80")),
            (PROXY, UNSPECIFIED, &[], None),
            (PROXY, UNIX, &[0; 216], None),
            (LOCAL, UNSPECIFIED, &[], None),
            (LOCAL, TCP_OVER_IPV4, &ipv4, None),
        ] {
            let expected = address.map(|address| address.parse().unwrap());
            assert_eq!(read(&version_2(command, family, rest)), Ok(expected), "{command:x} {family:x}");
        }
    }

    #[test]
    fn what_is_no_header_is_refused_within_its_bound() {
        for (header, error) in [
            (&b"GET / HTTP/1.1\r\n"[..], InvalidProxyHeader::Missing),
            (b"PROXYTCP4 1.1.1.1\r\n", InvalidProxyHeader::Missing),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n", InvalidProxyHeader::Malformed),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 +1\r\n", InvalidProxyHeader::Malformed),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n", InvalidProxyHeader::Malformed),
            (b"PROXY TCP4 ::1 ::1 1 1\r\n", InvalidProxyHeader::Malformed),
            (b"PROXY TCP4 1.1.1.1  1.1.1.1 1 1\r\n", InvalidProxyHeader::Malformed),
            (b"PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n", InvalidProxyHeader::Malformed),
            (b"PROXY TCP4 1.1.1.1\n1.1.1.1 1 1\r\n", InvalidProxyHeader::Malformed),
            (&[&b"PROXY UNKNOWN "[..], &[b'x'; 200]].concat(), InvalidProxyHeader::TooLong),
            (&version_2(0x11, TCP_OVER_IPV4, &[0; 12]), InvalidProxyHeader::Malformed),
            (&version_2(0x22, TCP_OVER_IPV4, &[0; 12]), InvalidProxyHeader::Malformed),
            (&version_2(PROXY, 0x12, &[0; 12]), InvalidProxyHeader::Malformed),
            (&version_2(PROXY, TCP_OVER_IPV4, &[0; 11]), InvalidProxyHeader::Malformed),
            (&version_2(PROXY, TCP_OVER_IPV6, &[0; 35]), InvalidProxyHeader::Malformed),
            (&version_2(PROXY, TCP_OVER_IPV4, &[0; 521]), InvalidProxyHeader::TooLong),
        ] {
            assert_eq!(read(header), Err(error), "{}", header.escape_ascii());
        }
    }
}
