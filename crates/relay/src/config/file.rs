//! Settings of the file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::draft::{API_KEY, Draft, ISSUER, TOKEN};
use super::namespaces;
use super::report::Report;
use super::settings::settings;
use super::suggest::suggestion;
use super::written::Written;
use super::{Place, Problem, api, auth};

/// Reads a file over what the draft has. Gives back all that is wrong with it, in the order of its lines.
pub(crate) fn read(path: &Path, draft: &mut Draft) -> Vec<Problem> {
    let name = path.display().to_string();
    let bytes = match bytes_of(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            return vec![Problem { place: Place::File(name), message: format!("cannot be read: {error}") }];
        }
    };
    draft.folder = path.parent().map(Path::to_owned).unwrap_or_default();
    read_bytes(&name, &bytes, draft)
}

/// # Errors
/// Why it cannot be read.
fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::other("it is larger than 16 MiB"));
    }
    Ok(bytes)
}

/// No file that anybody wrote, and one without an end is not to take all memory from those who are connected.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

fn read_bytes(path: &str, bytes: &[u8], draft: &mut Draft) -> Vec<Problem> {
    let (source, broken) = match std::str::from_utf8(bytes) {
        Ok(source) => (source, false),
        Err(error) => (std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(), true),
    };
    let mut report = Report::new(path, source);
    if broken {
        report.push(source.len(), None, "expected text in UTF-8".to_owned());
        return report.into_problems();
    }
    match DeTable::parse(source) {
        Ok(table) => read_table("", table.get_ref(), draft, &mut report),
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            report.push(offset, None, error.message().replace('\n', ", "));
        }
    }
    report.into_problems()
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
            draft.namespaces = namespaces::read(at, value, &draft.folder, report);
            draft.listing(report).namespaces(value.get_ref());
        } else if key == ISSUER {
            draft.notes.place(ISSUER, report.place(at, Some(&key)));
            auth::read_issuers(at, value, draft, report);
            draft.listing(report).issuers(value.get_ref());
        } else if key == TOKEN {
            draft.notes.place(TOKEN, report.place(at, Some(&key)));
            auth::read_tokens(at, value, draft, report);
            draft.listing(report).tokens(value.get_ref());
        } else if key == API_KEY {
            draft.notes.place(API_KEY, report.place(at, Some(&key)));
            api::read_keys(at, value, draft, report);
            draft.listing(report).api_keys(value.get_ref());
        } else if let Some(setting) = settings().find(|setting| setting.key == key) {
            let place = report.place(at, Some(&key));
            if let Err(wrong) = setting.read(draft, place, Written::Toml(value)) {
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
            let known = settings().map(|setting| setting.key).chain([namespaces::KEY, ISSUER, TOKEN, API_KEY]);
            let message = format!("is not a setting{}", suggestion(&key, known));
            report.push(at, Some(&key), message);
        }
    }
}

fn is_section(key: &str) -> bool {
    settings().any(|setting| setting.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

const COOKIE: &str = "engine.cookie";
