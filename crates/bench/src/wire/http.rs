//! The HTTP of both sides: the upgrade, and the requests of a polling client.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem;
use sha1::{Digest, Sha1};

/// The request by which a client asks for a WebSocket. The key is the RFC's own example.
pub(crate) fn upgrade_request(host: &str) -> Vec<u8> {
    format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
    .into_bytes()
}

/// A poll; without a `sid`, the handshake.
pub(crate) fn get_request(host: &str, sid: Option<&str>) -> Vec<u8> {
    let mut request = String::from("GET /socket.io/?EIO=4&transport=polling");
    if let Some(sid) = sid {
        let _ = write!(request, "&sid={sid}");
    }
    let _ = write!(request, " HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n");
    request.into_bytes()
}

/// The request that carries packets of a polling client.
pub(crate) fn post_request(host: &str, sid: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: {host}\r\n\
         Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// The answer by which the floor accepts an upgrade; `None` if the request has no key.
pub(crate) fn upgrade_response(request: &[u8]) -> Option<Vec<u8>> {
    let key = field(request, b"sec-websocket-key")?;
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = BASE64_STANDARD.encode(hash.finalize());
    Some(
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .into_bytes(),
    )
}

/// Whether a response accepts [`upgrade_request`].
pub(crate) fn is_upgraded(head: &[u8]) -> bool {
    head.starts_with(b"HTTP/1.1 101 ") && field(head, b"sec-websocket-accept") == Some(ACCEPT)
}

/// Where the head of a message ends, with the empty line.
pub(crate) fn head_bytes(bytes: &[u8]) -> Option<usize> {
    memmem::find(bytes, b"\r\n\r\n").map(|end| end + 4)
}

/// A complete response, taken from the start of `bytes`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) is_ok: bool,
    pub(crate) body: Vec<u8>,
    /// How much of the input it was.
    pub(crate) bytes: usize,
}

impl Response {
    /// Reads a response with a `Content-Length` or in chunks; `None` while bytes are missing.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let head_bytes = head_bytes(bytes)?;
        let (head, rest) = bytes.split_at(head_bytes);
        let is_ok = head.starts_with(b"HTTP/1.1 200 ");
        let (body, body_bytes) = match field(head, b"content-length") {
            Some(length) => {
                let length = number(length, 10)?;
                (rest.get(..length)?.to_vec(), length)
            }
            None => read_chunks(rest)?,
        };
        Some(Self { is_ok, body, bytes: head_bytes + body_bytes })
    }
}

fn read_chunks(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut rest) = (Vec::new(), bytes);
    loop {
        let line = memmem::find(rest, b"\r\n")?;
        let length = number(rest.get(..line)?, 16)?;
        let chunk = rest.get(line + 2..)?;
        body.extend_from_slice(chunk.get(..length)?);
        rest = chunk.get(length + 2..)?;
        if length == 0 {
            return Some((body, bytes.len() - rest.len()));
        }
    }
}

/// The value of a header field; `name` in lower case.
fn field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let (found, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":").filter(|_| found.eq_ignore_ascii_case(name))?;
        Some(value.trim_ascii())
    })
}

fn number(digits: &[u8], radix: u32) -> Option<usize> {
    usize::from_str_radix(std::str::from_utf8(digits).ok()?.trim(), radix).ok()
}

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_accepts_what_the_load_asks_for() {
        assert!(is_upgraded(&upgrade_response(&upgrade_request("localhost")).unwrap()));
        assert_eq!(upgrade_response(b"GET / HTTP/1.1\r\n\r\n"), None);
    }

    #[test]
    fn responses_are_read_with_a_length_and_in_chunks() {
        let rows: [(&[u8], &[u8]); 3] = [
            (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n", b"ok!"),
        ];
        for (wire, body) in rows {
            let mut more = wire.to_vec();
            more.extend_from_slice(b"HTTP/1.1 ");
            assert_eq!(Response::read(&more), Some(Response { is_ok: true, body: body.to_vec(), bytes: wire.len() }));
            for end in 0..wire.len() {
                assert_eq!(Response::read(&wire[..end]), None);
            }
        }
    }
}
