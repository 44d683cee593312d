//! Whether two templates, patterns or names could be the same room.

use std::collections::{HashSet, VecDeque};

use super::pieces::{Piece, is_of_value};

/// Two of these that could give the same room and are not of the same shape: those have the same literals around their
/// values, and are meant to meet. Each comes with its text.
pub(crate) fn overlap<'a>(all: impl Iterator<Item = (&'a str, &'a [Piece])>) -> Option<(&'a str, &'a str)> {
    let mut shapes = HashSet::new();
    let mut forms: Vec<Form<'a>> = Vec::new();
    for (text, pieces) in all {
        let form = Form::new(text, pieces);
        if shapes.insert(form.literals.clone()) {
            forms.push(form);
        }
    }
    // One that begins with what another begins with stands behind it, and nothing else lies between. So ten thousand
    // plain names are looked at once each.
    forms.sort_by(|one, other| (one.begin(), one.text).cmp(&(other.begin(), other.text)));
    for (at, form) in forms.iter().enumerate().filter(|(_, form)| form.has_values) {
        let candidates = forms[at + 1..].iter().take_while(|other| other.begin().starts_with(form.begin()));
        if let Some(other) = candidates.into_iter().find(|other| meet(&form.symbols(), &other.symbols())) {
            return Some((form.text, other.text));
        }
    }
    None
}

/// What is around the values: of two with the same, the values decide whether they are one room.
pub(crate) fn literals(pieces: &[Piece]) -> Vec<String> {
    let mut literals = vec![String::new()];
    for piece in pieces {
        match (piece, literals.last_mut()) {
            (Piece::Literal(literal), Some(last)) => last.push_str(literal),
            _ => literals.push(String::new()),
        }
    }
    literals
}

/// What counts of a template.
struct Form<'a> {
    text: &'a str,
    /// Between two stands a value; the first and the last may be empty.
    literals: Vec<String>,
    has_values: bool,
}

/// What one byte of a room's name may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Byte(u8),
    /// The first byte of a value.
    First,
    /// Any number of further ones.
    Further,
}

impl<'a> Form<'a> {
    fn new(text: &'a str, pieces: &[Piece]) -> Self {
        let literals = literals(pieces);
        Self { text, has_values: literals.len() > 1, literals }
    }

    fn begin(&self) -> &str {
        self.literals.first().map_or("", String::as_str)
    }

    fn symbols(&self) -> Vec<Symbol> {
        let mut symbols = Vec::new();
        for (at, literal) in self.literals.iter().enumerate() {
            if at > 0 {
                symbols.extend([Symbol::First, Symbol::Further]);
            }
            symbols.extend(literal.bytes().map(Symbol::Byte));
        }
        symbols
    }
}

/// Whether a name fits both: a search over how far one has come in each.
fn meet(one: &[Symbol], other: &[Symbol]) -> bool {
    let width = other.len() + 1;
    let mut seen = vec![false; (one.len() + 1) * width];
    let mut todo = VecDeque::from([(0, 0)]);
    while let Some((a, b)) = todo.pop_front() {
        if std::mem::replace(&mut seen[a * width + b], true) {
            continue;
        }
        match (one.get(a), other.get(b)) {
            (None, None) => return true,
            (Some(Symbol::Further), _) => todo.push_back((a + 1, b)),
            _ => {}
        }
        if let Some(Symbol::Further) = other.get(b) {
            todo.push_back((a, b + 1));
        }
        if let (Some(x), Some(y)) = (one.get(a), other.get(b))
            && share(*x, *y)
        {
            let step = |at, symbol| if symbol == Symbol::Further { at } else { at + 1 };
            todo.push_back((step(a, *x), step(b, *y)));
        }
    }
    false
}

/// Whether a byte fits both.
fn share(one: Symbol, other: Symbol) -> bool {
    match (one, other) {
        (Symbol::Byte(one), Symbol::Byte(other)) => one == other,
        (Symbol::Byte(byte), _) | (_, Symbol::Byte(byte)) => is_of_value(byte),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pattern, Template};

    fn overlaps(one: &str, other: &str) -> bool {
        let pieces = |text: &str| match Template::parse(text) {
            Ok(template) if !text.contains('*') => template.pieces().to_vec(),
            _ => Pattern::parse(text).unwrap().pieces().to_vec(),
        };
        let (a, b) = (pieces(one), pieces(other));
        let (forth, back) =
            (overlap([(one, &*a), (other, &*b)].into_iter()), overlap([(other, &*b), (one, &*a)].into_iter()));
        assert_eq!(forth.is_some(), back.is_some());
        forth.is_some()
    }

    #[test]
    fn what_could_be_one_room_is_found() {
        for (one, other) in [
            ("a:{claims.x}", "a:b"),
            ("a:{claims.x}", "a:b%20c"),
            ("a:{claims.x}", "a:x{claims.y}"),
            ("a:{claims.x}:{claims.y}", "a:{claims.x}:all"),
            ("a:{claims.x}-b", "a:{claims.x}"),
            ("a:b{claims.x}", "a:{claims.x}c"),
            ("a:*", "a:b"),
            ("a:{claims.x}:*", "a:7:{args.0}"),
        ] {
            assert!(overlaps(one, other), "{one} {other}");
        }
    }

    #[test]
    fn what_cannot_or_is_meant_to_be_one_room_is_left_alone() {
        for (one, other) in [
            ("a:{claims.x}", "a:{args.0}"),
            ("a:{claims.x}:*", "a:{claims.x}:{args.0.id}"),
            ("a:{claims.x}", "a:"),
            ("a:{claims.x}", "a"),
            ("a:{claims.x}", "b:{claims.x}"),
            ("a:{claims.x}", "a:{claims.x}:{claims.y}"),
            ("a:{claims.x}", "a:b c"),
            ("a:{claims.x}", "a:ü"),
            ("a:b", "a:c"),
            ("a:{claims.x}/", "a:{claims.x}#"),
        ] {
            assert!(!overlaps(one, other), "{one} {other}");
        }
    }
}
