//! Who may come in: `[[auth.issuer]]`, `[[auth.token]]` and, with a row of the settings for each key, `[auth]` and
//! `[auth.webhook]`.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::time::Duration;

use http::{HeaderName, Uri};
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use policy::{Claims, TokenRules};
use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;
use super::draft::{Draft, ISSUER, TOKEN};
use super::field::{Field, tables, unknown};
use super::report::Report;
use super::unsaid::LEEWAY;
use super::written::{Written, Wrong};
use crate::auth::config::{IssuerConfig, KeySource, StaticToken};
use crate::auth::key::Key;
use crate::auth::secret::Secret;
use crate::auth::token_source::TokenSource;
use crate::auth::{is_https, is_loopback};

/// The keys of an issuer.
pub(crate) const ISSUER_KEYS: [&str; 9] = [
    "auth.issuer.iss",
    "auth.issuer.jwks_url",
    "auth.issuer.jwks_file",
    "auth.issuer.public_key_file",
    "auth.issuer.secret_file",
    "auth.issuer.secret_env",
    "auth.issuer.algorithms",
    "auth.issuer.audience",
    "auth.issuer.leeway_s",
];

/// The keys of a static token.
pub(crate) const TOKEN_KEYS: [&str; 2] = ["auth.token.sha256", "auth.token.claims"];

/// Reads the value of the key `auth.issuer`, which begins at `at`.
pub(crate) fn read_issuers(at: usize, value: &Spanned<DeValue<'_>>, draft: &mut Draft, report: &mut Report<'_>) {
    let (mut issuers, mut names) = (Vec::new(), HashSet::new());
    for (start, table) in tables(at, ISSUER, value, report) {
        let Some((at, issuer)) = read_issuer(start, table, draft, report) else { continue };
        if names.insert(issuer.rules.issuer.clone()) {
            issuers.push(issuer);
        } else {
            let message = format!("expected each issuer once, found a second {:?}", issuer.rules.issuer);
            report.push(at, Some("auth.issuer.iss"), message);
        }
    }
    draft.config.auth.issuers = issuers;
}

/// An issuer, and where its name begins.
fn read_issuer(
    start: usize,
    table: &DeTable<'_>,
    draft: &mut Draft,
    report: &mut Report<'_>,
) -> Option<(usize, IssuerConfig)> {
    let before = report.len();
    let (mut iss, mut algorithms, mut audience, mut leeway) = (None, None, None, None);
    let mut keys: Option<(&str, Option<Field<KeySource>>)> = None;
    for (name, value) in table {
        let (at, name) = (name.span().start, name.get_ref().as_ref());
        let key = format!("{ISSUER}.{name}");
        match name {
            "iss" => iss = Field::read(report, &key, at, value, |iss| iss.parsed(not_empty)),
            "algorithms" => algorithms = Field::read(report, &key, at, value, read_algorithms),
            "audience" => audience = Field::read(report, &key, at, value, read_audience),
            "leeway_s" => leeway = Field::read(report, &key, at, value, |leeway| seconds(leeway, 0..=600)),
            "jwks_url" | "jwks_file" | "public_key_file" | "secret_file" | "secret_env" => {
                if let Some((other, _)) = keys {
                    report.push(at, Some(&key), format!("expected one place for its keys, found {other:?} too"));
                } else {
                    let read = |written| read_keys(name, draft, written);
                    keys = Some((name, Field::read(report, &key, at, value, read)));
                }
            }
            other => unknown(report, at, ISSUER, other, &ISSUER_KEYS),
        }
    }
    if report.len() > before {
        return None;
    }
    let mut missing = |key: &str, expected: &str| {
        report.push(start, Some(&format!("{ISSUER}.{key}")), format!("expected {expected}, found none"));
    };
    if iss.is_none() {
        missing("iss", "what the claim `iss` of its tokens is");
    }
    if algorithms.is_none() {
        missing("algorithms", "the algorithms that it signs with, such as [\"RS256\"]");
    }
    if audience.is_none() {
        missing("audience", "what the claim `aud` of its tokens has to name, or [\"*\"] for anything");
    }
    let Some((source, keys)) = keys else {
        let message = "expected one of jwks_url, jwks_file, public_key_file, secret_file or secret_env, found none";
        report.push(start, Some(ISSUER), message.to_owned());
        return None;
    };
    let (iss, algorithms, audience, keys) = (iss?, algorithms?, audience?, keys?);
    if let Err(message) = fit(&algorithms.value, &keys.value) {
        report.push(algorithms.at, Some("auth.issuer.algorithms"), message);
    }
    if let KeySource::Secret(secret) = &keys.value {
        warn_of_short(secret, &algorithms.value, keys.at, source, draft, report);
    }
    let leeway = leeway.map_or(LEEWAY, |leeway| leeway.value);
    let rules = TokenRules { issuer: iss.value, algorithms: algorithms.value, audience: audience.value, leeway };
    (report.len() == before).then_some((iss.at, IssuerConfig { rules, keys: keys.value }))
}

