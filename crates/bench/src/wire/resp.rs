//! What Redis is told and says, by its second protocol (RESP2): as much of it as is needed to publish and to hear.

/// A reply, or what a subscriber is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A status, or a value.
    Text(Vec<u8>),
    Number(i64),
    List(Vec<Self>),
    Nothing,
    /// It was refused, with Redis' reason.
    Refused(String),
}

impl Reply {
    /// Reads a reply from the start of `bytes`, with how many bytes it took; `None` while some are missing.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut reader = Reader { bytes, at: 0 };
        let reply = reader.reply()?;
        Some((reply, reader.at))
    }
}

/// Appends a command.
pub(crate) fn write_command(out: &mut Vec<u8>, parts: &[&[u8]]) {
    out.extend_from_slice(format!("*{}\r\n", parts.len()).as_bytes());
    for part in parts {
        out.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn reply(&mut self) -> Option<Reply> {
        let (kind, rest) = self.line()?.split_first()?;
        let text = String::from_utf8_lossy(rest);
        let number = || text.parse::<i64>().unwrap_or_default();
        Some(match kind {
            b'-' => Reply::Refused(text.into_owned()),
            b':' => Reply::Number(number()),
            b'$' => match usize::try_from(number()) {
                Ok(length) => Reply::Text(self.value(length)?.to_vec()),
                Err(_) => Reply::Nothing,
            },
            b'*' => Reply::List((0..number()).map(|_| self.reply()).collect::<Option<_>>()?),
            _ => Reply::Text(rest.to_vec()),
        })
    }

    fn line(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let length = memchr::memmem::find(rest, b"\r\n")?;
        self.at += length + 2;
        rest.get(..length)
    }

    fn value(&mut self, length: usize) -> Option<&'a [u8]> {
        let value = self.bytes.get(self.at..)?.get(..length + 2)?;
        self.at += value.len();
        value.get(..length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_a_list_of_values() {
        let mut out = Vec::new();
        write_command(&mut out, &[b"PUBLISH", b"c", b"a\r\nb"]);
        assert_eq!(out, b"*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$4\r\na\r\nb\r\n");
    }

    #[test]
    fn replies_are_read_and_waited_for() {
        let text = |text: &[u8]| Reply::Text(text.to_vec());
        let rows: [(&[u8], Reply); 6] = [
            (b"+PONG\r\n", text(b"PONG")),
            (b":-7\r\n", Reply::Number(-7)),
            (b"$4\r\na\r\nb\r\n", text(b"a\r\nb")),
            (b"$-1\r\n", Reply::Nothing),
            (b"-ERR no\r\n", Reply::Refused("ERR no".to_owned())),
            (
                b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n:1\r\n",
                Reply::List(vec![text(b"message"), text(b"c"), Reply::Number(1)]),
            ),
        ];
        for (wire, reply) in rows {
            let more = [wire, b"+"].concat();
            assert_eq!(Reply::read(&more), Some((reply, wire.len())));
            for end in 0..wire.len() {
                assert_eq!(Reply::read(&wire[..end]), None);
            }
        }
    }
}
