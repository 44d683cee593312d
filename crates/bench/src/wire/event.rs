//! The events that are relayed: a string that carries who sent it, which it is, and when.

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

/// An event's name, by which a server knows to whom it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// To everybody, or, if the server was told so, to everybody but its sender.
    Update,
    /// To the room `crowd`.
    ToCrowd,
    /// To the room `pair`.
    ToPair,
    /// As [`Update`](Self::Update), in an object with two more members.
    Object,
}

impl Name {
    const ALL: [Self; 4] = [Self::Update, Self::ToCrowd, Self::ToPair, Self::Object];

    const fn start(self) -> &'static [u8] {
        match self {
            Self::Update => b"42[\"update\",\"",
            Self::ToCrowd => b"42[\"to-crowd\",\"",
            Self::ToPair => b"42[\"to-pair\",\"",
            Self::Object => b"42[\"update\",{\"text\":\"",
        }
    }

    const fn end(self) -> &'static [u8] {
        match self {
            Self::Object => b"\",\"revision\":7,\"done\":false}]",
            _ => b"\"]",
        }
    }
}

impl Stamp {
    /// Reads the stamp at the start of a message; `None` if it is another kind of message.
    pub(crate) fn read(message: &[u8]) -> Option<Self> {
        let digits = Name::ALL.iter().find_map(|name| message.strip_prefix(name.start()))?;
        let (sender, digits) = digits.split_at_checked(SENDER_DIGITS)?;
        let (sequence, digits) = digits.split_at_checked(SEQUENCE_DIGITS)?;
        let at = digits.get(..TIME_DIGITS)?;
        Some(Self {
            sender: u32::try_from(number(sender)?).ok()?,
            sequence: u32::try_from(number(sequence)?).ok()?,
            at_us: number(at)?,
        })
    }

    /// The Engine.IO message of an event whose argument has as many characters as `filler`, or as the stamp alone if
    /// those are more.
    pub(crate) fn message(self, name: Name, filler: &[u8]) -> Vec<u8> {
        let Self { sender, sequence, at_us } = self;
        let stamp = format!("{sender:0SENDER_DIGITS$}{sequence:0SEQUENCE_DIGITS$}{at_us:0TIME_DIGITS$}");
        [name.start(), stamp.as_bytes(), filler.get(stamp.len()..).unwrap_or_default(), name.end()].concat()
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

/// One event of a flood: it has no stamp, and is only counted where it arrives.
pub(crate) fn flood(name: Name, bytes: usize) -> Vec<u8> {
    [name.start(), FLOOD, &vec![b'x'; bytes.saturating_sub(FLOOD.len())], name.end()].concat()
}

/// Whether a message is what [`flood`] makes.
pub(crate) fn is_flood(message: &[u8]) -> bool {
    Name::ALL.iter().any(|name| message.strip_prefix(name.start()).is_some_and(|rest| rest.starts_with(FLOOD)))
}

/// The Engine.IO message that lets its sender into a room.
pub(crate) fn entry(room: &str) -> Vec<u8> {
    [ENTRY, room.as_bytes(), b"\"]"].concat()
}

/// Whether a message is what [`entry`] makes.
pub(crate) fn is_entry(message: &[u8]) -> bool {
    message.starts_with(ENTRY)
}

/// Text that compresses to about a third, as JSON does: words of which each comes again now and then.
pub(crate) fn text(bytes: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes + WORD_BYTES_MAX);
    // Knuth's generator: the same text in every run.
    let mut state = 1_u64;
    while text.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = (state >> 40) % 1_000;
        text.extend_from_slice(format!("w{:x} ", word * word * 7_919).as_bytes());
    }
    text.truncate(bytes);
    text
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |sum, digit| {
        digit.is_ascii_digit().then(|| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
    })
}

/// No digit, so no stamp.
const FLOOD: &[u8] = b"~";
const ECHO: &[u8] = b"42[\"echo\",\"";
const ENTRY: &[u8] = b"42[\"join-";
const SENDER_DIGITS: usize = 5;
const SEQUENCE_DIGITS: usize = 9;
const TIME_DIGITS: usize = 12;
const WORD_BYTES_MAX: usize = 18;

/// How much of a message has to be seen to read its stamp, whatever its name.
pub(crate) const STAMPED_BYTES: usize = Name::Object.start().len() + SENDER_DIGITS + SEQUENCE_DIGITS + TIME_DIGITS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_from_the_message_it_was_written_to() {
        let stamp = Stamp { sender: 49, sequence: 123_456, at_us: 987_654_321 };
        for name in Name::ALL {
            let message = stamp.message(name, &[b'x'; 128]);
            assert_eq!(Stamp::read(&message), Some(stamp));
            assert_eq!(Stamp::read(&message[..STAMPED_BYTES]), Some(stamp));
            assert_eq!(message.len(), name.start().len() + 128 + name.end().len());
        }
        let shortest = Name::Update.start().len() + SENDER_DIGITS + SEQUENCE_DIGITS + TIME_DIGITS;
        assert_eq!(Stamp::read(&stamp.message(Name::Update, &[])[..shortest - 1]), None);
    }

    #[test]
    fn a_flood_has_no_stamp_and_a_stamped_event_is_no_flood() {
        for name in Name::ALL {
            let flood = flood(name, 1);
            assert!(is_flood(&flood) && Stamp::read(&flood).is_none());
            assert!(!is_flood(&Stamp { sender: 0, sequence: 0, at_us: 0 }.message(name, &[])));
        }
    }

    #[test]
    fn other_messages_have_no_stamp() {
        assert_eq!(Stamp::read(b"2"), None);
        assert_eq!(Stamp::read(br#"42["other","0000000000000000000000000000000000""#), None);
        assert_eq!(Stamp::read(br#"42["update","not digits, but long enough for it""#), None);
    }

    #[test]
    fn text_has_the_length_asked_for_and_is_no_run_of_one_letter() {
        let text = text(10_000);
        assert_eq!(text.len(), 10_000);
        assert!(text.windows(8).filter(|window| window == &&text[..8]).count() < 100);
    }
}
