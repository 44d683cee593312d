//! The event that is relayed: a string that carries who sent it, which it is, and when.

/// Sender, sequence number and time, in fixed places at the start of an event's only argument.
///
/// Every server relays a string as it is, so a recipient finds them without parsing JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) sender: u32,
    /// Counts from 0 for each sender, without gaps.
    pub(crate) sequence: u32,
    /// Microseconds since the load began: when the event was due.
    pub(crate) at_us: u64,
}

impl Stamp {
    /// Reads the stamp at the start of a message; `None` if it is another kind of message.
    pub(crate) fn read(message: &[u8]) -> Option<Self> {
        let digits = message.strip_prefix(UPDATE)?;
        let (sender, digits) = digits.split_at_checked(SENDER_DIGITS)?;
        let (sequence, digits) = digits.split_at_checked(SEQUENCE_DIGITS)?;
        let at = digits.get(..TIME_DIGITS)?;
        Some(Self {
            sender: u32::try_from(number(sender)?).ok()?,
            sequence: u32::try_from(number(sequence)?).ok()?,
            at_us: number(at)?,
        })
    }

    /// The Engine.IO message of an event whose argument has `bytes` characters.
    pub(crate) fn message(self, bytes: usize) -> Vec<u8> {
        let Self { sender, sequence, at_us } = self;
        let stamp = format!("{sender:0SENDER_DIGITS$}{sequence:0SEQUENCE_DIGITS$}{at_us:0TIME_DIGITS$}");
        [UPDATE, stamp.as_bytes(), &vec![b'x'; bytes.saturating_sub(stamp.len())], b"\"]"].concat()
    }
}

/// The Engine.IO message of an `echo` event whose argument has `bytes` characters: it is answered to its sender only.
pub(crate) fn echo(bytes: usize) -> Vec<u8> {
    [ECHO, &vec![b'x'; bytes], b"\"]"].concat()
}

/// Whether a message is what [`echo`] makes.
pub(crate) fn is_echo(message: &[u8]) -> bool {
    message.starts_with(ECHO)
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |sum, digit| {
        digit.is_ascii_digit().then(|| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
    })
}

const UPDATE: &[u8] = b"42[\"update\",\"";
const ECHO: &[u8] = b"42[\"echo\",\"";
const SENDER_DIGITS: usize = 5;
const SEQUENCE_DIGITS: usize = 9;
const TIME_DIGITS: usize = 12;

/// How much of a message has to be seen to read its stamp.
pub(crate) const STAMPED_BYTES: usize = UPDATE.len() + SENDER_DIGITS + SEQUENCE_DIGITS + TIME_DIGITS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_from_the_message_it_was_written_to() {
        let stamp = Stamp { sender: 49, sequence: 123_456, at_us: 987_654_321 };
        let message = stamp.message(128);
        assert_eq!(Stamp::read(&message), Some(stamp));
        assert_eq!(Stamp::read(&message[..STAMPED_BYTES]), Some(stamp));
        assert_eq!(Stamp::read(&message[..STAMPED_BYTES - 1]), None);
        assert_eq!(message.len(), r#"42["update",""]"#.len() + 128);
    }

    #[test]
    fn other_messages_have_no_stamp() {
        assert_eq!(Stamp::read(b"2"), None);
        assert_eq!(Stamp::read(br#"42["other","0000000000000000000000000000000000""#), None);
        assert_eq!(Stamp::read(br#"42["update","not digits, but long enough for it""#), None);
    }
}
