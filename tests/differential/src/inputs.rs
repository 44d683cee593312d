//! Inputs that are written down somewhere: the wire vectors, the fuzzers' corpora.

use std::path::Path;

use fanfare_properties::corpus;
use serde::Deserialize;

use crate::value::unhex;

/// One message of a transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(String),
    Binary(Vec<u8>),
}

/// Frames for a new decoder, in their order.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Where it comes from.
    pub(crate) origin: String,
    pub(crate) frames: Vec<Frame>,
    /// Whether a quirk is to be met, where that is written down.
    pub(crate) is_quirk: Option<bool>,
}

/// The rows of `tests/vectors/socketio.toml`.
pub(crate) fn vectors() -> Result<Vec<Case>, String> {
    #[derive(Deserialize)]
    struct Vectors {
        vector: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        frames: Vec<Written>,
        reference: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Written {
        Text(String),
        Binary(String),
    }

    let path = repository().join("tests/vectors/socketio.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let vectors: Vectors = toml::from_str(&text).map_err(|error| error.to_string())?;
    let case = |vector: Vector| {
        let frames = vector.frames.into_iter().map(|frame| match frame {
            Written::Text(text) => Ok(Frame::Text(text)),
            Written::Binary(hex) => unhex(&hex).map(Frame::Binary).ok_or(format!("{hex} is not hexadecimal")),
        });
        Ok(Case {
            origin: format!("vector “{}”", vector.name),
            frames: frames.collect::<Result<_, String>>()?,
            is_quirk: Some(vector.reference.is_some()),
        })
    };
    vectors.vector.into_iter().map(case).collect()
}

/// What is committed for these fuzz targets, with its origin. Says so where there is nothing.
pub(crate) fn corpora(targets: &[&str]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut inputs = Vec::new();
    for target in targets {
        let corpus = corpus::read(target).map_err(|error| format!("fuzz/corpus/{target}.txt: {error}"))?;
        if corpus.is_empty() {
            println!("differential: there is no fuzz/corpus/{target}.txt");
        }
        let origin = |line: usize| format!("fuzz/corpus/{target}.txt:{line}");
        inputs.extend(corpus.into_iter().enumerate().map(|(number, input)| (origin(number + 1), input)));
    }
    Ok(inputs)
}

/// An input as the fuzz targets read it: frames as in a polling payload, one that begins with `b` binary.
///
/// `None` where a text is not UTF-8, which no transport lets through.
pub(crate) fn frames(data: &[u8]) -> Option<Vec<Frame>> {
    let frame = |piece: &[u8]| match piece {
        [b'b', rest @ ..] => Some(Frame::Binary(rest.to_vec())),
        text => String::from_utf8(text.to_vec()).ok().map(Frame::Text),
    };
    data.split(|byte| *byte == 0x1e).map(frame).collect()
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
