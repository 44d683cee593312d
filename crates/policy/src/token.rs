//! A token (JWT, RFC 7519, in the compact form of RFC 7515), but for its signature.
//!
//! [`Token::parse`] says what it claims, without believing it; [`TokenRules::admit`] whether it may be looked at with an
//! issuer's keys; the caller verifies [`signed`](Token::signed) against [`signature`](Token::signature); and
//! [`TokenRules::judge`] has the last word, now that the claims can be believed.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::values::Claims;

/// A token as it was written, and nothing of it vouched for.
#[derive(Debug, Clone, PartialEq)]
pub struct Token<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    kid: Option<String>,
    claims: Map<String, Value>,
}

impl<'a> Token<'a> {
    /// How long a token may be.
    pub const BYTES_MAX: usize = 8 * 1024;

    /// Takes a token apart.
    ///
    /// # Errors
    /// The first thing that is wrong with it whatever key it is signed with.
    pub fn parse(text: &'a str) -> Result<Self, TokenFault> {
        if text.len() > Self::BYTES_MAX {
            return Err(TokenFault::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(TokenFault::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenFault::Malformed)?;
        let (header, claims) = (object(header)?, object(payload)?);
        let signature = decode(signature)?;
        if header.contains_key("crit") {
            return Err(TokenFault::Critical); // We know no extension, and these must be understood.
        }
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::parse);
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(TokenFault::Malformed),
        };
        Ok(Self { signed, signature, algorithm: algorithm.ok_or(TokenFault::Algorithm)?, kid, claims })
    }

    /// What the signature is over.
    pub fn signed(&self) -> &'a str {
        self.signed
    }

    /// The signature, decoded.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The algorithm that it says it is signed by: one of ours, but not yet one that its issuer uses.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that it says it is signed with.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Who it says has issued it.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
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

    /// Whether a token whose signature was verified counts `now` (since 1970), and what it says.
    ///
    /// # Errors
    /// Why it does not.
    pub fn judge(&self, token: &Token<'_>, now: Duration) -> Result<Vouched, TokenFault> {
        self.admit(token)?;
        let Token { claims, .. } = token;
        if let Some(audience) = &self.audience
            && !names_one(claims.get("aud"), audience)
        {
            return Err(TokenFault::Audience);
        }
        let ends = date(claims, "exp")?;
        if date(claims, "nbf")?.is_some_and(|from| from > now + self.leeway) {
            return Err(TokenFault::NotYetValid);
        }
        if date(claims, "iat")?.is_some_and(|issued| issued > now + self.leeway) {
            return Err(TokenFault::IssuedLater);
        }
        if ends.is_some_and(|ends| ends + self.leeway <= now) {
            return Err(TokenFault::Expired);
        }
        let subject = match claims.get("sub") {
            None => None,
            Some(Value::String(subject)) => Some(subject.as_str().into()),
            // Against the letter of the RFC, but what many applications write.
            Some(Value::Number(number)) if !number.is_f64() => Some(number.to_string().into()),
            Some(_) => return Err(TokenFault::Claims),
        };
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

/// An algorithm of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // Their names are RFC 7518's.
pub enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// Its name in a token; `none` is none.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Whether who can verify can sign as well: a secret, not a pair of keys.
    pub fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TokenFault {
    /// Over [`Token::BYTES_MAX`].
    TooLong,
    /// Not three parts of base64url, of which two are JSON objects without a name twice; a date that is none.
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

/// Without padding, and of several texts for the same bytes only one.
fn decode(text: &str) -> Result<Vec<u8>, TokenFault> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenFault::Malformed)
}

