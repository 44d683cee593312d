//! `application/x-www-form-urlencoded`, as far as a request's query and a JSONP body need it.

use std::borrow::Cow;

/// The pairs of a query string, in their order, with `+` and `%XX` decoded.
///
/// A `%` that starts no escape stands for itself, as the URL standard has it. The bytes are not checked to be
/// UTF-8.
pub(crate) fn pairs(query: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    query.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = match memchr::memchr(b'=', pair) {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &[][..]),
        };
        (decode(key), decode(value))
    })
}

fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'+', b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        decoded.push(match (first, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                rest = after;
                hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0)
            }
            (byte, _) => *byte,
        });
    }
    Cow::Owned(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_split_and_decoded() {
        let query = b"a=1&b&&=x&%63=%2B+%e2%82%ac&d=%zz%4&e=f=g";
        let found: Vec<_> = pairs(query)
            .map(|(key, value)| (String::from_utf8(key.into()).unwrap(), String::from_utf8(value.into()).unwrap()))
            .collect();
        let expected = [("a", "1"), ("b", ""), ("", "x"), ("c", "+ €"), ("d", "%zz%4"), ("e", "f=g")];
        assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
