//! What a request is, by its first bytes.

use memchr::memmem;

/// What of a message is seen without reading it. What is written as no known sender writes it is taken for what keeps its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance<'a> {
    /// What it is.
    pub sort: Sort,
    /// Whose it is.
    pub sender: Sender<'a>,
}

/// What a message is, as far as its order goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// It asks something that is answered at once, and changes nothing.
    Question,
    /// It changes who is in which room, or who is there at all: what is asked behind it is to see that.
    Move,
    /// It is neither: an event.
    Other,
}

/// Who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender<'a> {
    /// The node of this uid.
    Named(&'a str),
    /// Somebody who does not say: an emitter, which asks nothing.
    Nobody,
    /// It is not seen.
    Unknown,
}

impl Glance<'_> {
    const UNKNOWN: Self = Self { sort: Sort::Move, sender: Sender::Unknown };
}

/// A request of the classic protocol: `uid` and `requestId`, if there are any, then `type`.
pub(crate) fn classic(body: &[u8]) -> Glance<'_> {
    let seen = match body.split_first() {
        Some((b'{', rest)) => members(rest, json_text, json_digit),
        Some((0x80..=0x8f, rest)) => members(rest, msgpack_text, msgpack_digit),
        _ => None,
    };
    let Some(Seen { uid, kind, rest }) = seen else { return Glance::UNKNOWN };
    let sort = match kind {
        0 | 1 | 5 | 6 => Sort::Question,
        2..=4 => Sort::Move,
        _ => Sort::Other,
    };
    Glance { sort, sender: sender(uid, rest) }
}

/// A message of the sharded protocol: `type` first, `uid` nearly last.
pub(crate) fn sharded(body: &[u8]) -> Glance<'_> {
    let seen = match body.split_first() {
        Some((b'{', rest)) => members(rest, json_text, json_digit),
        // Only events and answers are written so.
        Some((0x80..=0x8f, _)) => return Glance { sort: Sort::Other, sender: Sender::Unknown },
        _ => None,
    };
    let Some(Seen { kind, .. }) = seen else { return Glance::UNKNOWN };
    let sort = match kind {
        7 | 9 => Sort::Question,
        4..=6 => Sort::Move,
        _ => Sort::Other,
    };
    let uid = memmem::rfind(body, UID).and_then(|at| body.get(at + UID.len()..)).and_then(json_text);
    Glance { sort, sender: uid.map_or(Sender::Unknown, |(uid, _)| Sender::Named(uid)) }
}

/// The id of the request that an answer is to, in either protocol and format, where it stands in front as all write it. An
/// answer to another node need not be read.
pub fn peek_request_id(body: &[u8]) -> Option<&str> {
    match body.split_first()? {
        (b'{', rest) => request_id(rest, json_text, json_number, |rest| rest.strip_prefix(b"{")),
        (0x80..=0x8f, rest) => request_id(rest, msgpack_text, msgpack_digit, |rest| {
            let (0x80..=0x8f, rest) = rest.split_first()? else { return None };
            Some(rest)
        }),
        _ => None,
    }
}

fn request_id<'a>(
    mut rest: &'a [u8],
    text: Read<'a, &'a str>,
    number: Read<'a, u8>,
    map: fn(&'a [u8]) -> Option<&'a [u8]>,
) -> Option<&'a str> {
    for _ in 0..3 {
        let (key, value) = text(rest)?;
        rest = match key {
            "requestId" => return text(value).map(|(id, _)| id),
            "type" => number(value)?.1,
            "data" => map(value)?,
            _ => return None,
        };
    }
    None
}

/// Without a uid before the type there may be one behind it.
fn sender<'a>(uid: Option<&'a str>, rest: &[u8]) -> Sender<'a> {
    match uid {
        Some(uid) => Sender::Named(uid),
        None if memmem::find(rest, b"uid").is_some() => Sender::Unknown,
        None => Sender::Nobody,
    }
}

/// What stands up to the type.
struct Seen<'a> {
    uid: Option<&'a str>,
    kind: u8,
    rest: &'a [u8],
}

