//! A value as it was written, before anybody knows what it should be.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

/// A value of the file, or the text of a variable or of a flag.
///
/// The methods are the readers: each gives back what it was asked for or says what it expected. So a setting is
/// read by the same line of code wherever it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Written<'a> {
    /// A value of the file.
    Toml(&'a Spanned<DeValue<'a>>),
    /// A variable, or one element of a list. As a list, its elements are separated by commas or newlines.
    Text(&'a str),
    /// A flag, each time it was given; a setting that is no list has it once.
    Texts(&'a [String]),
}

/// Why a value was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) message: String,
    /// Where the refused value (perhaps one element of a list) begins in the file.
    pub(crate) offset: Option<usize>,
}

impl<'a> Written<'a> {
    /// Says what should have stood here.
    pub(crate) fn wrong(self, expected: impl fmt::Display) -> Wrong {
        Wrong { message: format!("expected {expected}, found {self}"), offset: self.offset() }
    }

    /// The same where there may be a secret in what stands here: that is not repeated, in no log either.
    pub(crate) fn wrong_and_secret(self, expected: impl fmt::Display) -> Wrong {
        let message =
            format!("expected {expected}, found what is not repeated here, since there may be a secret in it");
        Wrong { message, offset: self.offset() }
    }

    /// The name of a variable, that is not there, or has nothing. Who takes it for the place of the secret itself has written that.
    pub(crate) fn wrong_variable(self, expected: &str) -> Wrong {
        let is_usual = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        match self.text(expected) {
            Ok(name) if !is_usual(name) => self.wrong_and_secret(expected),
            _ => self.wrong(expected),
        }
    }

    /// An address, in which a query or a password can be.
    pub(crate) fn url<T, E: fmt::Display>(self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Wrong> {
        let text = self.text("text")?;
        let has_secret = text.contains(['?', '@']);
        parse(text).map_err(|expected| if has_secret { self.wrong_and_secret(expected) } else { self.wrong(expected) })
    }

    /// A word, a path, a name: any text.
    pub(crate) fn text(self, expected: impl fmt::Display) -> Result<&'a str, Wrong> {
        match self {
            Self::Toml(value) => match value.get_ref() {
                DeValue::String(text) => Ok(text),
                _ => Err(self.wrong(expected)),
            },
            Self::Text(text) => Ok(text),
            Self::Texts([text]) => Ok(text),
            Self::Texts(_) => Err(self.wrong(expected)),
        }
    }

    /// A text that `parse` takes; its error says what was expected.
    pub(crate) fn parsed<T, E: fmt::Display>(self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Wrong> {
        parse(self.text("text")?).map_err(|expected| self.wrong(expected))
    }

    /// The same where what is wrong is not repeated: it may be the secret itself, in the place of its hash.
    pub(crate) fn secret<T, E: fmt::Display>(self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Wrong> {
        let text = self.text("text").map_err(|_| self.wrong_and_secret("text"))?;
        parse(text).map_err(|expected| self.wrong_and_secret(expected))
    }

    /// One of a few words.
    pub(crate) fn word<T: Clone>(self, words: &[(&str, T)]) -> Result<T, Wrong> {
        let names: Vec<String> = words.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let expected = match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => names.concat(),
        };
        let text = self.text(&expected)?;
        let found = words.iter().find(|(name, _)| *name == text);
        found.map(|(_, value)| value.clone()).ok_or_else(|| self.wrong(expected))
    }

    /// `true` or `false`.
    pub(crate) fn boolean(self) -> Result<bool, Wrong> {
        match self {
            Self::Toml(value) => match value.get_ref() {
                DeValue::Boolean(value) => Ok(*value),
                _ => Err(self.wrong("true or false")),
            },
            _ => self.text("")?.parse().map_err(|_| self.wrong("true or false")),
        }
    }

    /// A whole number of `unit` (such as "a whole number of bytes").
    pub(crate) fn whole(self, unit: &str, range: RangeInclusive<u32>) -> Result<u32, Wrong> {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        self.large(unit, range).map(|number| number as u32)
    }

    /// A whole number that may be larger than most.
    pub(crate) fn large(self, unit: &str, range: RangeInclusive<u64>) -> Result<u64, Wrong> {
        let number = match self {
            Self::Toml(value) => match value.get_ref() {
                DeValue::Integer(digits) => u64::from_str_radix(digits.as_str(), digits.radix()).ok(),
                _ => None,
            },
            _ => self.text("")?.parse().ok(),
        };
        let number = number.filter(|number| range.contains(number));
        number.ok_or_else(|| self.wrong(format_args!("{unit} from {} to {}", range.start(), range.end())))
    }

    /// A whole number of bytes.
    pub(crate) fn bytes(self, range: RangeInclusive<u32>) -> Result<usize, Wrong> {
        self.whole("a whole number of bytes", range).map(|bytes| bytes as usize)
    }

    /// A whole number of milliseconds.
    pub(crate) fn millis(self, range: RangeInclusive<u32>) -> Result<Duration, Wrong> {
        self.whole("a whole number of milliseconds", range).map(|millis| Duration::from_millis(millis.into()))
    }

    /// A list, in which `parse` takes each text; none may stand there twice.
    pub(crate) fn list<T: Clone + Eq + Hash, E: fmt::Display>(
        self,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, Wrong> {
        let (mut list, mut seen) = (Vec::new(), HashSet::new());
        for element in self.elements(expected)? {
            let value = parse(element.text(expected)?).map_err(|expected| element.wrong(expected))?;
            if !seen.insert(value.clone()) {
                return Err(element.wrong("each only once"));
            }
            list.push(value);
        }
        Ok(list)
    }

    /// The elements of a list.
    pub(crate) fn elements(self, expected: &str) -> Result<Vec<Self>, Wrong> {
        match self {
            Self::Toml(value) => match value.get_ref() {
                DeValue::Array(array) => Ok(array.iter().map(Written::Toml).collect()),
                _ => Err(self.wrong(format_args!("a list: {expected}"))),
            },
            Self::Text(text) => {
                let elements = text.split([',', '\n']).map(str::trim).filter(|element| !element.is_empty());
                Ok(elements.map(Written::Text).collect())
            }
            Self::Texts(texts) => Ok(texts.iter().map(|text| Written::Text(text)).collect()),
        }
    }

    fn offset(self) -> Option<usize> {
        match self {
            Self::Toml(value) => Some(value.span().start),
            Self::Text(_) | Self::Texts(_) => None,
        }
    }
}

/// As an error message shows it: text in quotes, so that an empty one and a blank can be seen.
impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toml(value) => match value.get_ref() {
                DeValue::String(text) => write!(f, "{text:?}"),
                DeValue::Integer(number) => number.fmt(f),
                DeValue::Float(number) => number.fmt(f),
                DeValue::Boolean(value) => value.fmt(f),
                DeValue::Datetime(datetime) => datetime.fmt(f),
                DeValue::Array(array) if array.is_empty() => f.write_str("an empty list"),
                DeValue::Array(_) => f.write_str("a list"),
                DeValue::Table(_) => f.write_str("a table"),
            },
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Texts([text]) => write!(f, "{text:?}"),
            Self::Texts(_) => f.write_str("a list"),
        }
    }
}
