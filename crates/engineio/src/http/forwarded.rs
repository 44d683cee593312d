//! Where a request came from, by the word of the proxies it came through.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;
use http::header::FORWARDED;

use super::trusted_proxies::TrustedProxies;

/// The client's address: the peer's or, where that is a trusted proxy, the last one in `X-Forwarded-For` that is none; in
/// `Forwarded` (RFC 7239), where there is no `X-Forwarded-For`.
///
/// Each proxy adds at the end where its request came from, and what stands before that is only somebody's word. So it is
/// read from the end, over all lines, for as long as those who wrote are trusted. Where one did not know, or what it
/// wrote is no address, that proxy itself is the last of whom anything is known.
pub(crate) fn client_address(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &TrustedProxies) -> Option<IpAddr> {
    let mut known = peer.map(|peer| peer.to_canonical());
    if !trusted.contain_peer(known) {
        return known;
    }
    let lines = |name| headers.get_all(name).iter().rev().map(|line| line.to_str().unwrap_or_default());
    let (mut by_list, mut by_element);
    let hops: &mut dyn Iterator<Item = Option<IpAddr>> = if headers.contains_key(X_FORWARDED_FOR) {
        by_list = lines(X_FORWARDED_FOR).flat_map(|line| line.rsplit(',')).map(|hop| node(hop.trim()));
        &mut by_list
    } else {
        by_element = lines(FORWARDED.as_str()).flat_map(|line| Pieces::of(line, b',')).map(named_by);
        &mut by_element
    };
    while trusted.contain_peer(known)
        && let Some(Some(hop)) = hops.next()
    {
        known = Some(hop);
    }
    known
}

/// An address as proxies write it: alone or with a port, in brackets where the port would not be told from it.
fn node(text: &str) -> Option<IpAddr> {
    let address = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let is_whole = port.is_empty() || port.starts_with(':');
            address.parse::<Ipv6Addr>().ok().filter(|_| is_whole)?.into()
        }
        None => match text.split_once(':') {
            Some((address, port)) if !port.contains(':') => IpAddr::V4(address.parse().ok()?),
            _ => text.parse().ok()?,
        },
    };
    Some(address.to_canonical())
}

/// The node that an element of `Forwarded` names by its only `for`. What is escaped is no address, nor is it told where it
/// ends: whoever reads from the end would take a part of it for more than that.
fn named_by(element: &str) -> Option<IpAddr> {
    if element.contains('\\') {
        return None;
    }
    let mut names = Pieces::of(element, b';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    });
    let name = names.next().filter(|_| names.next().is_none())?;
    node(name.strip_prefix('"').map_or(Some(name), |quoted| quoted.strip_suffix('"'))?)
}

/// What a separator divides outside of quotes, from the end: a quote that somebody left open does not reach what was
/// written behind it.
struct Pieces<'a> {
    rest: Option<&'a str>,
    separator: u8,
}

impl<'a> Pieces<'a> {
    fn of(text: &'a str, separator: u8) -> Self {
        Self { rest: Some(text), separator }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.take()?;
        let mut is_quoted = false;
        let divides = |byte: u8| {
            is_quoted ^= byte == b'"';
            byte == self.separator && !is_quoted
        };
        let Some((before, piece)) = rest.bytes().rposition(divides).and_then(|at| rest.split_at_checked(at)) else {
            return Some(rest);
        };
        self.rest = Some(before);
        piece.get(1..)
    }
}

