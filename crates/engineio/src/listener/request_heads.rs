//! Looking at the heads of requests before hyper does.

use std::ops::Range;

use tokio::io::ReadBuf;

/// Finds the heads in what a connection brings, and sees to four things that hyper sees otherwise than the reference:
///
/// - A line that ends without its CR is spoilt, so that hyper answers 400: two readers of one request must not find its
///   lines in different places.
/// - `"`, `<` and `>` in a query, which clients send as they stand, are escaped. hyper knows no such URL.
/// - An upgrade to WebSocket by HTTP/1.0 is read as one by HTTP/1.1: a proxy that speaks the old version to us but hands on
///   the headers, and the frames after that, has said all that counts.
/// - Of more lines than hyper takes, those of the sender's own making are joined.
///
/// It follows the framing of bodies by their length. A head that does not come whole in one piece, a body in chunks, an
/// upgrade: whatever would have to be followed byte by byte ends its interest in the connection, and hyper sees what came.
#[derive(Debug, Default)]
pub(crate) enum RequestHeads {
    /// A head comes next.
    #[default]
    Awaited,
    /// So many bytes of a body, and then a head.
    Body(u64),
    /// Nobody looks.
    Lost,
}

impl RequestHeads {
    /// Looks at what was read into `buffer` behind the first `from` bytes, and may change it.
    pub(crate) fn look(&mut self, buffer: &mut ReadBuf<'_>, from: usize) {
        let mut at = from;
        while at < buffer.filled().len() {
            let here = buffer.filled().len() - at;
            *self = match self {
                Self::Lost => return,
                Self::Body(left) => {
                    let passed = usize::try_from(*left).unwrap_or(usize::MAX).min(here);
                    at += passed;
                    match *left - passed as u64 {
                        0 => Self::Awaited,
                        left => Self::Body(left),
                    }
                }
                Self::Awaited => match Head::find(buffer.filled(), at) {
                    Some(head) => {
                        let next = match head.body {
                            Some(length) => Self::Body(length),
                            None => Self::Lost,
                        };
                        at = head.mend(buffer);
                        next
                    }
                    None => Self::Lost,
                },
            };
        }
    }
}

/// A head that is there to its end.
struct Head {
    /// The request line, without its end.
    line: Range<usize>,
    end: usize,
    /// How many lines have headers.
    lines: usize,
    /// A line that ends with nothing but LF.
    bare: Option<usize>,
    is_websocket: bool,
    /// The length of what follows; `None` if that is not told by a length.
    body: Option<u64>,
}

impl Head {
    fn find(bytes: &[u8], start: usize) -> Option<Self> {
        // An empty line or two may stand before a request (RFC 9112, section 2.2).
        let start = start + bytes.get(start..)?.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
        let mut head = Self { line: start..start, end: 0, lines: 0, bare: None, is_websocket: false, body: Some(0) };
        let mut at = start;
        for feed in memchr::memchr_iter(b'\n', bytes.get(start..)?).map(|feed| start + feed) {
            let line = bytes.get(at..feed)?;
            let line = match line.split_last() {
                Some((b'\r', line)) => line,
                _ => {
                    head.bare.get_or_insert(feed);
                    line
                }
            };
            if at == start {
                head.line.end = start + line.len();
            } else if line.is_empty() {
                head.end = feed + 1;
                return Some(head);
            } else {
                head.lines += 1;
                head.read(line);
            }
            at = feed + 1;
        }
        None
    }

    /// A header, as far as it says where the next head begins.
    fn read(&mut self, line: &[u8]) {
        match line.first() {
            Some(b'c' | b'C') => {
                let Some(value) = value_of(line, b"content-length:") else { return };
                let digits = Some(value.trim_ascii()).filter(|value| value.iter().all(u8::is_ascii_digit));
                let length = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
                // Twice, or not a number: hyper will refuse it, or will not.
                self.body = length.filter(|_| self.body == Some(0));
            }
            Some(b't' | b'T') if value_of(line, b"transfer-encoding:").is_some() => self.body = None,
            Some(b'u' | b'U') => {
                let Some(value) = value_of(line, b"upgrade:") else { return };
                self.body = None;
                self.is_websocket = value.trim_ascii().eq_ignore_ascii_case(b"websocket");
            }
            _ => {}
        }
    }

    /// Changes what is to be changed, and gives the end of the head, which may have moved.
    fn mend(self, buffer: &mut ReadBuf<'_>) -> usize {
        if let Some(byte) = self.bare.and_then(|bare| buffer.filled_mut().get_mut(bare)) {
            *byte = 0;
            return self.end;
        }
        let Some(line) = buffer.filled_mut().get_mut(self.line.clone()) else { return self.end };
        if self.is_websocket
            && let Some(minor) = line.strip_suffix_mut_by(b" HTTP/1.0")
        {
            *minor = b'1';
        }
        let unescaped = unescaped(line);
        if self.lines > HEADER_LINES_MAX
            && let Some(lines) = buffer.filled_mut().get_mut(self.line.end + 2..self.end - 2)
        {
            join_lines(lines, self.lines - HEADER_LINES_MAX);
        }
        self.end + escape(buffer, self.line.start, &unescaped)
    }
}

