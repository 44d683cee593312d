//! Frames from a server, counted without being copied.

use super::event::STAMPED_BYTES;
use super::frame::Header;

/// Finds the frames in what a client reads.
///
/// A frame that lies whole in one read is handed on from there. Of one that does not, only its header and the start
/// of its payload are kept: this is what lets one core read for thousands of clients.
#[derive(Debug)]
pub(crate) struct Scanner {
    kept: [u8; KEPT_BYTES],
    kept_bytes: usize,
    /// What is still to come of the payload behind what is kept.
    skip: u64,
}

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    /// The start of the payload: all of it, or at least [`STAMPED_BYTES`].
    pub(crate) start: &'a [u8],
    pub(crate) payload_bytes: u64,
}

impl Default for Scanner {
    fn default() -> Self {
        Self { kept: [0; KEPT_BYTES], kept_bytes: 0, skip: 0 }
    }
}

impl Scanner {
    /// Takes what was read, and hands on each frame that is complete with it.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut on_frame: impl FnMut(Frame<'_>)) {
        while !bytes.is_empty() {
            bytes = match self.kept_bytes {
                0 => match whole_frame(bytes) {
                    Some((frame, rest)) => {
                        on_frame(frame);
                        rest
                    }
                    None => self.keep(bytes),
                },
                _ => self.keep(bytes),
            };
            if let Some(frame) = self.completed() {
                on_frame(frame);
                self.kept_bytes = 0;
            }
        }
    }

    /// Takes bytes of a frame that is not complete, and gives back what is left of them.
    fn keep<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        // The header byte by byte: frames are rarely split, and almost never there.
        while Header::read(self.kept()).is_none() {
            let Some((byte, rest)) = bytes.split_first() else { return bytes };
            self.push(std::slice::from_ref(byte));
            bytes = rest;
            if let Some(header) = Header::read(self.kept()) {
                self.skip = header.payload_bytes;
            }
        }
        let room = KEPT_BYTES - self.kept_bytes;
        let (start, rest) = bytes.split_at(bytes.len().min(room).min(capped(self.skip)));
        self.push(start);
        self.skip -= start.len() as u64;
        let (skipped, rest) = rest.split_at(rest.len().min(capped(self.skip)));
        self.skip -= skipped.len() as u64;
        rest
    }

    fn completed(&self) -> Option<Frame<'_>> {
        let header = Header::read(self.kept()).filter(|_| self.skip == 0)?;
        Some(Frame {
            opcode: header.opcode,
            start: self.kept().get(header.bytes..).unwrap_or_default(),
            payload_bytes: header.payload_bytes,
        })
    }

    fn kept(&self) -> &[u8] {
        self.kept.get(..self.kept_bytes).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Some(room) = self.kept.get_mut(self.kept_bytes..self.kept_bytes + bytes.len()) {
            room.copy_from_slice(bytes);
            self.kept_bytes += bytes.len();
        }
    }
}

fn whole_frame(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let header = Header::read(bytes)?;
    let (payload, rest) = bytes.get(header.bytes..)?.split_at_checked(capped(header.payload_bytes))?;
    Some((Frame { opcode: header.opcode, start: payload, payload_bytes: header.payload_bytes }, rest))
}

fn capped(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// The longest header of a server, and what a stamp needs.
const KEPT_BYTES: usize = 10 + STAMPED_BYTES;

#[cfg(test)]
mod tests {
    use super::super::event::{Name, Stamp};
    use super::super::frame::write_server_text;
    use super::*;

    #[test]
    fn frames_are_found_wherever_the_reads_are_split() {
        let stamp = |sequence| Stamp { sender: 1, sequence, at_us: 7 };
        let mut wire = Vec::new();
        write_server_text(&mut wire, b"2");
        write_server_text(&mut wire, &stamp(1).message(Name::Update, &[b'x'; 30]));
        write_server_text(&mut wire, &[]);
        write_server_text(&mut wire, &stamp(2).message(Name::Update, &[b'x'; 300]));
        write_server_text(&mut wire, &stamp(3).message(Name::Update, &[b'x'; 70_000]));
        write_server_text(&mut wire, b"6");
        for step in [1, 2, 3, 5, 13, 39, 100, 1_000, 69_999, wire.len()] {
            let mut scanner = Scanner::default();
            let mut found = Vec::new();
            for bytes in wire.chunks(step) {
                scanner.feed(bytes, |frame| found.push((frame.payload_bytes, Stamp::read(frame.start))));
            }
            let lengths: Vec<u64> = found.iter().map(|(length, _)| *length).collect();
            assert_eq!(lengths, [1, 45, 0, 315, 70_015, 1], "in steps of {step}");
            let stamps: Vec<Stamp> = found.iter().filter_map(|(_, stamp)| *stamp).collect();
            assert_eq!(stamps, [stamp(1), stamp(2), stamp(3)], "in steps of {step}");
        }
    }
}
