//! What a terminal, or a person, would take for something else than text.

use std::fmt::{self, Write};

/// Whether a character could move a terminal's cursor, end a line, or show text in another order or not at all: the
/// controls of ASCII and of Latin-1 (C0, DEL, C1), line and paragraph separators, bidirectional controls, characters
/// without width, interlinear annotations and tags.
pub(crate) fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text in which such characters are written as Rust writes them: `\n`, `\u{9b}`.
pub(crate) struct Plain<'a>(pub(crate) &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        each(self.0, f, |character, f| match character {
            '\n' => f.write_str("\\n"),
            '\r' => f.write_str("\\r"),
            '\t' => f.write_str("\\t"),
            _ => write!(f, "{}", character.escape_unicode()),
        })
    }
}

/// Text as a JSON string, quotes included, with such characters as JSON escapes.
pub(crate) struct JsonString<'a>(pub(crate) &'a str);

impl fmt::Display for JsonString<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for piece in self.0.split_inclusive(['"', '\\']) {
            let (text, special) = match piece.strip_suffix(['"', '\\']) {
                Some(text) => (text, &piece[text.len()..]),
                None => (piece, ""),
            };
            each(text, f, |character, f| {
                let mut units = [0; 2];
                character.encode_utf16(&mut units).iter().try_for_each(|unit| write!(f, "\\u{unit:04x}"))
            })?;
            if !special.is_empty() {
                write!(f, "\\{special}")?;
            }
        }
        f.write_char('"')
    }
}

/// Writes what is plain in pieces, and gives the rest to `escape`.
fn each(
    text: &str,
    f: &mut fmt::Formatter<'_>,
    escape: impl Fn(char, &mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(is_deceptive) {
        let (plain, special) = rest.split_at(at);
        f.write_str(plain)?;
        let mut characters = special.chars();
        if let Some(character) = characters.next() {
            escape(character, f)?;
        }
        rest = characters.as_str();
    }
    f.write_str(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_deceptive_is_left_and_what_is_readable_stays() {
        for (text, plain, json) in [
            ("plain", "plain", r#""plain""#),
            ("", "", r#""""#),
            ("ünïcode 💥 e\u{301} हिन्दी", "ünïcode 💥 e\u{301} हिन्दी", "\"ünïcode 💥 e\u{301} हिन्दी\""),
            ("say \"hi\" \\o/", "say \"hi\" \\o/", r#""say \"hi\" \\o/""#),
            ("a\nb\r\tc", "a\\nb\\r\\tc", r#""a\u000ab\u000d\u0009c""#),
            ("\0\u{1b}[2J", "\\u{0}\\u{1b}[2J", r#""\u0000\u001b[2J""#),
            ("\u{7f}\u{9b}1m\u{85}", "\\u{7f}\\u{9b}1m\\u{85}", r#""\u007f\u009b1m\u0085""#),
            ("\u{202e}gnp.exe\u{2066}", "\\u{202e}gnp.exe\\u{2066}", r#""\u202egnp.exe\u2066""#),
            ("\u{2028}\u{feff}\u{e0041}", "\\u{2028}\\u{feff}\\u{e0041}", r#""\u2028\ufeff\udb40\udc41""#),
        ] {
            assert_eq!(Plain(text).to_string(), plain);
            assert_eq!(JsonString(text).to_string(), json);
        }
    }

    #[test]
    fn every_control_and_every_bidirectional_character_is_deceptive() {
        let controls = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}');
        // Unicode's property Bidi_Control.
        let bidi = ['\u{61c}', '\u{200e}', '\u{200f}']
            .into_iter()
            .chain('\u{202a}'..='\u{202e}')
            .chain('\u{2066}'..='\u{2069}');
        for character in controls.chain(bidi) {
            assert!(is_deceptive(character), "{character:?}");
        }
        assert!(!('\u{20}'..='\u{7e}').chain('\u{a0}'..='\u{ff}').any(is_deceptive));
    }
}
