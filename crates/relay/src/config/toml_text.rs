//! Values as a file has them.

use std::fmt;
use std::path::{self, Path};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::de::{DeTable, DeValue};

use crate::log::is_deceptive;

/// A value in TOML, always written in the same way: two values are the same if their texts are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Toml(String);

impl Toml {
    /// A number, `true` or `false`.
    pub(crate) fn plain(value: impl fmt::Display) -> Self {
        Self(value.to_string())
    }

    pub(crate) fn text(text: impl fmt::Display) -> Self {
        Self(quoted(&text.to_string()))
    }

    /// A path from `/` on: the value is read elsewhere too.
    pub(crate) fn path(path: &Path) -> Self {
        let whole = path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // Without the `.` that a path relative to the file's folder may have.
        Self::text(whole.components().collect::<path::PathBuf>().display())
    }

    pub(crate) fn millis(time: Duration) -> Self {
        Self::plain(time.as_millis())
    }

    pub(crate) fn seconds(time: Duration) -> Self {
        Self::plain(time.as_secs())
    }

    /// The word for a value.
    pub(crate) fn word<T: PartialEq>(words: &[(&str, T)], value: T) -> Self {
        Self::text(words.iter().find(|(_, of)| *of == value).map_or("", |(word, _)| word))
    }

    /// Texts whose order counts.
    pub(crate) fn list(texts: impl IntoIterator<Item: fmt::Display>) -> Self {
        Self::array(texts.into_iter().map(Self::text).collect())
    }

    /// Texts whose order says nothing.
    pub(crate) fn set(texts: impl IntoIterator<Item: fmt::Display>) -> Self {
        Self::sorted(texts.into_iter().map(Self::text).collect())
    }

    /// A value of a file, whose lists are sets.
    pub(crate) fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::text(text),
            DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
                Ok(number) => Self::plain(number),
                Err(_) => Self::plain(digits),
            },
            DeValue::Float(digits) => Self::plain(digits),
            DeValue::Boolean(value) => Self::plain(value),
            DeValue::Datetime(datetime) => Self::plain(datetime),
            DeValue::Array(array) => Self::sorted(array.iter().map(|value| Self::of(value.get_ref())).collect()),
            DeValue::Table(table) => Self::table(table, |_, _| true),
        }
    }

    /// A table on one line, with the members that `counts` says count.
    pub(crate) fn table(table: &DeTable<'_>, counts: impl Fn(&str, &Self) -> bool) -> Self {
        let members = table.iter().map(|(name, value)| (name.get_ref().as_ref(), Self::of(value.get_ref())));
        let members: Vec<String> = members
            .filter(|(name, value)| counts(name, value))
            .map(|(name, value)| format!("{} = {value}", bare(name)))
            .collect();
        Self(if members.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", members.join(", ")) })
    }

    fn sorted(mut values: Vec<Self>) -> Self {
        values.sort();
        Self::array(values)
    }

    pub(crate) fn array(values: Vec<Self>) -> Self {
        let values: Vec<String> = values.into_iter().map(|value| value.0).collect();
        Self(format!("[{}]", values.join(", ")))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Toml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text in quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // What a terminal would obey, or a person misread.
            other if is_deceptive(other) => match u32::from(other) {
                short @ ..=0xffff => quoted.push_str(&format!("\\u{short:04X}")),
                long => quoted.push_str(&format!("\\U{long:08X}")),
            },
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// A key, in quotes where it needs them.
fn bare(key: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !key.is_empty() && key.bytes().all(is_bare) { key.to_owned() } else { quoted(key) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_written_is_read_as_it_was() {
        for text in ["", "a", "a\"b\\c", "\n\t\r\u{1b}[31m", "é\u{85}\u{2028}\u{202e}\u{e0041}", "{claims.a}"] {
            let source = format!("{} = {}", bare(text), Toml::text(text));
            let table = DeTable::parse(&source).unwrap();
            let (key, value) = table.get_ref().iter().next().unwrap();
            assert_eq!((key.get_ref().as_ref(), value.get_ref().as_str()), (text, Some(text)));
        }
    }

    #[test]
    fn two_ways_to_write_a_value_are_the_same_value() {
        for (one, other) in [
            ("0x10", "16"),
            ("1_000", "1000"),
            ("'a'", "\"a\""),
            ("['b', 'a']", "[\"a\",\n\"b\"]"),
            ("{ b = [2, 1], a.c = true }", "{ a = { c = true }, b = [1, 2] }"),
        ] {
            let read = |source: &str| Toml::of(toml::de::DeValue::parse(source).unwrap().get_ref());
            assert_eq!(read(one), read(other), "{one}");
        }
    }
}
