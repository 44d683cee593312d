//! What is wrong with a file, by its lines.

use toml::Spanned;
use toml::de::DeValue;

use super::lines::Lines;
use super::written::Wrong;
use super::{Place, Problem};

/// What is wrong with a file, and the means to say where.
pub(crate) struct Report<'a> {
    path: &'a str,
    lines: Lines<'a>,
    problems: Vec<Problem>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(path: &'a str, source: &'a str) -> Self {
        Self { path, lines: Lines::new(source), problems: Vec::new() }
    }

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

    /// All of it, in the order of the lines: a table is walked by name; people read from top to bottom.
    pub(crate) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| match problem.place {
            Place::Line { line, column, .. } => (line, column),
            _ => (0, 0),
        });
        self.problems
    }
}
