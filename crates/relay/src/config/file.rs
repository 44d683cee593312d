//! Settings of the file.

use std::fs;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::draft::Draft;
use super::lines::Lines;
use super::namespaces;
use super::settings::SETTINGS;
use super::suggest::suggestion;
use super::written::{Written, Wrong};
use super::{Place, Problem};

/// Reads a file over what the draft has. Gives back all that is wrong with it, in the order of its lines.
pub(crate) fn read(path: &Path, draft: &mut Draft) -> Vec<Problem> {
    let name = path.display().to_string();
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            return vec![Problem { place: Place::File(name), message: format!("cannot be read: {error}") }];
        }
    };
    draft.folder = path.parent().map(Path::to_owned).unwrap_or_default();
    read_bytes(&name, &bytes, draft)
}

fn read_bytes(path: &str, bytes: &[u8], draft: &mut Draft) -> Vec<Problem> {
    let (source, broken) = match std::str::from_utf8(bytes) {
        Ok(source) => (source, false),
        Err(error) => (std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(), true),
    };
    let mut report = Report { path, lines: Lines::new(source), problems: Vec::new() };
    if broken {
        report.push(source.len(), None, "expected text in UTF-8".to_owned());
        return report.problems;
    }
    match DeTable::parse(source) {
        Ok(table) => read_table("", table.get_ref(), draft, &mut report),
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            report.push(offset, None, error.message().replace('\n', ", "));
        }
    }
    // A table is walked by name; people read from top to bottom.
    report.problems.sort_by_key(|problem| match problem.place {
        Place::Line { line, column, .. } => (line, column),
        _ => (0, 0),
    });
    report.problems
}

/// Reads the section `prefix` (empty, or ending with a dot).
fn read_table(prefix: &str, table: &DeTable<'_>, draft: &mut Draft, report: &mut Report<'_>) {
    for (name, value) in table {
        // Escaped, since TOML lets a key have a line break, and a problem has one line.
        let mut key = format!("{prefix}{}", name.get_ref().escape_debug());
        if name.get_ref().contains('.') {
            // `"engine.path"` in quotes is one key with a dot in it, not `path` in `engine`.
            key = format!("{prefix}{:?}", name.get_ref());
        }
        let at = name.span().start;
        if key == namespaces::KEY {
            draft.namespaces = namespaces::read(at, value, report);
        } else if let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) {
            let place = report.place(at, Some(&key));
            if let Err(wrong) = draft.set(setting, place, Written::Toml(value)) {
                report.wrong(at, &key, value, wrong);
            }
        } else if is_section(&key) {
            if key == COOKIE {
                // An empty table says as much as one with a name: a cookie, as usual.
                draft.cookie.get_or_insert_default();
            }
            match value.get_ref() {
                DeValue::Table(table) => read_table(&format!("{key}."), table, draft, report),
                _ => report.wrong(at, &key, value, Written::Toml(value).wrong(format_args!("a table, [{key}]"))),
            }
        } else {
            let known = SETTINGS.iter().map(|setting| setting.key).chain([namespaces::KEY]);
            let message = format!("is not a setting{}", suggestion(&key, known));
            report.push(at, Some(&key), message);
        }
    }
}

fn is_section(key: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

/// What is wrong with a file, and the means to say where.
pub(crate) struct Report<'a> {
    path: &'a str,
    lines: Lines<'a>,
    problems: Vec<Problem>,
}

impl Report<'_> {
    /// Something is wrong with what is at a byte of the file.
    pub(crate) fn push(&mut self, offset: usize, key: Option<&str>, message: String) {
        let place = self.place(offset, key);
        self.problems.push(Problem { place, message });
    }

    /// A value was refused. The problem is shown at its key, which begins at `at`, or at the element of a list.
    pub(crate) fn wrong(&mut self, at: usize, key: &str, value: &Spanned<DeValue<'_>>, wrong: Wrong) {
        let element = wrong.offset.filter(|offset| *offset != value.span().start);
        self.push(element.unwrap_or(at), Some(key), wrong.message);
    }

    /// How much is wrong so far.
    pub(crate) fn len(&self) -> usize {
        self.problems.len()
    }

    /// Where a byte of the file is, for people.
    pub(crate) fn place(&self, offset: usize, key: Option<&str>) -> Place {
        let (line, column) = self.lines.find(offset);
        Place::Line { path: self.path.to_owned(), line, column, key: key.map(str::to_owned) }
    }
}

const COOKIE: &str = "engine.cookie";
