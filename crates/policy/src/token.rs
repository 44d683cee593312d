//! A token (JWT, RFC 7519), but for its signature and the claims that every library judges.
//!
//! [`Token::parse`] says what it claims to be, without believing it; [`TokenRules::admit`] whether it may be looked at with
//! an issuer's keys; then a library verifies [`text`](Token::text) with these; and [`TokenRules::vouch`] looks at what that
//! left out.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use crate::values::Claims;

/// A token as it was written, and nothing of it vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    text: &'a str,
    algorithm: Algorithm,
    kid: Option<String>,
    issuer: Option<String>,
}

impl<'a> Token<'a> {
    /// How long a token may be.
    pub const BYTES_MAX: usize = 8 * 1024;

    /// Reads what decides about the key.
    ///
    /// # Errors
    /// The first thing that is wrong with it whatever key it is signed with.
    pub fn parse(text: &'a str) -> Result<Self, TokenFault> {
        if text.len() > Self::BYTES_MAX {
            return Err(TokenFault::TooLong);
        }
        let mut parts = text.splitn(3, '.');
        let (Some(header), Some(claims), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(TokenFault::Malformed);
        };
        let (header, claims) = (object(header)?, object(claims)?);
        if header.contains_key("crit") {
            return Err(TokenFault::Critical); // We know no extension, and these must be understood.
        }
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(|name| name.parse().ok());
        let algorithm = algorithm.ok_or(TokenFault::Algorithm)?;
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(TokenFault::Malformed),
        };
        let issuer = claims.get("iss").and_then(Value::as_str).map(Into::into);
        Ok(Self { text, algorithm, kid, issuer })
    }

    /// The whole of it.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The algorithm that it says it is signed by; not yet one that its issuer uses.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that it says it is signed with.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Who it says has issued it.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }
}

/// What the tokens of an issuer have to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRules {
    /// The claim `iss`, letter by letter.
    pub issuer: Box<str>,
    /// The algorithms that it signs with.
    pub algorithms: Vec<Algorithm>,
    /// Of which the claim `aud` has to name one; `None` if whatever is in it does.
    pub audience: Option<Vec<Box<str>>>,
    /// How far its clock and ours may be apart.
    pub leeway: Duration,
}

impl TokenRules {
    /// Whether a token may be looked at with this issuer's keys.
    ///
    /// # Errors
    /// It is another's, or of an algorithm that this one does not use.
    pub fn admit(&self, token: &Token<'_>) -> Result<(), TokenFault> {
        if token.issuer() != Some(&self.issuer) {
            Err(TokenFault::Issuer)
        } else if !self.algorithms.contains(&token.algorithm) {
            Err(TokenFault::Algorithm)
        } else {
            Ok(())
        }
    }

    /// What the claims of a verified token say, `now` (since 1970).
    ///
    /// # Errors
    /// Why they do not count, beyond what libraries judge: `iss`, `aud`, `exp` and `nbf`.
    pub fn vouch(&self, claims: &Map<String, Value>, now: Duration) -> Result<Vouched, TokenFault> {
        if date(claims, "iat")?.is_some_and(|issued| issued > now + self.leeway) {
            return Err(TokenFault::IssuedLater);
        }
        let subject = match claims.get("sub") {
            None => None,
            Some(Value::String(subject)) => Some(subject.as_str().into()),
            // Against the letter of the RFC, but what many applications write.
            Some(Value::Number(number)) if !number.is_f64() => Some(number.to_string().into()),
            Some(_) => return Err(TokenFault::Claims),
        };
        let ends = date(claims, "exp")?;
        let claims = Claims::from_object(claims).map_err(|_| TokenFault::Claims)?;
        Ok(Vouched { subject, claims, ends })
    }
}

/// What a token says that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The claim `sub`.
    pub subject: Option<Box<str>>,
    /// All claims.
    pub claims: Claims,
    /// The claim `exp`: when it ends, since 1970. `None` if it never does.
    pub ends: Option<Duration>,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TokenFault {
    /// Over [`Token::BYTES_MAX`].
    TooLong,
    /// Not three parts of base64url, of which two are JSON objects; a date that is none.
    Malformed,
    /// Its algorithm is none that we know (`none` is none), or that its issuer uses, or that its key is for.
    Algorithm,
    /// It has critical extensions.
    Critical,
    /// Nobody knows it: no static token, and of no issuer that is configured.
    Issuer,
    /// No key of its issuer is the one that it names.
    Key,
    /// It was not signed with that key.
    Signature,
    /// It is for somebody else.
    Audience,
    /// It was valid once.
    Expired,
    /// It will be valid (`nbf`).
    NotYetValid,
    /// It was issued in the future (`iat`).
    IssuedLater,
    /// Its claims are too long to be kept, or its subject is no text.
    Claims,
}

impl TokenFault {
    /// All their names.
    pub const LABELS: [&'static str; 12] = [
        "too_long",
        "malformed",
        "algorithm",
        "critical",
        "issuer",
        "key",
        "signature",
        "audience",
        "expired",
        "not_yet_valid",
        "issued_later",
        "claims",
    ];

    /// Its name in logs and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Critical => "critical",
            Self::Issuer => "issuer",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedLater => "issued_later",
            Self::Claims => "claims",
        }
    }
}

