//! What is known of a client.

use std::fmt;

use socketio_codec::Json;

/// What is known of a client, and was vouched for: a JSON object, kept as its text.
///
/// Nothing in it was looked at yet. Whoever asks for a value in it, by a path, reads it then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims(
    /// Nothing at all for `{}`: of most clients nothing is known, and that takes no memory.
    Box<str>,
);

impl Claims {
    /// How many bytes of them are kept for a client.
    pub const BYTES_MAX: usize = 8 * 1024;

    /// Takes a JSON object, without the blanks it was written with.
    ///
    /// # Errors
    /// [`InvalidClaims`] if it is something else, or longer than [`BYTES_MAX`](Self::BYTES_MAX).
    pub fn parse(text: &str) -> Result<Self, InvalidClaims> {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).map_err(|_| InvalidClaims)?;
        Self::from_object(&object)
    }

    /// The same for an object that was read already.
    ///
    /// # Errors
    /// [`InvalidClaims`] if it is longer than [`BYTES_MAX`](Self::BYTES_MAX).
    pub fn from_object(object: &serde_json::Map<String, serde_json::Value>) -> Result<Self, InvalidClaims> {
        let text = Json::serialize(object).map_err(|_| InvalidClaims)?;
        let text = std::str::from_utf8(text.as_bytes()).map_err(|_| InvalidClaims)?;
        match text {
            NOTHING => Ok(Self::default()),
            text if text.len() > Self::BYTES_MAX => Err(InvalidClaims),
            text => Ok(Self(text.into())),
        }
    }

    /// The object as JSON.
    pub fn as_str(&self) -> &str {
        if self.0.is_empty() { NOTHING } else { &self.0 }
    }
}

const NOTHING: &str = "{}";

/// A text is no JSON object, or too long to be kept for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidClaims;

impl fmt::Display for InvalidClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a JSON object of at most {} bytes", Claims::BYTES_MAX)
    }
}

impl std::error::Error for InvalidClaims {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_an_object_of_some_size() {
        assert_eq!(
            Claims::parse(r#" { "sub" : "1", "a": {"b": [1]} } "#).unwrap().as_str(),
            r#"{"a":{"b":[1]},"sub":"1"}"#
        );
        assert_eq!(Claims::parse(" { } ").unwrap(), Claims::default());
        assert_eq!(Claims::default().as_str(), "{}");
        for text in ["", "[]", "1", "null", "{", &format!(r#"{{"a":"{}"}}"#, "x".repeat(Claims::BYTES_MAX))] {
            assert_eq!(Claims::parse(text), Err(InvalidClaims), "{text}");
        }
    }
}