fn read_algorithms(written: Written<'_>) -> Result<Vec<Algorithm>, Wrong> {
    use AlgorithmFamily::{Ec, Ed, Hmac, Rsa};
    let families = [Hmac, Rsa, Ec, Ed];
    let names: Vec<String> =
        families.iter().flat_map(AlgorithmFamily::algorithms).map(|algorithm| format!("{algorithm:?}")).collect();
    let expected = format!("one of {}", names.join(", "));
    let algorithms = written.list(&expected, |name| name.parse().map_err(|_| &expected))?;
    if algorithms.is_empty() { Err(written.wrong("at least one algorithm")) } else { Ok(algorithms) }
}

/// `["*"]` is any.
fn read_audience(written: Written<'_>) -> Result<Option<Vec<Box<str>>>, Wrong> {
    let expected = "what the claim `aud` may name, or [\"*\"] for anything";
    let names = written.list(expected, not_empty)?;
    match names.iter().map(|name| &**name).collect::<Vec<_>>().as_slice() {
        [] => Err(written.wrong(expected)),
        ["*"] => Ok(None),
        several if several.contains(&"*") => Err(written.wrong("\"*\" alone, or only names")),
        _ => Ok(Some(names)),
    }
}

/// Reads what a key such as `jwks_file` names.
fn read_keys(name: &str, draft: &mut Draft, written: Written<'_>) -> Result<KeySource, Wrong> {
    match name {
        "jwks_url" => written.url(parse_jwks_url).map(KeySource::Url),
        "secret_env" => secret_of_variable(draft, written).map(KeySource::Secret),
        "secret_file" => {
            let bytes = read_file(draft, written)?;
            // The line end that an editor leaves is not meant.
            let secret = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
            let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
            if secret.is_empty() {
                Err(written.wrong("a file that is not empty"))
            } else {
                Ok(KeySource::Secret(Secret(secret.into())))
            }
        }
        "jwks_file" => {
            let keys = Key::all_of_jwks(&read_file(draft, written)?).map_err(|expected| written.wrong(expected))?;
            if keys.is_empty() {
                return Err(written.wrong("a JWK set with a public key for signatures"));
            }
            Ok(KeySource::Known(keys.into()))
        }
        _ => {
            let keys = Key::all_of_pem(&read_file(draft, written)?).map_err(|expected| written.wrong(expected))?;
            Ok(KeySource::Known(keys.into()))
        }
    }
}

/// Whether the keys are for the algorithms.
fn fit(algorithms: &[Algorithm], keys: &KeySource) -> Result<(), String> {
    let misfit = |wanted: fn(Algorithm) -> bool| algorithms.iter().find(|algorithm| !wanted(**algorithm));
    let (expected, misfit) = match keys {
        KeySource::Secret(_) => ("HS256, HS384 or HS512 for a secret", misfit(is_symmetric)),
        KeySource::Url(_) => ("algorithms of public keys", misfit(|algorithm| !is_symmetric(algorithm))),
        KeySource::Known(keys) => {
            let misfit = algorithms.iter().find(|algorithm| !keys.iter().any(|key| key.fits(**algorithm)));
            ("algorithms that a key in the file is for", misfit)
        }
    };
    misfit.map_or(Ok(()), |misfit| Err(format!("expected {expected}, found \"{misfit:?}\"")))
}

