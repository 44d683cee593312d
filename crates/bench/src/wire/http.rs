//! The HTTP of both sides: the upgrade, and the requests of a polling client.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem;
use sha1::{Digest, Sha1};

/// The request by which a client asks for a WebSocket, with a `sid` for a session that polls. The key is the RFC's own
/// example.
pub(crate) fn upgrade_request(host: &str, sid: Option<&str>) -> Vec<u8> {
    let mut request = String::from("GET /socket.io/?EIO=4&transport=websocket");
    if let Some(sid) = sid {
        let _ = write!(request, "&sid={sid}");
    }
    let _ = write!(
        request,
        " HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {KEY}\r\n\r\n"
    );
    request.into_bytes()
}

/// A poll; without a `sid`, the handshake.
pub(crate) fn get_request(host: &str, sid: Option<&str>, accepts_gzip: bool) -> Vec<u8> {
    let mut request = String::from("GET /socket.io/?EIO=4&transport=polling");
    if let Some(sid) = sid {
        let _ = write!(request, "&sid={sid}");
    }
    let coding = if accepts_gzip { "Accept-Encoding: gzip\r\n" } else { "" };
    let _ = write!(request, " HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n{coding}\r\n");
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

/// The request of whoever asks what a server has counted.
pub(crate) fn metrics_request(host: &str) -> Vec<u8> {
    format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes()
}

/// A request of a program with a key, to look.
pub(crate) fn api_get(host: &str, key: &str) -> Vec<u8> {
    format!("GET /api/namespaces HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\r\n").into_bytes()
}

/// And to emit what a client would send as this message: a name and one argument; `None` if it is no such event.
pub(crate) fn api_emit(host: &str, key: &str, message: &[u8]) -> Option<Vec<u8>> {
    let (name, argument) =
        std::str::from_utf8(message).ok()?.strip_prefix("42[")?.strip_suffix(']')?.split_once(',')?;
    let body = format!("{{\"event\":{name},\"args\":[{argument}]}}");
    let request = format!(
        "POST /api/emit HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Some(request.into_bytes())
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

/// The answer to a poll, with no more in its head than a client needs.
pub(crate) fn ok_response(body: &[u8]) -> Vec<u8> {
    let mut response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nCache-Control: no-store\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    response.extend_from_slice(body);
    response
}

/// A complete request of a client that polls, taken from the start of `bytes`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) is_post: bool,
    pub(crate) sid: Option<&'a [u8]>,
    pub(crate) body: &'a [u8],
    /// How much of the input it was.
    pub(crate) bytes: usize,
}

impl<'a> Request<'a> {
    /// Reads a request as [`get_request`] and [`post_request`] make them; `None` while bytes are missing.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let head_bytes = head_bytes(bytes)?;
        let (head, rest) = bytes.split_at(head_bytes);
        let is_post = head.starts_with(b"POST ");
        let body_bytes = if is_post { number(field(head, b"content-length")?, 10)? } else { 0 };
        let sid = memmem::find(head, b"&sid=")
            .and_then(|at| head.get(at + b"&sid=".len()..)?.split(u8::is_ascii_whitespace).next());
        Some(Self { is_post, sid, body: rest.get(..body_bytes)?, bytes: head_bytes + body_bytes })
    }
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
    pub(crate) is_gzip: bool,
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
        let is_gzip = field(head, b"content-encoding") == Some(b"gzip");
        let (body, body_bytes) = match field(head, b"content-length") {
            Some(length) => {
                let length = number(length, 10)?;
                (rest.get(..length)?.to_vec(), length)
            }
            None => read_chunks(rest)?,
        };
        Some(Self { is_ok, is_gzip, body, bytes: head_bytes + body_bytes })
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
        assert!(is_upgraded(&upgrade_response(&upgrade_request("localhost", None)).unwrap()));
        assert_eq!(upgrade_response(b"GET / HTTP/1.1\r\n\r\n"), None);
    }

    #[test]
    fn the_floor_reads_what_a_polling_client_asks() {
        let body: &[u8] = b"40";
        let rows = [
            (get_request("h", None, false), Request { is_post: false, sid: None, body: b"", bytes: 0 }),
            (get_request("h", Some("7"), true), Request { is_post: false, sid: Some(b"7"), body: b"", bytes: 0 }),
            (post_request("h", "7", body), Request { is_post: true, sid: Some(b"7"), body, bytes: 0 }),
        ];
        for (wire, request) in rows {
            let more = [&wire[..], b"GET "].concat();
            assert_eq!(Request::read(&more), Some(Request { bytes: wire.len(), ..request }));
            for end in 0..wire.len() {
                assert_eq!(Request::read(&wire[..end]), None);
            }
        }
    }

    #[test]
    fn a_program_emits_what_a_client_would_send() {
        let request = api_emit("h", "k", br#"42["update",{"a":[1,2]}]"#).unwrap();
        let (head, body) = request.split_at(head_bytes(&request).unwrap());
        assert_eq!(body, br#"{"event":"update","args":[{"a":[1,2]}]}"#);
        assert_eq!(field(head, b"content-length"), Some(&b"39"[..]));
        assert_eq!(api_emit("h", "k", b"2"), None);
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
            let response = Response { is_ok: true, is_gzip: false, body: body.to_vec(), bytes: wire.len() };
            assert_eq!(Response::read(&more), Some(response));
            for end in 0..wire.len() {
                assert_eq!(Response::read(&wire[..end]), None);
            }
        }
    }
}