/// The last byte of a line that ends so.
trait StripSuffixMut {
    fn strip_suffix_mut_by(&mut self, suffix: &[u8]) -> Option<&mut u8>;
}

impl StripSuffixMut for [u8] {
    fn strip_suffix_mut_by(&mut self, suffix: &[u8]) -> Option<&mut u8> {
        if self.ends_with(suffix) { self.last_mut() } else { None }
    }
}

/// The places of what must not stand in a query.
fn unescaped(line: &[u8]) -> Vec<usize> {
    if memchr::memchr3(b'"', b'<', b'>', line).is_none() {
        return Vec::new();
    }
    let Some(query) = memchr::memchr(b'?', line) else { return Vec::new() };
    memchr::memchr3_iter(b'"', b'<', b'>', line).filter(|&at| at > query).collect()
}

/// Writes `%22` for `"` and so on, if there is room for it. Says by how much what follows has moved.
fn escape(buffer: &mut ReadBuf<'_>, start: usize, places: &[usize]) -> usize {
    let more = 2 * places.len();
    if more == 0 || buffer.remaining() < more {
        return 0;
    }
    let mut from = buffer.filled().len();
    buffer.put_slice(&vec![0; more]);
    let bytes = buffer.filled_mut();
    let mut to = bytes.len();
    for place in places.iter().rev().map(|place| start + place) {
        bytes.copy_within(place + 1..from, to - (from - place - 1));
        to -= from - place - 1;
        let escaped = match bytes[place] {
            b'"' => b"%22",
            b'<' => b"%3C",
            _ => b"%3E",
        };
        bytes[to - 3..to].copy_from_slice(escaped);
        to -= 3;
        from = place;
    }
    more
}

/// Makes one line of two, `surplus` times, wherever both begin with `x-` and mean nothing to us.
fn join_lines(lines: &mut [u8], mut surplus: usize) {
    let mut is_before_ours = true;
    let mut at = 0;
    while surplus > 0 && at < lines.len() {
        let is_ours = is_ours(&lines[at..]);
        if !is_before_ours && !is_ours && at >= 2 {
            lines[at - 2..at].fill(b' ');
            surplus -= 1;
        }
        is_before_ours = is_ours;
        let Some(feed) = memchr::memchr(b'\n', &lines[at..]) else { return };
        at += feed + 1;
    }
}

/// Whether a header may be one that somebody here reads.
fn is_ours(line: &[u8]) -> bool {
    let starts = |start: &[u8]| line.get(..start.len()).is_some_and(|begun| begun.eq_ignore_ascii_case(start));
    !starts(b"x-") || starts(b"x-forwarded-") || starts(b"x-real-ip:")
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then_some(value)
}