type Read<'a, T> = fn(&'a [u8]) -> Option<(T, &'a [u8])>;

fn members<'a>(mut rest: &'a [u8], text: Read<'a, &'a str>, digit: Read<'a, u8>) -> Option<Seen<'a>> {
    let mut uid = None;
    // Each key at most once, and whatever is in a `uid` is no longer than a name.
    for _ in 0..3 {
        let (key, value) = text(rest)?;
        if key == "type" {
            let (kind, rest) = digit(value)?;
            return Some(Seen { uid, kind, rest });
        }
        let (value, behind) = text(value)?;
        match key {
            "uid" => uid = Some(value),
            "requestId" => {}
            _ => return None,
        }
        rest = behind;
    }
    None
}

/// A text without escapes, and the `:` or `,` behind it.
fn json_text(rest: &[u8]) -> Option<(&str, &[u8])> {
    let rest = rest.strip_prefix(b"\"")?;
    let end = memchr::memchr2(b'"', b'\\', rest.get(..LEN_MAX.min(rest.len()))?)?;
    let (text, behind) = (rest.get(..end)?, rest.get(end..)?.strip_prefix(b"\"")?);
    let behind = behind.strip_prefix(b":").or_else(|| behind.strip_prefix(b",")).unwrap_or(behind);
    Some((std::str::from_utf8(text).ok()?, behind))
}

/// A number of one digit.
fn json_digit(rest: &[u8]) -> Option<(u8, &[u8])> {
    let (digit, behind) = rest.split_first()?;
    let is_whole = digit.is_ascii_digit() && matches!(behind.first(), Some(b',' | b'}'));
    is_whole.then_some((digit.wrapping_sub(b'0'), behind))
}

/// A number of one digit or two, and the `,` behind it.
fn json_number(rest: &[u8]) -> Option<(u8, &[u8])> {
    let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(rest.get(..len)?).ok()?.parse().ok()?;
    Some((number, rest.get(len..)?.strip_prefix(b",")?))
}

/// A text of less than 32 bytes.
fn msgpack_text(rest: &[u8]) -> Option<(&str, &[u8])> {
    let (head @ 0xa0..=0xbf, rest) = rest.split_first()? else { return None };
    let (text, behind) = rest.split_at_checked(usize::from(head & 0x1f))?;
    Some((std::str::from_utf8(text).ok()?, behind))
}

fn msgpack_digit(rest: &[u8]) -> Option<(u8, &[u8])> {
    let (digit @ 0..=99, behind) = rest.split_first()? else { return None };
    Some((*digit, behind))
}

/// Longer ones are nobody's uid or id.
const LEN_MAX: usize = 256;
const UID: &[u8] = br#""uid":"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn glance(sort: Sort, sender: Sender<'_>) -> Glance<'_> {
        Glance { sort, sender }
    }

    #[test]
    fn what_a_classic_request_is_stands_in_front() {
        use {Sender::*, Sort::*};
        for (body, expected) in [
            (r#"{"uid":"3ZMnJu","requestId":"46Alll","type":5,"opts":{}}"#, glance(Question, Named("3ZMnJu"))),
            (r#"{"uid":"3ZMnJu","requestId":"8_N83N","type":1}"#, glance(Question, Named("3ZMnJu"))),
            (r#"{"requestId":"r","type":0,"rooms":[]}"#, glance(Question, Nobody)),
            (r#"{"uid":"a","type":6,"data":["e"]}"#, glance(Question, Named("a"))),
            (r#"{"uid":"a","type":2,"opts":{},"rooms":["uid"]}"#, glance(Move, Named("a"))),
            (r#"{"type":2,"opts":{},"rooms":["r1"]}"#, glance(Move, Nobody)),
            (r#"{"type":4,"opts":{},"uid":"a"}"#, glance(Move, Unknown)),
            (r#"{"type":4,"opts":{},"\u0075id":"a"}"#, glance(Move, Nobody)),
            (r#"{"requestId":"r","type":3,"sid":"s","room":"x"}"#, glance(Move, Nobody)),
            // Events, and what may be anything.
            (r#"{"uid":"a","requestId":"r","type":7,"packet":{}}"#, glance(Other, Named("a"))),
            (r#"{ "uid":"a","type":5}"#, Glance::UNKNOWN),
            (r#"{"uid":"a","type":50}"#, Glance::UNKNOWN),
            (r#"{"uid":"a","type":"5"}"#, Glance::UNKNOWN),
            (r#"{"uid":"a\"","type":5}"#, Glance::UNKNOWN),
            (r#"{"opts":{},"type":5}"#, Glance::UNKNOWN),
            (r#"{"uid":"a"#, Glance::UNKNOWN),
            ("", Glance::UNKNOWN),
        ] {
            assert_eq!(classic(body.as_bytes()), expected, "{body}");
        }
        for (kind, sort) in [(7, Other), (5, Question), (2, Move)] {
            let mut body = b"\x85\xa3uid\xa63ZMnJu\xa9requestId\xa6dZ5Wj0\xa4type".to_vec();
            body.push(kind);
            assert_eq!(classic(&body), glance(sort, Named("3ZMnJu")));
        }
        assert_eq!(classic(b"\x81\xa4type\xcd"), Glance::UNKNOWN);
    }

    #[test]
    fn to_which_request_an_answer_is_stands_in_front() {
        for (body, id) in [
            (&br#"{"requestId":"46Alll","sockets":[]}"#[..], Some("46Alll")),
            (br#"{"type":8,"requestId":"dZ5Wj0","clientCount":1}"#, Some("dZ5Wj0")),
            (br#"{"type":12,"data":{"requestId":"394e","packet":1},"uid":"x","nsp":"/"}"#, Some("394e")),
            (b"\x83\xa4type\x09\xa9requestId\xa6dZ5Wj0\xa6packet\x01", Some("dZ5Wj0")),
            (b"\x84\xa4type\x0c\xa4data\x82\xa9requestId\xa4394e\xa6packet\x01", Some("394e")),
            // To be read, for what it is worth.
            (br#"{"sockets":[],"requestId":"46Alll"}"#, None),
            (br#"{"requestId":"46\u0041lll"}"#, None),
            (br#"{"type":8 ,"requestId":"a"}"#, None),
            (br#"{"data":{"data":{"data":{"requestId":"a"}}}}"#, None),
            (b"{", None),
            (b"\x81", None),
            (b"", None),
        ] {
            assert_eq!(peek_request_id(body), id, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn what_a_sharded_message_is_stands_in_front_and_whose_behind() {
        use {Sender::*, Sort::*};
        for (body, expected) in [
            (r#"{"type":7,"data":{"uid":"x"},"uid":"a618","nsp":"/"}"#, glance(Question, Named("a618"))),
            (r#"{"type":4,"data":{},"uid":"a618","nsp":"/"}"#, glance(Move, Named("a618"))),
            (r#"{"type":3,"data":{},"uid":"a618","nsp":"/"}"#, glance(Other, Named("a618"))),
            (r#"{"type":12,"data":{},"uid":"a618","nsp":"/"}"#, Glance::UNKNOWN),
            (r#"{"data":{},"type":7,"uid":"a618","nsp":"/"}"#, Glance::UNKNOWN),
            (r#"{"type":7,"data":{}"#, glance(Question, Unknown)),
        ] {
            assert_eq!(sharded(body.as_bytes()), expected, "{body}");
        }
    }
}
