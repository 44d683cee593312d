//! Any header and any claims as a token, and any text as one.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policy::{Algorithm, Claims, Token, TokenFault, TokenRules, Vouched};
use serde_json::{Map, Value};

/// A token is refused for the first of its faults exactly if it has one, as a list of them says; and there is one text
/// for each token.
///
/// Two lines are header and claims, and a third the time; anything else is the text of a token.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let (Some(header), Some(claims)) = (lines.next(), lines.next()) else { return parsed(text) };
    let now = Duration::from_secs(lines.next().and_then(|line| line.parse::<u32>().ok()).unwrap_or(1_000).into());
    let token = format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    parsed(&token);

    let rules = TokenRules {
        issuer: "me".into(),
        algorithms: vec![Algorithm::Es256, Algorithm::Hs256],
        audience: Some(vec!["us".into(), "them".into()]),
        leeway: Duration::from_secs(30),
    };
    let found = Token::parse(&token).and_then(|token| rules.judge(&token, now));
    let expected = judged(&token, header, claims, now);
    match (&found, &expected) {
        (Ok(vouched), None) => is_sound(vouched, claims),
        (Err(fault), Some(expected)) => assert_eq!(fault, expected),
        _ => panic!("{found:?}, and it should be {expected:?}"),
    }
}

/// What is taken apart is put together again.
fn parsed(text: &str) {
    if let Ok(token) = Token::parse(text) {
        assert_eq!(format!("{}.{}", token.signed(), URL_SAFE_NO_PAD.encode(token.signature())), text);
        assert!(text.len() <= Token::BYTES_MAX && text.is_ascii());
    }
}

/// The first fault, by the RFCs' sentences one after the other.
fn judged(token: &str, header: &str, claims: &str, now: Duration) -> Option<TokenFault> {
    let object = |text| serde_json::from_str::<Map<String, Value>>(text).ok().filter(|map| !has_doubles(text, map));
    let (header, claims) = match (token.len() > 8192, object(header), object(claims)) {
        (true, ..) => return Some(TokenFault::TooLong),
        (_, Some(header), Some(claims)) => (header, claims),
        _ => return Some(TokenFault::Malformed),
    };
    let leeway = Duration::from_secs(30);
    let seconds = |date: f64| Duration::from_secs_f64(date.clamp(0.0, 1e11));
    let date = |name: &str| claims.get(name).map(|date| date.as_f64().map(seconds).ok_or(()));
    let in_future = |name: &str| date(name).is_some_and(|date| date.is_ok_and(|date| date > now + leeway));
    let is_ours = |name: &Value| name == "us" || name == "them";
    let is_for_us = match &claims.get("aud") {
        Some(Value::Array(names)) => names.iter().any(is_ours),
        name => name.is_some_and(is_ours),
    };
    let algorithm = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    let is_known = Algorithm::ALL.iter().any(|known| known.name() == algorithm);
    let is_subject = claims.get("sub").is_none_or(|sub| sub.is_string() || sub.is_u64() || sub.is_i64());
    let faults = [
        (header.contains_key("crit"), TokenFault::Critical),
        (header.get("kid").is_some_and(|kid| !kid.is_string()), TokenFault::Malformed),
        (!is_known, TokenFault::Algorithm),
        (claims.get("iss").is_none_or(|issuer| issuer != "me"), TokenFault::Issuer),
        (!["ES256", "HS256"].contains(&algorithm), TokenFault::Algorithm),
        (!is_for_us, TokenFault::Audience),
        (date("exp") == Some(Err(())), TokenFault::Malformed),
        (date("nbf") == Some(Err(())), TokenFault::Malformed),
        (in_future("nbf"), TokenFault::NotYetValid),
        (date("iat") == Some(Err(())), TokenFault::Malformed),
        (in_future("iat"), TokenFault::IssuedLater),
        (date("exp").is_some_and(|end| end.is_ok_and(|end| end + leeway <= now)), TokenFault::Expired),
        (!is_subject || Claims::from_object(&claims).is_err(), TokenFault::Claims),
    ];
    faults.into_iter().find_map(|(is_so, fault)| is_so.then_some(fault))
}

/// Whether a name stands twice in an object: then a map has fewer than were written.
fn has_doubles(text: &str, map: &Map<String, Value>) -> bool {
    struct Count(usize);
    impl<'de> serde::Deserialize<'de> for Count {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Entries;
            impl<'de> serde::de::Visitor<'de> for Entries {
                type Value = Count;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
                    let mut count = 0;
                    while map.next_entry::<String, serde::de::IgnoredAny>()?.is_some() {
                        count += 1;
                    }
                    Ok(Count(count))
                }
            }
            deserializer.deserialize_map(Entries)
        }
    }
    serde_json::from_str::<Count>(text).is_ok_and(|Count(count)| count != map.len())
}

fn is_sound(vouched: &Vouched, claims: &str) {
    let written: Value = serde_json::from_str(claims).expect("it was read");
    let kept: Value = serde_json::from_str(vouched.claims.as_str()).expect("claims are JSON");
    // A number with a fraction may come back as its neighbour.
    let names = |value: &Value| value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>());
    assert_eq!(names(&kept), names(&written));
    assert!(["iss", "aud"].iter().all(|name| kept[name] == written[name]));
    assert_eq!(vouched.ends.is_some(), written.get("exp").is_some());
}
