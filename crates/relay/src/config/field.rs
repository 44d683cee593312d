//! What reading a table of the file takes.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::report::Report;
use crate::config::suggest::suggestion;
use crate::config::written::{Written, Wrong};

/// A value of a rule, and where its key begins.
pub(crate) struct Field<T> {
    pub(crate) at: usize,
    pub(crate) value: T,
}

impl<T> Field<T> {
    pub(crate) fn read<'a>(
        report: &mut Report<'_>,
        key: &str,
        at: usize,
        value: &'a Spanned<DeValue<'a>>,
        read: impl FnOnce(Written<'a>) -> Result<T, Wrong>,
    ) -> Option<Self> {
        match read(Written::Toml(value)) {
            Ok(value) => Some(Self { at, value }),
            Err(wrong) => {
                report.wrong(at, key, value, wrong);
                None
            }
        }
    }
}

/// The tables of a list of tables, and where each begins.
pub(crate) fn tables<'a>(
    at: usize,
    key: &str,
    value: &'a Spanned<DeValue<'a>>,
    report: &mut Report<'_>,
) -> Vec<(usize, &'a DeTable<'a>)> {
    let expected = format!("[[{key}]], tables in double brackets");
    let DeValue::Array(array) = value.get_ref() else {
        report.wrong(at, key, value, Written::Toml(value).wrong(expected));
        return Vec::new();
    };
    let mut tables = Vec::new();
    for element in array {
        match element.get_ref() {
            DeValue::Table(table) => tables.push((element.span().start, table)),
            _ => report.wrong(at, key, value, Written::Toml(element).wrong(&expected)),
        }
    }
    tables
}

/// Reports a key that is not one of a section's.
pub(crate) fn unknown(report: &mut Report<'_>, at: usize, section: &str, name: &str, known: &[&str]) {
    let key = format!("{section}.{}", name.escape_debug());
    let message = format!("is not a setting{}", suggestion(&key, known.iter().copied()));
    report.push(at, Some(&key), message);
}

/// Reads the members of a table that stands for one value, each with `read`, which is given the member's name.
pub(crate) fn members<'a>(
    report: &mut Report<'_>,
    (at, key): (usize, &str),
    value: &'a Spanned<DeValue<'a>>,
    expected: &str,
    mut read: impl FnMut(&mut Report<'_>, usize, &str, &'a Spanned<DeValue<'a>>),
) {
    match value.get_ref() {
        DeValue::Table(table) => {
            table.iter().for_each(|(name, value)| read(report, name.span().start, name.get_ref(), value))
        }
        _ => report.wrong(at, key, value, Written::Toml(value).wrong(expected)),
    }
}
