//! The Node process with the reference's parsers.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Answers questions, a line of them at a time. Ends with this.
pub(crate) struct Reference {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// How often each quirk was met.
    pub(crate) quirks_seen: BTreeMap<&'static str, usize>,
}

impl Reference {
    /// Starts Node, and says what is missing if it cannot.
    pub(crate) fn start() -> Result<Self, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference.mjs");
        let mut child =
            Command::new("node").arg(&script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(
                |error| match error.kind() {
                    ErrorKind::NotFound => "no `node` (20.19 or newer is needed): see tests/setup.sh".to_owned(),
                    _ => format!("node does not start: {error}"),
                },
            )?;
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().ok_or("node has no output")?);
        let mut reference = Self { child, stdin, stdout, quirks_seen: BTreeMap::new() };
        // Its packages are missing: it has said so, and ended.
        reference.ask::<(), ()>(&[]).map_err(|error| {
            format!("{error}\nAre the packages of tests/package.json installed? tests/setup.sh installs them.")
        })?;
        Ok(reference)
    }

    /// The answers to a number of questions.
    pub(crate) fn ask<Q: Serialize, A: DeserializeOwned>(&mut self, questions: &[Q]) -> Result<Vec<A>, String> {
        let mut line = serde_json::to_vec(questions).map_err(|error| error.to_string())?;
        line.push(b'\n');
        let stdin = self.stdin.as_mut().ok_or("node has no input")?;
        stdin.write_all(&line).map_err(|error| format!("node does not read: {error}"))?;
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).map_err(|error| format!("node does not answer: {error}"))?;
        if answer.is_empty() {
            return Err("node has ended".to_owned());
        }
        let answers: Vec<A> = serde_json::from_str(&answer).map_err(|error| format!("{error} in {answer}"))?;
        if answers.len() != questions.len() {
            return Err(format!("{} answers to {} questions", answers.len(), questions.len()));
        }
        Ok(answers)
    }

    pub(crate) fn saw(&mut self, quirk: &'static str) {
        *self.quirks_seen.entry(quirk).or_default() += 1;
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
