//! The two forms of a JSON string.

use alloc::string::String;

use crate::scan;

/// Writes `text` as a JSON string, quotes included, escaped as `JSON.stringify` does, in pieces.
pub(crate) fn escape(text: &str, mut put: impl FnMut(&str)) {
    const HEX: [&str; 16] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"];
    put("\"");
    let mut rest = text;
    loop {
        // What has to be escaped is what the scanner stops at.
        let (plain, special) = rest.split_at(scan::find_special(rest.as_bytes(), 0));
        put(plain);
        let mut special = special.chars();
        match special.next() {
            None => break,
            Some('"') => put("\\\""),
            Some('\\') => put("\\\\"),
            Some('\u{8}') => put("\\b"),
            Some('\t') => put("\\t"),
            Some('\n') => put("\\n"),
            Some('\u{c}') => put("\\f"),
            Some('\r') => put("\\r"),
            Some(control) => {
                put("\\u00");
                put(HEX[(control as usize >> 4) & 15]);
                put(HEX[control as usize & 15]);
            }
        }
        rest = special.as_str();
    }
    put("\"");
}

/// The text of a JSON string that the scanner has accepted, given without its quotes.
///
/// A lone surrogate, which Rust text cannot hold, becomes U+FFFD.
pub(crate) fn unescape(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut chars = escape.chars();
        rest = match chars.next() {
            Some('u') => {
                let (unit, behind) = code_unit(chars.as_str());
                let low = behind.strip_prefix("\\u").map(code_unit);
                match low {
                    Some((low, behind)) if is_high(unit) && is_low(low) => {
                        let code = 0x1_0000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
                        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                        behind
                    }
                    _ => {
                        out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
                        behind
                    }
                }
            }
            other => {
                out.push(match other {
                    Some('b') => '\u{8}',
                    Some('f') => '\u{c}',
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('t') => '\t',
                    // `"`, `\` and `/` stand for themselves.
                    Some(itself) => itself,
                    None => char::REPLACEMENT_CHARACTER,
                });
                chars.as_str()
            }
        };
    }
    out.push_str(rest);
    out
}

/// The four digits of a `\u` escape, and what follows them.
fn code_unit(text: &str) -> (u32, &str) {
    match text.split_at_checked(4) {
        Some((digits, behind)) => (u32::from_str_radix(digits, 16).unwrap_or(0xfffd), behind),
        None => (0xfffd, ""),
    }
}

fn is_high(unit: u32) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

fn is_low(unit: u32) -> bool {
    (0xdc00..0xe000).contains(&unit)
}
