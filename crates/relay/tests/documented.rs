//! Whether operating.md knows every line that operators see. Reads the sources of all crates, so it is not in the package.
#![allow(clippy::unwrap_used, reason = "a test throughout")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A line: its level, what it says, and the names of its fields.
type Line = (String, String, BTreeSet<String>);

#[test]
fn every_line_at_info_and_above_is_documented_with_its_fields_and_every_documented_one_exists() {
    let (written, documented) = (written(), documented());
    assert!(written.len() > 30, "{written:#?}");
    let missing: Vec<_> = written.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&written).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "not in docs/operating.md: {missing:#?}\nnowhere else: {unknown:#?}"
    );
}

#[test]
fn fields_and_messages_are_read_as_they_are_written() {
    let fields = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    for (call, message, names) in [
        (r#""plain""#, "plain", &[] as &[&str]),
        (
            r#"%a, ?b, c, d = f(1, "x, y"), e = %g.h(), "said \"so\": {what}""#,
            "said \"so\": {what}",
            &["a", "b", "c", "d", "e"],
        ),
        ("target: X, lost, \"over \\\n    two lines\"", "over two lines", &["lost"]),
    ] {
        assert_eq!(parsed(call), (message.to_owned(), fields(names)), "{call}");
    }
}

/// Those of the program, tests apart.
fn written() -> BTreeSet<Line> {
    let mut lines = BTreeSet::new();
    for library in ["engineio", "hub", "socketio", "cluster", "policy", "relay"] {
        for file in sources(&root().join("crates").join(library).join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            let program = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
            for level in ["info", "warn", "error"] {
                for (at, start) in program.match_indices(&format!("tracing::{level}!(")) {
                    let (message, fields) = parsed(call(&program[at + start.len()..]));
                    lines.insert((level.to_uppercase(), message, fields));
                }
            }
        }
    }
    lines
}

/// The rows of the table: `| INFO | session closed | `connection`, `address` | … |`.
fn documented() -> BTreeSet<Line> {
    let text = fs::read_to_string(root().join("docs/operating.md")).unwrap();
    let rows =
        text.lines().filter(|line| ["| INFO ", "| WARN ", "| ERROR "].iter().any(|level| line.starts_with(level)));
    let line = |row: &str| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let fields = cells[3].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (cells[1].to_owned(), cells[2].trim_matches('`').to_owned(), fields)
    };
    rows.map(line).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
    files.retain(|file| !file.components().any(|part| part.as_os_str() == "tests"));
    files
}

/// What stands between the parentheses of a call, of which the first is open.
fn call(text: &str) -> &str {
    let mut depth = 1;
    for (at, character, is_quoted) in characters(text) {
        match character {
            _ if is_quoted => {}
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    panic!("no end of {text}")
}

/// The message, which is the last text, and the names of the fields before it.
fn parsed(call: &str) -> (String, BTreeSet<String>) {
    let mut pieces = vec![String::new()];
    let mut depth = 0;
    for (_, character, is_quoted) in characters(call) {
        match character {
            '(' | '[' | '{' if !is_quoted => depth += 1,
            ')' | ']' | '}' if !is_quoted => depth -= 1,
            ',' if !is_quoted && depth == 0 => {
                pieces.push(String::new());
                continue;
            }
            _ => {}
        }
        pieces.last_mut().unwrap().push(character);
    }
    let mut pieces: Vec<_> = pieces.iter().map(|piece| piece.trim()).filter(|piece| !piece.is_empty()).collect();
    let message = pieces.pop().unwrap().trim_matches('"').replace("\\\"", "\"");
    let continued = message.split("\\\n").map(str::trim_start).collect();
    let fields = pieces.iter().filter(|piece| !piece.starts_with("target:")).map(|piece| {
        let name = piece.split(" = ").next().unwrap();
        name.trim_start_matches(['%', '?']).to_owned()
    });
    (continued, fields.collect())
}

/// Each with where it is, and whether it is inside a text.
fn characters(text: &str) -> impl Iterator<Item = (usize, char, bool)> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.char_indices().map(move |(at, character)| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match character {
            '\\' if is_quoted && !was_escaped => is_escaped = true,
            '"' if !was_escaped => is_quoted = !is_quoted,
            _ => {}
        }
        (at, character, is_quoted)
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
