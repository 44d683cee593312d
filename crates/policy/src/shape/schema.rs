//! A JSON Schema that an argument has to fit.

use std::fmt;
use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use super::bounds;
use super::expected;
use crate::refusal::Refusal;

/// A JSON Schema, of the draft 2020-12 or 7, that refers to nothing outside itself.
#[derive(Clone)]
pub struct Schema(Arc<Compiled>);

struct Compiled {
    text: Box<str>,
    /// How deep a value may be.
    depth_max: usize,
    validator: Validator,
}

impl Schema {
    /// How long the text of one may be.
    pub const TEXT_BYTES_MAX: usize = 256 * 1024;

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Takes a schema as JSON, or says what was expected.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > Self::TEXT_BYTES_MAX {
            return Err(format!("a JSON Schema of at most {} bytes", Self::TEXT_BYTES_MAX));
        }
        let schema: Value = serde_json::from_str(text).map_err(|error| format!("a JSON Schema ({error})"))?;
        let draft = match schema.get("$schema").map(Value::as_str) {
            None => Draft::Draft202012,
            Some(Some(uri)) => draft(uri).ok_or(DRAFTS)?,
            Some(None) => return Err(DRAFTS.to_owned()),
        };
        let depth_max = bounds::check(&schema)?;
        // Looking ahead and back would need an engine that can take forever.
        let patterns = PatternOptions::regex().size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX);
        let options = jsonschema::options().with_draft(draft).with_pattern_options(patterns).offline();
        let validator = options.build(&schema).map_err(|error| format!("a JSON Schema ({error})"))?;
        Ok(Self(Arc::new(Compiled { text: text.into(), depth_max, validator })))
    }

    /// Whether argument `number` fits.
    ///
    /// # Errors
    /// Where it does not, and what was expected there.
    pub(super) fn check(&self, number: usize, text: &str) -> Result<(), Refusal> {
        let invalid = |inside: &str, expected: String| Err(Refusal::invalid(format!("/{number}{inside}"), expected));
        if bounds::depth(text) > self.0.depth_max {
            return invalid("", format!("at most {} objects and lists in one another", self.0.depth_max));
        }
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return invalid("", "text without half characters, and numbers of a usual size".to_owned());
        };
        match self.0.validator.validate(&value) {
            Ok(()) => Ok(()),
            Err(error) => invalid(error.instance_path().as_str(), expected::words(error.kind())),
        }
    }
}

fn draft(uri: &str) -> Option<Draft> {
    match uri.trim_end_matches('#') {
        "https://json-schema.org/draft/2020-12/schema" => Some(Draft::Draft202012),
        "http://json-schema.org/draft-07/schema" => Some(Draft::Draft7),
        _ => None,
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Schema {}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

const DRAFTS: &str = "a JSON Schema of the draft 2020-12 or 7";

/// A pattern such as `(\w{100}){100}` would compile to hundreds of megabytes.
const REGEX_BYTES_MAX: usize = 1 << 20;
