//! `fanfare token`: mints a token, or says what is made of one.

use std::fmt;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use policy::{Token, TokenFault, TokenRules};
use serde_json::{Map, Value, json};
use tokio::runtime::Builder;

use super::config::{AuthConfig, KeySource};
use super::issuer::{Issuer, Keys};
use super::key::Key;
use super::secret::Secret;
use super::{Authenticator, Explained, Identity, STATIC_TOKENS};
use crate::EXIT_BAD_CONFIG;
use crate::log::Timestamp;
use crate::print::{Stream, print};

/// What to do with which token.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct TokenArgs {
    /// Say why this token is refused, or whose it is: exit status 1 or 0
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["claims", "ttl", "issuer"], required_unless_present = "claims")]
    check: Option<String>,

    /// Mint a token with these claims, a JSON object
    #[arg(long, value_name = "JSON")]
    claims: Option<String>,

    /// How long it is valid: 30s, 15m, 1h or 7d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_ttl)]
    ttl: Duration,

    /// The issuer, where several of the configuration have a secret
    #[arg(long, value_name = "ISS")]
    issuer: Option<String>,
}

/// Runs the command.
pub(crate) fn run(config: &AuthConfig, arguments: &TokenArgs) -> ExitCode {
    let result = match arguments {
        TokenArgs { check: Some(token), .. } => explain(config, token),
        TokenArgs { claims, ttl, issuer, .. } => {
            let claims = claims.as_deref().unwrap_or_default();
            mint(config, claims, *ttl, issuer.as_deref()).map(|token| (0, vec![token]))
        }
    };
    let (status, stream, lines) = match result {
        Ok((0, lines)) => (0, Stream::Out, lines),
        Ok((status, lines)) => (status, Stream::Err, lines),
        Err(message) => (EXIT_BAD_CONFIG, Stream::Err, vec![message]),
    };
    let lines: Vec<String> = lines
        .iter()
        .map(|line| if stream == Stream::Out { line.clone() } else { format!("fanfare: {line}") })
        .collect();
    print(stream, &lines);
    ExitCode::from(status)
}

/// Says whose a token is, or why nobody's.
fn explain(config: &AuthConfig, token: &str) -> Result<(u8, Vec<String>), String> {
    let runtime =
        Builder::new_current_thread().enable_all().build().map_err(|error| format!("cannot start: {error}"))?;
    let explained = runtime.block_on(async { Authenticator::new(config).explain(token).await });
    let about = About(token, &explained);
    Ok(match &explained.judged {
        Some(Ok(Identity { claims, expires_at, .. })) => {
            let ends = expires_at.map_or("for ever".to_owned(), |end| format!("until {}", Timestamp(end)));
            (0, vec![format!("valid {ends}{about}"), claims.as_str().to_owned()])
        }
        Some(Err(TokenFault::Issuer)) if config.webhook.is_some() => {
            (REFUSED, vec![format!("of no issuer that is configured: the webhook is asked{about}")])
        }
        Some(Err(fault)) => (REFUSED, vec![format!("refused ({}): {fault}{about}", fault.label())]),
        None => return Err(format!("not checked: its issuer's keys cannot be fetched{about}")),
    })
}

/// By which issuer and key, as far as a token says.
struct About<'a>(&'a str, &'a Explained);

impl fmt::Display for About<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text, Explained { issuer, .. }) = self;
        if issuer.as_deref() == Some(STATIC_TOKENS) {
            return write!(f, "; a static token, {STATIC_TOKENS}");
        }
        if let Ok(token) = Token::parse(text) {
            match token.issuer() {
                Some(named) if issuer.is_some() => write!(f, "; issuer {named:?}")?,
                Some(named) => write!(f, "; issuer {named:?}, which is not configured")?,
                None => f.write_str("; no issuer (iss)")?,
            }
            match token.kid() {
                Some(kid) => write!(f, ", key {kid:?}")?,
                None => f.write_str(", no key named (kid)")?,
            }
            write!(f, ", algorithm {:?}", token.algorithm())?;
        }
        Ok(())
    }
}

