//! The names of many namespaces.

use std::fmt;

use socketio_codec::Namespace as NamespaceName;

/// The names of many namespaces: parts between slashes, of which those in braces stand for any text, such as `/doc/{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    /// With the name of it.
    Any(Box<str>),
}

/// A pattern that no namespace can match, or that does not say what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPattern(&'static str);

impl Pattern {
    pub(crate) fn new(pattern: &str) -> Result<Self, InvalidPattern> {
        NamespaceName::try_from(pattern).map_err(|_| InvalidPattern("it is no name of a namespace"))?;
        let mut parts: Vec<Part> = Vec::new();
        for text in pattern.split('/').skip(1) {
            let part = match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some("") => return Err(InvalidPattern("a part in braces has no name")),
                Some(name) => Part::Any(name.into()),
                None => Part::Text(text.into()),
            };
            let (Part::Text(text) | Part::Any(text)) = &part;
            if text.contains(['{', '}', '?']) {
                return Err(InvalidPattern("braces are around a whole part between slashes"));
            }
            if matches!(part, Part::Any(_)) && parts.contains(&part) {
                return Err(InvalidPattern("two parts have the same name"));
            }
            parts.push(part);
        }
        Ok(Self(parts))
    }

    pub(crate) fn matches(&self, name: &NamespaceName) -> bool {
        let mut texts = name.as_str().split('/').skip(1);
        let all = self.0.iter().all(|part| {
            texts.next().is_some_and(|text| match part {
                Part::Text(expected) => **expected == *text,
                Part::Any(_) => !text.is_empty(),
            })
        });
        all && texts.next().is_none()
    }

    /// What stands in the place of the part that has this name.
    pub(crate) fn value<'a>(&self, name: &'a NamespaceName, of: &str) -> Option<&'a str> {
        let place = self.0.iter().position(|part| matches!(part, Part::Any(name) if **name == *of))?;
        name.as_str().split('/').nth(place + 1)
    }
}

impl fmt::Display for InvalidPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid pattern of namespaces: {}", self.0)
    }
}

impl std::error::Error for InvalidPattern {}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> NamespaceName {
        NamespaceName::try_from(name).unwrap()
    }

    #[test]
    fn a_part_in_braces_is_any_text_but_none() {
        let pattern = Pattern::new("/doc/{id}/page/{number}").unwrap();
        for (text, matches) in [
            ("/doc/a/page/1", true),
            ("/doc/{id}/page/{number}", true),
            ("/doc/a/page/", false),
            ("/doc//page/1", false),
            ("/doc/a/page/1/", false),
            ("/doc/a/page/1/2", false),
            ("/doc/a/page", false),
            ("/docs/a/page/1", false),
            ("/", false),
        ] {
            assert_eq!(pattern.matches(&name(text)), matches, "{text}");
        }
        let found = name("/doc/a/page/1");
        assert_eq!([pattern.value(&found, "id"), pattern.value(&found, "number")], [Some("a"), Some("1")]);
        assert_eq!(pattern.value(&found, "page"), None);
        assert!(Pattern::new("/{tenant}").unwrap().matches(&name("/x")));
        assert!(!Pattern::new("/{tenant}").unwrap().matches(&name("/")));
    }

    #[test]
    fn a_pattern_that_does_not_say_what_it_means_is_refused() {
        for pattern in
            ["doc/{id}", "", "/doc/{}", "/{a}/{a}", "/doc-{id}", "/{id", "/id}", "/{a{b}}", "/a,{b}", "/{a?}"]
        {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }
}
