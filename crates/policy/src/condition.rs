//! Who may send an event.

use crate::values::{Claims, Found, find};

/// A claim that has to be there, with one of a few values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    claim: Box<[Box<str>]>,
    /// As text: `7` and `"7"` are the same value, here as in names of rooms.
    any_of: Box<[Box<str>]>,
}

impl Condition {
    /// The claim that these names lead to (`role`, or `role` in `user`) is one of the values, or a list with one of them.
    pub fn new(names: impl IntoIterator<Item = String>, any_of: impl IntoIterator<Item = String>) -> Self {
        let claim = names.into_iter().map(Into::into).collect();
        Self { claim, any_of: any_of.into_iter().map(Into::into).collect() }
    }

    pub(crate) fn holds(&self, claims: &Claims) -> bool {
        let is_one = |text: &str| self.any_of.iter().any(|value| **value == *text);
        match find(claims.as_str(), &self.claim) {
            Found::Nothing(_) => false,
            Found::Scalar(text) => is_one(&text),
            Found::List(texts) => texts.iter().any(|text| is_one(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_has_to_be_one_of_the_values_or_a_list_with_one_of_them() {
        let condition = Condition::new(["user", "role"].map(str::to_owned), ["editor", "7", "true"].map(str::to_owned));
        for (role, holds) in [
            (r#""editor""#, true),
            ("7", true),
            (r#""7""#, true),
            ("true", true),
            (r#"["viewer","editor"]"#, true),
            (r#"[[7]]"#, false),
            (r#""Editor""#, false),
            (r#"{"editor":true}"#, false),
            ("null", false),
            ("[]", false),
        ] {
            let claims = Claims::parse(&format!(r#"{{"user":{{"role":{role}}}}}"#)).unwrap();
            assert_eq!(condition.holds(&claims), holds, "{role}");
        }
        assert!(!condition.holds(&Claims::default()));
    }
}
