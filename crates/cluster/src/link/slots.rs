//! Which master of a Redis Cluster has which channels.

use redis::Value;

/// The masters, and the slots of each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    /// In the order of their addresses, so that all nodes have one order.
    masters: Vec<(String, u16)>,
    /// From, to, and whose.
    ranges: Vec<(u16, u16, usize)>,
}

impl Slots {
    /// Reads the answer to `CLUSTER SLOTS`. `asked`: the host that was, which may leave out its own name.
    pub(super) fn read(reply: &Value, asked: &str) -> Option<Self> {
        let Value::Array(entries) = reply else { return None };
        let found: Vec<_> = entries.iter().map(|entry| range(entry, asked)).collect::<Option<_>>()?;
        let mut masters: Vec<_> = found.iter().map(|(_, _, master)| master.clone()).collect();
        masters.sort_unstable();
        masters.dedup();
        let place = |master: &(String, u16)| masters.binary_search(master).ok();
        let ranges =
            found.iter().map(|(from, to, master)| Some((*from, *to, place(master)?))).collect::<Option<_>>()?;
        (!masters.is_empty()).then_some(Self { masters, ranges })
    }

    /// The masters, with their addresses.
    pub(super) fn masters(&self) -> &[(String, u16)] {
        &self.masters
    }

    /// Whether each slot is somebody's.
    pub(super) fn is_whole(&self) -> bool {
        self.ranges.iter().map(|(from, to, _)| usize::from(to.saturating_sub(*from)) + 1).sum::<usize>()
            >= usize::from(SLOTS)
    }

    /// Which of the masters has a channel.
    pub(super) fn owner(&self, channel: &[u8]) -> Option<usize> {
        let slot = slot(channel);
        self.ranges.iter().find(|(from, to, _)| (*from..=*to).contains(&slot)).map(|(_, _, owner)| *owner)
    }
}

fn range(entry: &Value, asked: &str) -> Option<(u16, u16, (String, u16))> {
    let Value::Array(entry) = entry else { return None };
    let [from, to, Value::Array(master), ..] = &**entry else { return None };
    let [host, port, ..] = &**master else { return None };
    let host = match host {
        Value::BulkString(host) if !host.is_empty() => String::from_utf8(host.clone()).ok()?,
        Value::BulkString(_) | Value::Nil => asked.to_owned(),
        _ => return None,
    };
    Some((number(from)?, number(to)?, (host, number(port)?)))
}

fn number(value: &Value) -> Option<u16> {
    match value {
        Value::Int(number) => u16::try_from(*number).ok(),
        _ => None,
    }
}

/// The slot of a channel: of what stands between its first braces, if anything does.
fn slot(channel: &[u8]) -> u16 {
    let tag = || {
        let open = channel.iter().position(|byte| *byte == b'{')?;
        let rest = channel.get(open + 1..)?;
        let close = rest.iter().position(|byte| *byte == b'}')?;
        rest.get(..close).filter(|tag| !tag.is_empty())
    };
    crc16(tag().unwrap_or(channel)) % SLOTS
}

/// CRC-16 of XMODEM, as Redis has it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte) << 8,
            |crc: u16, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 },
        )
    })
}

const SLOTS: u16 = 16384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // `CLUSTER KEYSLOT` says so.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot(b"foo"), 12182);
        assert_eq!(slot(b"{foo}bar"), 12182);
        assert_eq!(slot(b"foo{}"), crc16(b"foo{}") % SLOTS);
    }

    #[test]
    fn a_channel_belongs_to_the_master_of_its_slot() {
        let node = |host: &str, port| Value::Array(vec![Value::BulkString(host.into()), Value::Int(port)]);
        let entry = |from, to, master| Value::Array(vec![Value::Int(from), Value::Int(to), master, node("r", 1)]);
        let reply = Value::Array(vec![
            entry(0, 5000, node("b", 2)),
            entry(5001, 12000, node("", 9)),
            entry(12001, 16383, node("b", 2)),
        ]);
        let slots = Slots::read(&reply, "asked").unwrap();
        assert_eq!(slots.masters, [("asked".to_owned(), 9), ("b".to_owned(), 2)]);
        assert_eq!(slots.owner(b"foo"), Some(1));
        assert!(slots.is_whole());
        let part = Slots::read(&Value::Array(vec![entry(0, 12000, node("b", 2))]), "asked").unwrap();
        assert!(!part.is_whole() && part.owner(b"foo").is_none());
        assert_eq!(Slots::read(&Value::Array(vec![]), "a"), None);
        assert_eq!(Slots::read(&Value::Array(vec![Value::Okay]), "a"), None);
        assert_eq!(Slots::read(&Value::Nil, "a"), None);
    }
}
