//! The query of a request.

use std::collections::BTreeMap;

use super::problem::Problem;

/// Its parameters, of which each is taken by its name.
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    /// # Errors
    /// A parameter twice, or one that is no text.
    pub(crate) fn of(query: Option<&str>) -> Result<Self, Problem> {
        let mut all = BTreeMap::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name), decoded(value));
            let name = name.ok_or_else(|| Problem::invalid_request("expected a query in percent-encoded UTF-8"))?;
            let value = value.ok_or_else(|| Problem::invalid(name.clone(), "expected percent-encoded UTF-8"))?;
            if all.contains_key(&name) {
                return Err(Problem::invalid(name, "expected once, found twice"));
            }
            all.insert(name, value);
        }
        Ok(Self(all))
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// `true` or `false`; the latter if it is not there.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Problem> {
        match self.take(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Problem::invalid(name, format!("expected true or false, found {other:?}"))),
        }
    }

    /// # Errors
    /// Something is left that nobody asked for. A key for the API is never looked for here, and not repeated.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.0.into_keys().next() {
            Some(name) => Err(Problem::invalid(name, "is not a parameter of this request")),
            None => Ok(()),
        }
    }
}

/// What percent-encoded text stands for; `+` is a space, as forms have it.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_each_is_known_once() {
        let mut query = Query::of(Some("room=a%2Fb+c%C3%BC&limit=&flag=true")).unwrap();
        assert_eq!(query.take("room").as_deref(), Some("a/b cü"));
        assert_eq!(query.take("limit").as_deref(), Some(""));
        assert_eq!((query.flag("flag"), query.flag("flag")), (Ok(true), Ok(false)));
        assert_eq!(query.finish(), Ok(()));
        assert!(Query::of(Some("a=1")).unwrap().finish().is_err());
        for wrong in ["a=%", "a=%f", "a=%zz", "a=%ff", "%ff=a", "a=1&a=2"] {
            assert!(Query::of(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
