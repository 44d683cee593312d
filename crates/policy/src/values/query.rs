//! What is kept of a handshake's query.

/// Some values of a query by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(
    /// Behind one more pointer: few rules ask for any.
    Option<Box<Values>>,
);

type Values = Box<[(Box<str>, Box<str>)]>;

impl Query {
    /// Of a query such as `EIO=4&room=a%20b`, the values of these names. Of one that stands twice the last counts.
    pub fn pick<'a>(query: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        let value = |name: &str| Self::pairs(query).rev().find(|(key, _)| key == name).map(|(_, value)| value);
        let picked = names.into_iter().filter_map(|name| Some((name.into(), value(name)?.into())));
        let picked: Values = picked.collect();
        Self(Some(picked).filter(|picked| !picked.is_empty()).map(Box::new))
    }

    /// All that a query has, in its order, but for what is no text.
    pub fn pairs(query: &str) -> impl DoubleEndedIterator<Item = (String, String)> + '_ {
        let parts = query.split('&').filter(|part| !part.is_empty());
        let parts = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
        parts.filter_map(|(key, value)| Some((decoded(key)?, decoded(value)?)))
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.as_ref()?.iter().find(|(key, _)| **key == *name).map(|(_, value)| &**value)
    }
}

/// A part of a query as it is meant; `None` if it is no text.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(match (byte, rest.split_first_chunk::<2>()) {
            (b'+', _) => b' ',
            (b'%', Some((digits, behind))) if digits.iter().all(u8::is_ascii_hexdigit) => {
                rest = behind;
                digits.iter().fold(0, |byte, digit| byte << 4 | hex(*digit))
            }
            (byte, _) => *byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// What a hexadecimal digit stands for.
fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_that_were_asked_for_as_they_are_meant() {
        let query = Query::pick("EIO=4&room=a%20b+%c3%BC&x=1&x=2&bad=%ff&half=%4&n%61me=y&none", ["room", "x", "bad"]);
        let value = |name| query.get(name);
        assert_eq!((value("room"), value("x"), value("bad"), value("EIO")), (Some("a b ü"), Some("2"), None, None));
        let query = Query::pick("half=%4&n%61me=y&none", ["half", "name", "none", "other"]);
        let value = |name| query.get(name);
        assert_eq!(
            (value("half"), value("name"), value("none"), value("other")),
            (Some("%4"), Some("y"), Some(""), None)
        );
    }
}