/// hyper's own limit is a hundred. To raise it costs each request a third of a microsecond.
const HEADER_LINES_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    /// What hyper gets of what comes, in the given pieces.
    fn seen(pieces: &[&[u8]]) -> (Vec<u8>, RequestHeads) {
        let mut heads = RequestHeads::default();
        let mut all = Vec::new();
        for piece in pieces {
            let mut room = [0; 8192];
            let mut buffer = ReadBuf::new(&mut room);
            buffer.put_slice(b"before");
            buffer.put_slice(piece);
            heads.look(&mut buffer, 6);
            all.extend_from_slice(&buffer.filled()[6..]);
        }
        (all, heads)
    }

    fn text_seen(pieces: &[&str]) -> String {
        let pieces: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
        String::from_utf8(seen(&pieces).0).unwrap()
    }

    const GET: &str = "GET /?a=1 HTTP/1.1\r\nhost: a\r\n\r\n";
    const POST: &str = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n\"a\nb\"";

    #[test]
    fn what_is_well_made_is_left_alone() {
        let all = format!("{GET}{POST}\r\n{GET}\n{POST}{GET}");
        assert_eq!(text_seen(&[&all]), all);
        assert_eq!(text_seen(&[GET, POST, GET]), format!("{GET}{POST}{GET}"));
        let (head, body) = POST.split_at(POST.len() - 3);
        assert_eq!(text_seen(&[head, body, GET]), format!("{POST}{GET}"));
    }

    #[test]
    fn a_line_without_its_cr_is_spoilt() {
        for bad in
            ["GET / HTTP/1.1\nhost: a\r\n\r\n", "GET / HTTP/1.1\r\nhost: a\n\r\n", "GET / HTTP/1.1\r\nhost: a\r\n\n"]
        {
            for before in ["", GET, POST] {
                let seen = text_seen(&[&format!("{before}{bad}")]);
                let (kept, spoilt) = seen.split_at(before.len());
                assert_eq!((kept, spoilt.matches('\0').count()), (before, 1), "{bad:?}");
            }
        }
    }

    #[test]
    fn a_body_is_left_alone_whatever_tells_its_length() {
        for head in [
            "POST / HTTP/1.1\r\ncontent-length: 900\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n",
            "GET / HTTP/1.1\r\nupgrade: websocket\r\n\r\n",
            "GET / HTTP/1.1\r\nupgrade: h2c\r\n\r\n",
        ] {
            let body = "x\ny\n\n\"<>\"?\" HTTP/1.0\n\n";
            assert_eq!(text_seen(&[&format!("{head}{body}"), body]), format!("{head}{body}{body}"), "{head:?}");
        }
    }

    #[test]
    fn a_head_in_two_pieces_is_left_alone_and_all_behind_it() {
        for cut in 1..POST.len() - 6 {
            let (one, other) = POST.split_at(cut);
            assert_eq!(text_seen(&[one, other, "x\n\n"]), format!("{POST}x\n\n"), "{cut}");
        }
    }

    #[test]
    fn a_query_is_escaped_where_it_must_be() {
        let request = |query: &str| format!("GET /{query} HTTP/1.1\r\nx: \"<?>\"\r\n\r\n");
        for (sent, seen) in
            [("?a={\"b\":<1>}", "?a={%22b%22:%3C1%3E}"), ("?\"", "?%22"), ("\"<>", "\"<>"), ("\"?\"?\"", "\"?%22?%22")]
        {
            let behind = format!("{GET}{POST}");
            let all = text_seen(&[&format!("{}{behind}", request(sent))]);
            assert_eq!(all, format!("{}{behind}", request(seen)), "{sent}");
        }
    }

    #[test]
    fn a_query_that_has_no_room_is_left_to_hyper() {
        let request = b"GET /?\" HTTP/1.1\r\n\r\n";
        for (spare, is_escaped) in [(1, false), (2, true)] {
            let mut room = vec![0; request.len() + spare];
            let mut buffer = ReadBuf::new(&mut room);
            buffer.put_slice(request);
            RequestHeads::default().look(&mut buffer, 0);
            assert_eq!(buffer.filled().windows(3).any(|three| three == b"%22"), is_escaped);
        }
    }

    #[test]
    fn only_a_websocket_makes_a_request_a_newer_one() {
        let request = |version: &str, header: &str| format!("GET /a HTTP/1.{version}\r\n{header}\r\n\r\n");
        for (header, seen) in [("Upgrade: WebSocket", "1"), ("Upgrade: h2c", "0"), ("x: y", "0"), ("upgrade:", "0")] {
            assert_eq!(text_seen(&[&request("0", header)]), request(seen, header), "{header}");
        }
    }

    #[test]
    fn no_more_than_a_hundred_lines_are_left() {
        let host = "host: a\r\nX-Forwarded-Host: b\r\n";
        for (own, left) in [(98, 100), (99, 100), (200, 100), (5000, 100)] {
            let own: String = (0..own).map(|at| format!("x-{at}: v\r\n")).collect();
            for all in [format!("{host}{own}"), format!("{own}{host}")] {
                let mut room = vec![0; 1 << 17];
                let mut buffer = ReadBuf::new(&mut room);
                buffer.put_slice(format!("GET / HTTP/1.1\r\n{all}\r\n{GET}").as_bytes());
                let len = buffer.filled().len();
                RequestHeads::default().look(&mut buffer, 0);
                let seen = std::str::from_utf8(buffer.filled()).unwrap();
                assert_eq!(seen.len(), len);
                let head = seen.strip_suffix(GET).unwrap().trim_end_matches("\r\n");
                assert_eq!(head.matches("\r\n").count(), left);
                assert!(head.contains("\r\nhost: a") && head.contains("\r\nX-Forwarded-Host: b"));
            }
        }
        // They may all be of use.
        let cookies = format!("GET / HTTP/1.1\r\n{}\r\n", "cookie: a=b\r\n".repeat(101));
        assert_eq!(text_seen(&[&cookies]), cookies);
    }

    #[test]
    fn any_bytes_in_any_pieces_keep_their_place() {
        let alphabet: &[&str] =
            &["GET /?a HTTP/1.0", "\r\n", "\n", "\"", "content-length: 7", "upgrade: websocket", "x-a: b", " ", "?"];
        let mut state = 1_u64;
        for _ in 0..3000 {
            let mut all = String::new();
            for _ in 0..20 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                all += alphabet[(state >> 33) as usize % alphabet.len()];
            }
            let (one, other) = all.split_at((state >> 20) as usize % all.len());
            let (seen, _) = seen(&[one.as_bytes(), other.as_bytes()]);
            let plain = String::from_utf8(seen).unwrap().replace("%22", "\"").replace('\0', "\n");
            assert_eq!(plain.replace("HTTP/1.1", "HTTP/1.0"), all);
        }
    }
}
