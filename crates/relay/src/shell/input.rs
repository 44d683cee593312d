//! What is wanted that is no flag: values as JSON, files, and standard input, which can be read once.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fanfare_client::Json;

use super::args::EventArgs;

/// Where values come from.
pub(super) struct Input(Option<io::Stdin>);

impl Input {
    pub(super) fn new() -> Self {
        Self(Some(io::stdin()))
    }

    /// What an event is made of besides its name: its arguments, and its files behind them.
    pub(super) fn event(&mut self, event: &EventArgs) -> Result<(Vec<String>, Vec<Vec<u8>>), String> {
        let arguments = self.arguments(&event.arguments)?;
        Ok((arguments, self.files(&event.files)?))
    }

    /// The arguments of an event, each the text of one JSON value; `-` is what is on standard input.
    fn arguments(&mut self, texts: &[String]) -> Result<Vec<String>, String> {
        let argument = |(n, text): (usize, &String)| {
            let what = format!("argument {}", n + 1);
            match text.as_str() {
                "-" => value("standard input", &text_of(&what, self.stdin(&what)?)?),
                text => value(&what, text),
            }
        };
        texts.iter().enumerate().map(argument).collect()
    }

    /// The files of `--file`, as they are; `-` is standard input.
    fn files(&mut self, paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, String> {
        paths.iter().map(|path| self.file("--file", path)).collect()
    }

    /// A file; `-` is standard input.
    pub(super) fn file(&mut self, what: &str, path: &Path) -> Result<Vec<u8>, String> {
        match path.to_str() {
            Some("-") => self.stdin(what),
            _ => fs::read(path).map_err(|error| format!("{what}: {} cannot be read: {error}", path.display())),
        }
    }

    fn stdin(&mut self, what: &str) -> Result<Vec<u8>, String> {
        let mut stdin = self.0.take().ok_or_else(|| format!("{what}: standard input can be read once"))?;
        let mut bytes = Vec::new();
        stdin.read_to_end(&mut bytes).map_err(|error| format!("standard input cannot be read: {error}"))?;
        Ok(bytes)
    }
}

/// The text of one JSON value.
fn value(what: &str, text: &str) -> Result<String, String> {
    let found = beginning(text);
    match Json::from_text(text.to_owned().into()) {
        Ok(json) => Ok(json.as_str().to_owned()),
        // A word. To take it for text would send the text `{id:1}` where an object was meant, and `1` as a number.
        Err(_) if !text.trim_start().starts_with(['{', '[', '"']) && !text.trim().is_empty() => {
            let quoted = serde_json::to_string(&found).unwrap_or_default();
            Err(format!("{what}: expected JSON, found {found}: text is written with its quotes, '{quoted}'"))
        }
        Err(error) => Err(format!("{what}: expected JSON, found {found}: {error}")),
    }
}

/// As much of a text as tells which one it is.
pub(super) fn beginning(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn text_of(what: &str, bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| format!("{what}: standard input is not UTF-8: --file - sends bytes"))
}

const SHOWN_MAX: usize = 60;
