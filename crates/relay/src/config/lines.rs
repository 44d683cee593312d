//! Where a byte of a text is, for people.

use std::cell::Cell;

/// The lines of a text, found once: a file may have a hundred thousand things to be placed.
pub(crate) struct Lines<'a> {
    text: &'a str,
    /// Where each line begins.
    starts: Vec<usize>,
    /// The byte that was asked for last, and its column: the next is most often behind it, on the same long line.
    last: Cell<(usize, usize)>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let starts = [0].into_iter().chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect();
        Self { text, starts, last: Cell::new((0, 1)) }
    }

    /// The line and the column, in characters, of a byte; both from 1.
    pub(crate) fn find(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let (last, last_column) = self.last.get();
        let (from, column) = if (start..=offset).contains(&last) { (last, last_column) } else { (start, 1) };
        let column = column + self.text.get(from..offset).map_or(0, |between| between.chars().count());
        self.last.set((offset, column));
        (line, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_by_line_and_character_in_whatever_order() {
        let text = "ab\n\nüx=1\n";
        let lines = Lines::new(text);
        for offset in [0, 1, 2, 3, 4, 6, 7, 6, 4, 9, 0, 10] {
            let before = &text[..offset];
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            let expected = (1 + before.matches('\n').count(), 1 + before[line_start..].chars().count());
            assert_eq!(lines.find(offset), expected, "byte {offset}");
        }
    }
}
