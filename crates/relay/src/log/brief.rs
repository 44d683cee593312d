//! Text that has an end.

use std::fmt::{self, Write};

/// The beginning of a text that may be of any length, and how much of it is not here. What is written to it beyond the bound
/// costs no memory.
#[derive(Debug)]
pub(crate) struct Brief {
    text: String,
    bytes_max: usize,
    left_out: usize,
}

impl Brief {
    /// For at most so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { text: String::new(), bytes_max, left_out: 0 }
    }

    /// What is there, and a word on the rest: `abc…+12` is three bytes of fifteen.
    pub(crate) fn into_text(self) -> String {
        let Self { mut text, left_out, .. } = self;
        if left_out > 0 {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "…+{left_out}");
        }
        text
    }
}

impl Write for Brief {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = if self.left_out > 0 { 0 } else { self.bytes_max - self.text.len() };
        let fitting = (0..=room.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        let (kept, rest) = text.split_at(fitting);
        self.text.push_str(kept);
        self.left_out += rest.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brief(pieces: &[&str]) -> String {
        let mut brief = Brief::new(5);
        pieces.iter().for_each(|piece| brief.write_str(piece).unwrap());
        brief.into_text()
    }

    #[test]
    fn a_text_is_cut_between_characters_and_says_what_is_missing() {
        for (pieces, expected) in [
            (&["12345"] as &[_], "12345"),
            (&[], ""),
            (&["123456"], "12345…+1"),
            (&["123", "456", "7"], "12345…+2"),
            // A character that does not fit whole is not there, nor is what comes behind it.
            (&["1234é", "x"], "1234…+3"),
            (&["💥💥"], "💥…+4"),
        ] {
            assert_eq!(brief(pieces), expected);
        }
    }
}
