//! The pieces that JSON text is made of, for whoever reads or writes the values of another format.
//!
//! ```
//! use socketio_codec::pieces;
//!
//! let mut text = String::from("[");
//! pieces::escape("a \"quoted\" word", &mut text);
//! text.push(',');
//! pieces::date(1_700_000_000_123, &mut text);
//! text.push(']');
//! assert_eq!(text, r#"["a \"quoted\" word","2023-11-14T22:13:20.123Z"]"#);
//!
//! let end = pieces::value_end(text.as_bytes(), 1, 127)?;
//! assert_eq!(pieces::unescape(&text[1..end]), "a \"quoted\" word");
//! # Ok::<(), socketio_codec::DecodeError>(())
//! ```

use alloc::borrow::Cow;
use alloc::string::String;

use crate::error::DecodeError;
use crate::scan;
use crate::values::{date as dates, string};

/// Writes `text` as a JSON string, with its quotes, escaped as `JSON.stringify` does.
pub fn escape(text: &str, out: &mut String) {
    string::escape(text, |piece| out.push_str(piece));
}

/// What a JSON string, given with its quotes, stands for. A lone surrogate becomes U+FFFD.
///
/// It has to be one that was checked; of other text the result is some text.
pub fn unescape(literal: &str) -> Cow<'_, str> {
    let inner = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(literal);
    match memchr::memchr(b'\\', inner.as_bytes()) {
        None => Cow::Borrowed(inner),
        Some(_) => Cow::Owned(string::unescape(inner)),
    }
}

/// Writes a date, in milliseconds since 1970, as `Date.prototype.toJSON` does; `null` where JavaScript has no such date.
pub fn date(millis: i64, out: &mut String) {
    // Writing to a `String` cannot fail.
    let _ = dates::write(millis, out);
}

/// Checks the JSON value that begins at `at`, of a nesting of `depth_max` at most, and gives the byte behind it.
///
/// `text` is UTF-8; of other bytes it says something, too.
pub fn value_end(text: &[u8], at: usize, depth_max: usize) -> Result<usize, DecodeError> {
    scan::value(text, at, 0, depth_max)
}

/// The first byte from `at` on that is no white space, or the end.
pub fn skip_whitespace(text: &[u8], at: usize) -> usize {
    scan::skip_whitespace(text, at)
}
