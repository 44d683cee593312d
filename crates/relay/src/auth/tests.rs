//! The authenticator as a whole, against servers that do as they are told.

mod jwks;
mod keys;
mod server;
mod signer;
mod succession;
mod tokens;
mod webhook;

use http::{HeaderMap, Request};
use jsonwebtoken::Algorithm;
use policy::TokenRules;
use serde_json::json;
use socketio::engineio::proto::Transport;

use super::config::{IssuerConfig, StaticToken, WebhookConfig};
use super::secret::Secret;
use super::static_tokens::sha256;
use super::*;
use server::{Reply, Server};
use signer::Signer;

/// Somebody with this token in its `auth`.
fn with(token: &str) -> Asking {
    asking(&json!({ "token": token }))
}

fn asking(auth: &Value) -> Asking {
    Asking {
        namespace: NamespaceName::ROOT,
        auth: Json::serialize(auth).ok().filter(Json::is_object),
        handshake: handshake("/socket.io/?EIO=4&transport=websocket&room=a%20b", HeaderMap::new()),
        reason: Reason::Connect,
    }
}

fn handshake(uri: &str, headers: HeaderMap) -> Arc<Handshake> {
    let mut handshake = Handshake::new(uri.parse().unwrap());
    (handshake.connection, handshake.transport) = (1, Transport::WebSocket);
    handshake.address = Some([192, 0, 2, 1].into());
    handshake.headers = Arc::new(headers);
    Arc::new(handshake)
}

fn issuer(name: &str, algorithms: &[Algorithm], keys: KeySource) -> IssuerConfig {
    let rules = TokenRules {
        issuer: name.into(),
        algorithms: algorithms.to_vec(),
        audience: Some(vec!["fanfare".into()]),
        leeway: Duration::from_secs(30),
    };
    IssuerConfig { rules, keys }
}

fn known(signers: &[&Signer]) -> KeySource {
    let set = json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() });
    KeySource::Known(Key::all_of_jwks(set.to_string().as_bytes()).unwrap().into())
}

fn of_issuers(issuers: Vec<IssuerConfig>) -> Authenticator {
    Authenticator::new(&AuthConfig { issuers, ..AuthConfig::default() })
}

/// Claims that are right for an issuer of that name.
fn claims(issuer: &str) -> Value {
    json!({"iss": issuer, "aud": "fanfare", "sub": "1", "account": "7", "exp": unix_now() + 60})
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

async fn found(authenticator: &Authenticator, asking: Asking) -> Finding {
    match authenticator.ask(asking) {
        Answer::Now(finding) => finding,
        Answer::Later(finding) => finding.await,
    }
}

/// What can be said at once.
fn at_once(authenticator: &Authenticator, asking: Asking) -> Finding {
    match authenticator.ask(asking) {
        Answer::Now(finding) => finding,
        Answer::Later(_) => panic!("somebody is asked"),
    }
}

/// `message` and `data` as a client sees them, or who it is, in one line.
fn told(finding: Finding) -> String {
    match finding {
        Finding::Nobody => "nobody".to_owned(),
        Finding::Unavailable => "unavailable".to_owned(),
        Finding::Refused { message, data, .. } => match data {
            Some(data) => format!("{message} {data}"),
            None => message,
        },
        Finding::Identity(Identity { voucher, subject, .. }) => {
            format!("{} of {}", subject.unwrap_or_default(), voucher.issuer)
        }
    }
}

const INVALID: &str = r#"unauthorized {"code":"token_invalid"}"#;
const EXPIRED: &str = r#"unauthorized {"code":"token_expired"}"#;