/// A token of an issuer whose secret is known.
///
/// # Errors
/// Why there is none.
fn mint(config: &AuthConfig, claims: &str, ttl: Duration, issuer: Option<&str>) -> Result<String, String> {
    let (rules, secret) = signer(config, issuer)?;
    let mut claims: Map<String, Value> =
        serde_json::from_str(claims).map_err(|error| format!("--claims: expected a JSON object ({error})"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    claims.insert("iss".to_owned(), json!(rules.issuer));
    claims.insert("iat".to_owned(), json!(now.as_secs()));
    claims.insert("exp".to_owned(), json!(now.saturating_add(ttl).as_secs()));
    if let Some(audience) = rules.audience.as_ref().and_then(|audience| audience.first()) {
        claims.entry("aud").or_insert_with(|| json!(audience));
    }
    let algorithm = rules.algorithms.first().copied().unwrap_or(Algorithm::HS256);
    let token = encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(&secret.0))
        .map_err(|error| format!("cannot sign: {error}"))?;
    // One that would be refused is not given out.
    let issuer = Issuer::new(rules.clone(), Keys::Known([Key::secret(secret)].into()));
    match Token::parse(&token).map(|parsed| issuer.judge(&parsed)) {
        Err(fault) | Ok(Some(Err(fault))) => Err(format!("--claims: the token would be refused: {fault}")),
        Ok(_) => Ok(token),
    }
}

/// The issuer that is meant, if it can sign.
fn signer<'a>(config: &'a AuthConfig, issuer: Option<&str>) -> Result<(&'a TokenRules, &'a Secret), String> {
    let with_secret = config.issuers.iter().filter_map(|issuer| match &issuer.keys {
        KeySource::Secret(secret) => Some((&issuer.rules, secret)),
        KeySource::Known(_) | KeySource::Url(_) => None,
    });
    let meant: Vec<_> = with_secret.filter(|(rules, _)| issuer.is_none_or(|name| *rules.issuer == *name)).collect();
    match meant.as_slice() {
        [(rules, secret)] => Ok((rules, secret)),
        [] => Err(match issuer {
            Some(name) => format!("--issuer: no [[auth.issuer]] with a secret has iss = {name:?}"),
            None => "no [[auth.issuer]] has a secret (secret_file or secret_env) to sign with".to_owned(),
        }),
        several => {
            let names: Vec<String> = several.iter().map(|(rules, _)| format!("{:?}", rules.issuer)).collect();
            Err(format!("--issuer: expected one of {}, found none", names.join(", ")))
        }
    }
}

fn parse_ttl(text: &str) -> Result<Duration, &'static str> {
    let expected = "expected a time such as 30s, 15m, 1h or 7d";
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(expected)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(expected),
    };
    let count: u32 = digits.parse().map_err(|_| expected)?;
    if count == 0 { Err(expected) } else { Ok(Duration::from_secs(seconds * u64::from(count))) }
}

/// The status for a token that would be refused.
const REFUSED: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::config::IssuerConfig;

    fn config() -> AuthConfig {
        let issuer = |name: &str, secret: &[u8]| IssuerConfig {
            rules: TokenRules {
                issuer: name.into(),
                algorithms: vec![Algorithm::HS384],
                audience: Some(vec!["fanfare".into()]),
                leeway: Duration::ZERO,
            },
            keys: KeySource::Secret(Secret(secret.into())),
        };
        AuthConfig { issuers: vec![issuer("one", b"1"), issuer("two", b"2")], ..AuthConfig::default() }
    }

    fn minted(claims: &str, issuer: Option<&str>) -> Result<String, String> {
        mint(&config(), claims, Duration::from_secs(60), issuer)
    }

    #[test]
    fn a_minted_token_is_valid_and_explained() {
        let token = minted(r#"{"sub":"1","account":"7"}"#, Some("two")).unwrap();
        let (status, lines) = explain(&config(), &token).unwrap();
        assert_eq!(status, 0, "{lines:?}");
        assert!(lines[0].ends_with("; issuer \"two\", no key named (kid), algorithm HS384"), "{lines:?}");
        let claims: Value = serde_json::from_str(&lines[1]).unwrap();
        assert_eq!((&claims["sub"], &claims["account"], &claims["aud"]), (&json!("1"), &json!("7"), &json!("fanfare")));
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 60);

        let (status, lines) = explain(&config(), &token[..token.len() - 4]).unwrap();
        assert_eq!(status, REFUSED);
        assert!(lines[0].starts_with("refused (signature): its signature is wrong; issuer \"two\""), "{lines:?}");
        let (status, lines) = explain(&AuthConfig::default(), &token).unwrap();
        assert_eq!(status, REFUSED);
        assert!(lines[0].contains("issuer \"two\", which is not configured"), "{lines:?}");
    }

    #[test]
    fn what_cannot_be_minted_says_why() {
        assert_eq!(minted("{}", None).unwrap_err(), "--issuer: expected one of \"one\", \"two\", found none");
        assert_eq!(minted("{}", Some("x")).unwrap_err(), "--issuer: no [[auth.issuer]] with a secret has iss = \"x\"");
        assert!(minted("[]", Some("one")).unwrap_err().starts_with("--claims: expected a JSON object"));
        let refused = minted(r#"{"aud":"else"}"#, Some("one")).unwrap_err();
        assert_eq!(refused, "--claims: the token would be refused: it is for another audience (aud)");
    }

    #[test]
    fn a_time_is_a_number_with_its_unit() {
        assert_eq!(parse_ttl("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse_ttl("7d"), Ok(Duration::from_secs(7 * 86_400)));
        for text in ["", "1", "h", "0s", "-1s", "1.5h", "1é", "1 h"] {
            assert!(parse_ttl(text).is_err(), "{text}");
        }
    }
}