/// Whether who can verify can sign as well: a secret, not a pair of keys.
fn is_symmetric(algorithm: Algorithm) -> bool {
    algorithm.family() == AlgorithmFamily::Hmac
}

/// A secret that is shorter than what is made of it is easier to guess than that (RFC 7518, 3.2).
fn warn_of_short(
    secret: &Secret,
    algorithms: &[Algorithm],
    at: usize,
    source: &str,
    draft: &mut Draft,
    report: &Report<'_>,
) {
    let bytes = algorithms.iter().map(|algorithm| match algorithm {
        Algorithm::HS512 => 64,
        Algorithm::HS384 => 48,
        _ => 32,
    });
    let least = bytes.max().unwrap_or_default();
    if secret.0.len() < least {
        let message = format!("is a secret of {} bytes: with less than {least} it can be guessed", secret.0.len());
        draft.warnings.push(Problem { place: report.place(at, Some(&format!("{ISSUER}.{source}"))), message });
    }
}

/// Reads the value of the key `auth.token`, which begins at `at`.
pub(crate) fn read_tokens(at: usize, value: &Spanned<DeValue<'_>>, draft: &mut Draft, report: &mut Report<'_>) {
    let (mut tokens, mut hashes) = (Vec::new(), HashSet::new());
    for (start, table) in tables(at, TOKEN, value, report) {
        let Some((at, token)) = read_token(start, table, report) else { continue };
        if hashes.insert(token.sha256) {
            tokens.push(token);
        } else {
            report.push(at, Some("auth.token.sha256"), "expected each token once, found a second".to_owned());
        }
    }
    draft.config.auth.tokens = tokens;
}

/// A static token, and where its hash begins.
fn read_token(start: usize, table: &DeTable<'_>, report: &mut Report<'_>) -> Option<(usize, StaticToken)> {
    let before = report.len();
    let (mut sha256, mut claims) = (None, None);
    for (name, value) in table {
        let at = name.span().start;
        match name.get_ref().as_ref() {
            "sha256" => sha256 = Field::read(report, "auth.token.sha256", at, value, |hash| hash.parsed(parse_sha256)),
            "claims" => claims = Field::read(report, "auth.token.claims", at, value, read_claims),
            other => unknown(report, at, TOKEN, other, &TOKEN_KEYS),
        }
    }
    if sha256.is_none() && report.len() == before {
        report.push(start, Some("auth.token.sha256"), format!("expected {HASH}, found none"));
    }
    if report.len() > before {
        return None;
    }
    let (sha256, (claims, subject)) = (sha256?, claims.map(|claims| claims.value).unwrap_or_default());
    Some((sha256.at, StaticToken { sha256: sha256.value, subject, claims }))
}

/// Claims, and who is their subject.
fn read_claims(written: Written<'_>) -> Result<(Claims, Option<Box<str>>), Wrong> {
    let expected = "a table such as { sub = \"sensor-1\" }";
    let table = match written {
        Written::Toml(value) => value.get_ref().as_table(),
        Written::Text(_) | Written::Texts(_) => None,
    };
    let json = table.and_then(|table| object(table)).ok_or_else(|| written.wrong(expected))?;
    let claims = Claims::from_object(&json).map_err(|expected| written.wrong(expected))?;
    Ok((claims, json.get("sub").and_then(Value::as_str).map(Into::into)))
}

/// A table of TOML as an object of JSON. `None` if a number in it has no place there.
fn object(table: &DeTable<'_>) -> Option<Map<String, Value>> {
    table.iter().map(|(name, value)| Some((name.get_ref().to_string(), json(value.get_ref())?))).collect()
}