const X_FORWARDED_FOR: &str = "x-forwarded-for";

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn client(peer: &str, name: &'static str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let trusted = ["10.0.0.0/8", "fd00::/8"].iter().map(|block| block.parse().unwrap()).collect();
        client_address(Some(peer.parse().unwrap()), &headers, &trusted).unwrap().to_string()
    }

    #[test]
    fn the_client_is_the_last_who_is_no_trusted_proxy() {
        for (peer, lines, expected) in [
            ("192.0.2.1", &["203.0.113.9"][..], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("::ffff:10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("fd00::1", &["203.0.113.9, fd00::2 ,10.1.2.3"], "203.0.113.9"),
            // What stands before it is only its word.
            ("10.0.0.1", &["198.51.100.7, 203.0.113.9, 10.1.2.3"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.7", "203.0.113.9", "10.1.2.3"], "203.0.113.9"),
            ("10.0.0.1", &["10.9.9.9, 10.1.2.3"], "10.9.9.9"),
            ("10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.1", &["2001:db8::7"], "2001:db8::7"),
            ("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7"),
            ("10.0.0.1", &["[2001:db8::7]:4711, [fd00::2]:80"], "2001:db8::7"),
            ("10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            // Who wrote that is the last who is known.
            ("10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, unknown, 10.1.2.3"], "10.1.2.3"),
            ("10.0.0.1", &["203.0.113.9, , 10.1.2.3"], "10.1.2.3"),
            ("10.0.0.1", &["203.0.113.9", "", "10.1.2.3"], "10.1.2.3"),
            ("10.0.0.1", &["203.0.113.9, \u{fc}"], "10.0.0.1"),
            ("10.0.0.1", &["example.com"], "10.0.0.1"),
            ("10.0.0.1", &["fe80::1%eth0"], "10.0.0.1"),
            ("10.0.0.1", &["[2001:db8::7"], "10.0.0.1"),
            ("10.0.0.1", &["[2001:db8::7]x"], "10.0.0.1"),
            ("10.0.0.1", &["[203.0.113.9]"], "10.0.0.1"),
            ("10.0.0.1", &["2001:db8::7:x"], "10.0.0.1"),
            ("10.0.0.1", &["for=203.0.113.9"], "10.0.0.1"),
        ] {
            assert_eq!(client(peer, X_FORWARDED_FOR, lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn the_standard_header_says_the_same() {
        for (lines, expected) in [
            (&["for=203.0.113.9"][..], "203.0.113.9"),
            (&["For=\"203.0.113.9:4711\";proto=https, by=10.0.0.9; for = 10.1.2.3 "], "203.0.113.9"),
            (&["for=198.51.100.7, for=\"[2001:db8::7]:_p\"", "for=\"[fd00::2]\""], "2001:db8::7"),
            (&["host=\"a,b;for=6.6.6.6\";for=203.0.113.9"], "203.0.113.9"),
            (&["for=unknown"], "10.0.0.1"),
            (&["for=_hidden, for=10.1.2.3"], "10.1.2.3"),
            (&["proto=https"], "10.0.0.1"),
            (&["203.0.113.9"], "10.0.0.1"),
            (&["for=\"203.0.113.9"], "10.0.0.1"),
            (&["for=203.0.113.9;for=6.6.6.6"], "10.0.0.1"),
            // A client that leaves a quote open hides nothing of what the proxy adds behind it.
            (&["for=6.6.6.6;x=\", for=203.0.113.9"], "203.0.113.9"),
            (&["for=6.6.6.6;x=\", for=\"[2001:db8::7]\""], "2001:db8::7"),
            // Nor does one whose host name a proxy repeats, with its quotes escaped.
            (&["for=203.0.113.9;host=\"a\\\", for=6.6.6.6, x=\\\"\""], "10.0.0.1"),
            (&["for=203.0.113.9;host=\"a\\\", for=6.6.6.6\""], "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", "forwarded", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn where_there_are_both_headers_the_usual_one_counts() {
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("203.0.113.9"));
        headers.insert(FORWARDED, HeaderValue::from_static("for=198.51.100.7"));
        let trusted = ["10.0.0.1".parse().unwrap()].into_iter().collect();
        let client = client_address(Some("10.0.0.1".parse().unwrap()), &headers, &trusted);
        assert_eq!(client.unwrap().to_string(), "203.0.113.9");
    }

    #[test]
    fn a_proxy_on_a_unix_socket_has_no_address_but_may_be_trusted() {
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("203.0.113.9"));
        for (trusted, expected) in [("unix", Some("203.0.113.9")), ("10.0.0.1", None)] {
            let trusted = [trusted.parse().unwrap()].into_iter().collect();
            let client = client_address(None, &headers, &trusted);
            assert_eq!(client, expected.map(|address| address.parse().unwrap()));
        }
    }
}