/// For the operator; a client is told only whether it has expired.
impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "it is longer than 8 KiB",
            Self::Malformed => "it is no signed JWT",
            Self::Algorithm => "its algorithm is not one that its issuer's table names and its key is for",
            Self::Critical => "it has critical extensions (crit)",
            Self::Issuer => "it is of no issuer that is configured, and no static token",
            Self::Key => "its issuer has no such key",
            Self::Signature => "its signature is wrong",
            Self::Audience => "it is for another audience (aud)",
            Self::Expired => "it has expired (exp)",
            Self::NotYetValid => "it is not yet valid (nbf)",
            Self::IssuedLater => "it was issued in the future (iat)",
            Self::Claims => "its claims are over 8 KiB, too deep, or its subject (sub) is no text",
        })
    }
}

impl std::error::Error for TokenFault {}

fn object(part: &str) -> Result<Map<String, Value>, TokenFault> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenFault::Malformed)
}

/// A date of a token: seconds since 1970, perhaps with a fraction.
fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<Duration>, TokenFault> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(seconds)) => {
            let seconds = seconds.as_f64().ok_or(TokenFault::Malformed)?;
            // Far enough: no sum of two overflows.
            Ok(Some(Duration::try_from_secs_f64(seconds.clamp(0.0, SECONDS_MAX)).map_err(|_| TokenFault::Malformed)?))
        }
        Some(_) => Err(TokenFault::Malformed),
    }
}

/// The year 9999.
const SECONDS_MAX: f64 = 253_402_300_799.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    fn vouched(claims: &str) -> Result<Vouched, TokenFault> {
        let algorithms = vec![Algorithm::ES256];
        let rules = TokenRules { issuer: "me".into(), algorithms, audience: None, leeway: Duration::from_secs(30) };
        rules.vouch(&serde_json::from_str(claims).unwrap(), Duration::from_secs(1000))
    }

    #[test]
    fn a_token_says_by_what_it_is_to_be_judged() {
        let text = token(r#"{"alg":"HS256","kid":"k","typ":"JWT"}"#, r#"{"iss":"me"}"#);
        let token = Token::parse(&text).unwrap();
        assert_eq!((token.algorithm(), token.kid(), token.issuer()), (Algorithm::HS256, Some("k"), Some("me")));
        assert_eq!(token.text(), text);
    }

    #[test]
    fn what_is_no_token_of_ours_is_told_by_its_kind() {
        let es256 = r#"{"alg":"ES256"}"#;
        let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(1000), "]".repeat(1000));
        for (text, fault) in [
            ("x".repeat(8193), TokenFault::TooLong),
            (String::new(), TokenFault::Malformed),
            ("a.b".to_owned(), TokenFault::Malformed),
            ("..".to_owned(), TokenFault::Malformed),
            (token(es256, "{}").replacen('.', "=.", 1), TokenFault::Malformed),
            (token(es256, "{}").trim_end_matches(".c2ln").to_owned(), TokenFault::Malformed),
            (token(es256, "[]"), TokenFault::Malformed),
            (token(es256, "{}{}"), TokenFault::Malformed),
            (token(es256, &deep), TokenFault::Malformed),
            (token(r#"{"alg":"ES256","kid":null}"#, "{}"), TokenFault::Malformed),
            (token(r#"{"alg":"ES256","crit":["exp"]}"#, "{}"), TokenFault::Critical),
            (token(r#"{"alg":"ES256","crit":null}"#, "{}"), TokenFault::Critical),
            (token(r#"{"alg":"none"}"#, "{}"), TokenFault::Algorithm),
            (token(r#"{"alg":"es256"}"#, "{}"), TokenFault::Algorithm),
            (token(r#"{"alg":["ES256"]}"#, "{}"), TokenFault::Algorithm),
            (token("{}", "{}"), TokenFault::Algorithm),
        ] {
            assert_eq!(Token::parse(&text), Err(fault), "{text}");
        }
    }

    #[test]
    fn a_token_of_the_future_or_of_an_odd_subject_does_not_count() {
        for (claims, fault) in [
            (r#"{"iat":1031}"#, TokenFault::IssuedLater),
            (r#"{"iat":"1000"}"#, TokenFault::Malformed),
            (r#"{"exp":null}"#, TokenFault::Malformed),
            (r#"{"sub":{}}"#, TokenFault::Claims),
            (r#"{"sub":1.5}"#, TokenFault::Claims),
        ] {
            assert_eq!(vouched(claims), Err(fault), "{claims}");
        }
        let ends = |claims: &str| vouched(claims).unwrap().ends.map(|ends| ends.as_secs_f64());
        assert_eq!(ends(r#"{"iat":1029.5}"#), None);
        assert_eq!(ends(r#"{"exp":2000.5}"#), Some(2000.5));
        assert_eq!(ends(r#"{"exp":1e300}"#), Some(SECONDS_MAX));
    }

    #[test]
    fn the_list_of_labels_has_each_fault_s_and_no_other() {
        use TokenFault::*;
        let faults = [
            TooLong,
            Malformed,
            Algorithm,
            Critical,
            Issuer,
            Key,
            Signature,
            Audience,
            Expired,
            NotYetValid,
            IssuedLater,
            Claims,
        ];
        assert_eq!(faults.map(TokenFault::label), TokenFault::LABELS);
    }

    #[test]
    fn the_subject_is_a_text_or_a_whole_number() {
        let subject = |sub: &str| vouched(&format!(r#"{{"sub":{sub}}}"#)).unwrap().subject;
        assert_eq!((subject(r#""a""#).as_deref(), subject("7").as_deref()), (Some("a"), Some("7")));
    }
}