fn json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(digits) => Value::Number(i64::from_str_radix(digits.as_str(), digits.radix()).ok()?.into()),
        DeValue::Float(digits) => Value::Number(Number::from_f64(digits.as_str().parse().ok()?)?),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(datetime) => Value::String(datetime.to_string()),
        DeValue::Array(array) => Value::Array(array.iter().map(|value| json(value.get_ref())).collect::<Option<_>>()?),
        DeValue::Table(table) => Value::Object(object(table)?),
    })
}

pub(crate) fn parse_sha256(text: &str) -> Result<[u8; 32], &'static str> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(HASH);
    }
    for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| HASH)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| HASH)?;
    }
    Ok(hash)
}

/// Where tokens may be.
pub(crate) fn token_sources(written: Written<'_>) -> Result<Vec<TokenSource>, Wrong> {
    let sources = written.list("auth.NAME, header:NAME, cookie:NAME or query:NAME", TokenSource::parse)?;
    if sources.is_empty() { Err(written.wrong("at least one place")) } else { Ok(sources) }
}

/// Headers of a handshake.
pub(crate) fn header_names(written: Written<'_>) -> Result<Vec<HeaderName>, Wrong> {
    let expected = "the name of a header";
    written.list(expected, |name| HeaderName::try_from(name).map_err(|_| expected))
}

/// The secret in a variable that is named here.
pub(crate) fn secret_of_variable(draft: &mut Draft, written: Written<'_>) -> Result<Secret, Wrong> {
    let expected = "the name of a variable of the environment that has a secret";
    let name = written.text(expected)?;
    let secret = draft.environment.get(name).filter(|secret| !secret.is_empty());
    let secret = Secret(secret.ok_or_else(|| written.wrong_variable(expected))?.as_bytes().into());
    draft.notes.contents(name, &secret.0);
    draft.named_variables.insert(name.to_owned());
    Ok(secret)
}

/// The address of the webhook.
pub(crate) fn parse_webhook_url(text: &str) -> Result<Uri, &'static str> {
    parse_url(text).ok_or("an address, such as http://127.0.0.1:8080/socket-auth")
}

fn parse_jwks_url(text: &str) -> Result<Uri, &'static str> {
    let url = parse_url(text).filter(|url| is_https(url) || is_loopback(url));
    url.ok_or("an address that begins with https:// (or http:// for this machine itself)")
}

fn parse_url(text: &str) -> Option<Uri> {
    let url: Uri = text.parse().ok()?;
    let authority = url.authority()?;
    let is_http = is_https(&url) || url.scheme_str() == Some("http");
    // A name and a password in it would be sent to nobody.
    (is_http && !authority.host().is_empty() && !authority.as_str().contains('@')).then_some(url)
}

/// A whole number of seconds.
pub(crate) fn seconds(written: Written<'_>, range: std::ops::RangeInclusive<u32>) -> Result<Duration, Wrong> {
    written.whole("a whole number of seconds", range).map(|seconds| Duration::from_secs(seconds.into()))
}

/// A file that is named beside the configuration.
fn read_file(draft: &mut Draft, written: Written<'_>) -> Result<Vec<u8>, Wrong> {
    let path = draft.folder.join(written.text("the path of a file")?);
    let unreadable = |why: &dyn fmt::Display| {
        let mut wrong = written.wrong("a file that can be read");
        wrong.message.push_str(&format!(" ({}: {why})", path.display()));
        wrong
    };
    let mut bytes = Vec::new();
    let file = File::open(&path).map_err(|error| unreadable(&error))?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(unreadable(&"over 256 KiB"));
    }
    draft.notes.contents(&path.to_string_lossy(), &bytes);
    Ok(bytes)
}

fn not_empty(text: &str) -> Result<Box<str>, &'static str> {
    if text.is_empty() { Err("text that is not empty") } else { Ok(text.into()) }
}

const HASH: &str = "the SHA-256 of a token, 64 hexadecimal digits";

/// As for a set that is fetched.
const FILE_BYTES_MAX: u64 = 256 * 1024;