fn object(text: &str) -> Result<Map<String, Value>, TokenFault> {
    let Unique(object) = serde_json::from_slice(&decode(text)?).map_err(|_| TokenFault::Malformed)?;
    Ok(object)
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

/// Whether `aud`, a text or a list of them, names one of the audience.
fn names_one(claim: Option<&Value>, audience: &[Box<str>]) -> bool {
    let is_one = |value: &Value| value.as_str().is_some_and(|name| audience.iter().any(|one| **one == *name));
    match claim {
        Some(Value::Array(names)) => names.iter().any(is_one),
        Some(name) => is_one(name),
        None => false,
    }
}

/// A JSON object in which no name stands twice: readers disagree on which one counts.
struct Unique(Map<String, Value>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Unique;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Unique, A::Error> {
                let mut object = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if object.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name twice"));
                    }
                }
                Ok(Unique(object))
            }
        }
        deserializer.deserialize_map(Names)
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

    fn rules() -> TokenRules {
        TokenRules {
            issuer: "me".into(),
            algorithms: vec![Algorithm::Es256],
            audience: Some(vec!["fanfare".into(), "other".into()]),
            leeway: Duration::from_secs(30),
        }
    }

    fn judged(claims: &str) -> Result<Vouched, TokenFault> {
        let text = token(r#"{"alg":"ES256"}"#, claims);
        rules().judge(&Token::parse(&text)?, Duration::from_secs(1000))
    }

    #[test]
    fn a_token_is_taken_apart() {
        let text = token(r#"{"alg":"HS256","kid":"k","typ":"JWT"}"#, r#"{"iss":"me"}"#);
        let token = Token::parse(&text).unwrap();
        assert_eq!((token.algorithm(), token.kid(), token.issuer()), (Algorithm::Hs256, Some("k"), Some("me")));
        assert_eq!((token.signed(), token.signature()), (text.strip_suffix(".c2ln").unwrap(), &b"sig"[..]));
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
            (format!("{}.x", token(es256, "{}")), TokenFault::Malformed),
            (format!("{}==", token(es256, "{}")), TokenFault::Malformed),
            (token(es256, "[]"), TokenFault::Malformed),
            (token(es256, "{}{}"), TokenFault::Malformed),
            (token(es256, r#"{"sub":"1","sub":"2"}"#), TokenFault::Malformed),
            (token(r#"{"alg":"none","alg":"ES256"}"#, "{}"), TokenFault::Malformed),
            (token(es256, &deep), TokenFault::Malformed),
            (token(r#"{"alg":"ES256","kid":1}"#, "{}"), TokenFault::Malformed),
            (token(r#"{"alg":"ES256","crit":["exp"]}"#, "{}"), TokenFault::Critical),
            (token(r#"{"alg":"none"}"#, "{}"), TokenFault::Algorithm),
            (token(r#"{"alg":"None"}"#, "{}"), TokenFault::Algorithm),
            (token(r#"{"alg":["ES256"]}"#, "{}"), TokenFault::Algorithm),
            (token("{}", "{}"), TokenFault::Algorithm),
        ] {
            assert_eq!(Token::parse(&text), Err(fault), "{text}");
        }
    }

    #[test]
    fn a_verified_token_counts_if_it_is_for_us_and_now() {
        for claims in [
            r#"{"iss":"me","aud":"fanfare"}"#,
            r#"{"iss":"me","aud":["x","other"]}"#,
            r#"{"iss":"me","aud":"fanfare","exp":971,"nbf":1030,"iat":1029.5}"#,
            r#"{"iss":"me","aud":"fanfare","exp":1e300}"#,
        ] {
            judged(claims).unwrap_or_else(|fault| panic!("{claims}: {fault}"));
        }
        for (claims, fault) in [
            (r#"{"aud":"fanfare"}"#.to_owned(), TokenFault::Issuer),
            (r#"{"iss":["me"],"aud":"fanfare"}"#.to_owned(), TokenFault::Issuer),
            (r#"{"iss":"me"}"#.to_owned(), TokenFault::Audience),
            (r#"{"iss":"me","aud":"Fanfare"}"#.to_owned(), TokenFault::Audience),
            (r#"{"iss":"me","aud":"*"}"#.to_owned(), TokenFault::Audience),
            (r#"{"iss":"me","aud":"fanfare","exp":970}"#.to_owned(), TokenFault::Expired),
            (r#"{"iss":"me","aud":"fanfare","exp":-1}"#.to_owned(), TokenFault::Expired),
            (r#"{"iss":"me","aud":"fanfare","exp":"2000"}"#.to_owned(), TokenFault::Malformed),
            (r#"{"iss":"me","aud":"fanfare","exp":null}"#.to_owned(), TokenFault::Malformed),
            (r#"{"iss":"me","aud":"fanfare","nbf":1031}"#.to_owned(), TokenFault::NotYetValid),
            (r#"{"iss":"me","aud":"fanfare","iat":1031}"#.to_owned(), TokenFault::IssuedLater),
            (r#"{"iss":"me","aud":"fanfare","sub":{}}"#.to_owned(), TokenFault::Claims),
        ] {
            assert_eq!(judged(&claims), Err(fault), "{claims}");
        }
    }

    #[test]
    fn the_subject_is_a_text_or_a_whole_number() {
        let subject = |sub: &str| judged(&format!(r#"{{"iss":"me","aud":"fanfare","sub":{sub}}}"#)).unwrap().subject;
        assert_eq!((subject(r#""a""#).as_deref(), subject("7").as_deref()), (Some("a"), Some("7")));
    }

    #[test]
    fn every_algorithm_is_found_by_its_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Algorithm::parse("none"), None);
    }
}
