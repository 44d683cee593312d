//! Any header and any claims as a token, and any text as one.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use policy::{Claims, Token, TokenFault, TokenRules, Vouched};
use serde_json::{Map, Value};

/// A token is refused for the first of its faults exactly if it has one, as a list of them says. (But for its signature,
/// and the claims that the library judges: these are not looked at here.)
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
        algorithms: vec![Algorithm::ES256, Algorithm::HS256],
        audience: None,
        leeway: Duration::from_secs(30),
    };
    let found = Token::parse(&token).and_then(|token| {
        rules.admit(&token)?;
        rules.vouch(&serde_json::from_str(claims).expect("it was read"), now)
    });
    let expected = judged(&token, header, claims, now);
    match (&found, &expected) {
        (Ok(vouched), None) => is_sound(vouched, claims),
        (Err(fault), Some(expected)) => assert_eq!(fault, expected),
        _ => panic!("{found:?}, and it should be {expected:?}"),
    }
}

/// What is looked at of a text has three parts, and is of some size.
fn parsed(text: &str) {
    if let Ok(token) = Token::parse(text) {
        assert_eq!(token.text(), text);
        assert!(text.len() <= Token::BYTES_MAX && text.matches('.').count() >= 2);
    }
}

/// The first fault, by the RFCs' sentences one after the other.
fn judged(token: &str, header: &str, claims: &str, now: Duration) -> Option<TokenFault> {
    let object = |text| serde_json::from_str::<Map<String, Value>>(text).ok();
    let (header, claims) = match (token.len() > 8192, object(header), object(claims)) {
        (true, ..) => return Some(TokenFault::TooLong),
        (_, Some(header), Some(claims)) => (header, claims),
        _ => return Some(TokenFault::Malformed),
    };
    let is_date = |name: &str| claims.get(name).is_none_or(Value::is_number);
    let issued = claims.get("iat").and_then(Value::as_f64).map(|at| Duration::from_secs_f64(at.clamp(0.0, 1e11)));
    let is_later = issued.is_some_and(|at| at > now + Duration::from_secs(30));
    let algorithm = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    let known =
        ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
    let is_subject = claims.get("sub").is_none_or(|sub| sub.is_string() || sub.is_u64() || sub.is_i64());
    let faults = [
        (header.contains_key("crit"), TokenFault::Critical),
        (!known.contains(&algorithm), TokenFault::Algorithm),
        (header.get("kid").is_some_and(|kid| !kid.is_string()), TokenFault::Malformed),
        (claims.get("iss").is_none_or(|issuer| issuer != "me"), TokenFault::Issuer),
        (!["ES256", "HS256"].contains(&algorithm), TokenFault::Algorithm),
        (!is_date("iat"), TokenFault::Malformed),
        (is_later, TokenFault::IssuedLater),
        (!is_subject, TokenFault::Claims),
        (!is_date("exp"), TokenFault::Malformed),
        (Claims::from_object(&claims).is_err(), TokenFault::Claims),
    ];
    faults.into_iter().find_map(|(is_so, fault)| is_so.then_some(fault))
}

fn is_sound(vouched: &Vouched, claims: &str) {
    let written: Value = serde_json::from_str(claims).expect("it was read");
    let kept: Value = serde_json::from_str(vouched.claims.as_str()).expect("claims are JSON");
    // A number with a fraction may come back as its neighbour.
    let names = |value: &Value| value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>());
    assert_eq!(names(&kept), names(&written));
    assert_eq!(kept["iss"], written["iss"]);
    assert_eq!(vouched.ends.is_some(), written.get("exp").is_some());
}
