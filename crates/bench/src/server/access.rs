//! Who may come in and what an event has to be: the file that the relay is told it by, and what its clients show.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// What the relay is told that the peers have nothing like.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    /// Who comes in shows a token that is signed so.
    pub(crate) token: Option<Algorithm>,
    /// Everybody is in this room, and `update` goes there; without one it goes back to its sender.
    pub(crate) room: Option<&'static str>,
    /// `update` has to be what [`Name::Object`](crate::wire::event::Name::Object) is.
    pub(crate) has_schema: bool,
    /// The limits that hold where nobody wrote any. Without them none holds, as with the peers.
    pub(crate) has_limits: bool,
    /// Programs may emit by HTTP, with [`API_KEY`].
    pub(crate) has_api: bool,
}

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Hs256,
    Rs256,
    Es256,
}

impl Access {
    /// Anybody comes in, and does what they like.
    pub(crate) const OPEN: Self =
        Self { token: None, room: None, has_schema: false, has_limits: false, has_api: false };

    /// Writes the file, if one is needed, and what it names into `folder`.
    pub(crate) fn write(self, folder: &Path) -> io::Result<Option<PathBuf>> {
        let has_rule = self.token.is_some() || self.room.is_some() || self.has_schema;
        if !has_rule && !self.has_api {
            return Ok(None);
        }
        fs::create_dir_all(folder)?;
        let mut text = String::new();
        if let Some(algorithm) = self.token {
            let (name, key) = algorithm.key();
            fs::write(folder.join("keys"), key)?;
            let alg = algorithm.name();
            let _ = write!(text, "[auth]\nrequired = [\"/\"]\n[[auth.issuer]]\niss = \"bench\"\n{name} = \"keys\"\n");
            let _ = write!(text, "algorithms = [\"{alg}\"]\naudience = [\"fanfare\"]\n");
        }
        if self.has_api {
            let hash: String =
                digest(&SHA256, API_KEY.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = write!(text, "[api]\nlisten = [\"127.0.0.1:0\"]\n[[api.key]]\nname = \"bench\"\n");
            let _ = writeln!(text, "sha256 = \"{hash}\"\nmay = [\"emit\", \"read\"]");
        }
        if has_rule {
            self.write_rule(folder, &mut text)?;
        }
        let file = folder.join("relay.toml");
        fs::write(&file, text)?;
        Ok(Some(file))
    }

    fn write_rule(self, folder: &Path, text: &mut String) -> io::Result<()> {
        text.push_str("[[namespace]]\nname = \"/\"\n");
        if let Some(room) = self.room {
            let _ = writeln!(text, "rooms = [\"{room}\"]");
        }
        text.push_str("[[namespace.rule]]\non = \"update\"\n");
        let _ = match self.room {
            Some(room) => writeln!(text, "to = {{ room = \"{room}\" }}"),
            None => writeln!(text, "to = \"sender\""),
        };
        if self.has_schema {
            fs::write(folder.join("schema.json"), SCHEMA)?;
            text.push_str("schema = [\"schema.json\"]\n");
        }
        Ok(())
    }

    /// The messages by which so many clients connect to `/`, in turn; none where nobody has to show anything.
    pub(crate) fn greetings(self, clients: usize) -> Vec<Vec<u8>> {
        let greeting = |algorithm: Algorithm, client| format!("40{{\"token\":\"{}\"}}", algorithm.token(client));
        self.token.map_or_else(Vec::new, |algorithm| {
            (0..clients).map(|client| greeting(algorithm, client).into_bytes()).collect()
        })
    }
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    /// By which key of an issuer the relay is told, and what is in the file.
    fn key(self) -> (&'static str, Vec<u8>) {
        let jwk = match self {
            Self::Hs256 => return ("secret_file", SECRET.to_vec()),
            Self::Rs256 => {
                // Of 2048 bits the number stands between so many bytes of DER, and the exponent is always the same.
                let n = KEYS.rsa.public_key().as_ref().get(9..9 + 256).unwrap_or_default();
                format!(r#""kty":"RSA","n":"{}","e":"AQAB""#, base64(n))
            }
            Self::Es256 => {
                // `04`, and the two numbers of the point.
                let point = KEYS.ec.public_key().as_ref();
                let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
                format!(r#""kty":"EC","crv":"P-256","x":"{}","y":"{}""#, base64(x), base64(y))
            }
        };
        let set = format!(r#"{{"keys":[{{"kid":"k","use":"sig","alg":"{}",{jwk}}}]}}"#, self.name());
        ("jwks_file", set.into_bytes())
    }

    /// A token of an hour, with 300 bytes of claims. All clients are of one account.
    fn token(self, client: usize) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let exp = (now + Duration::from_secs(3_600)).as_secs();
        let mut claims =
            format!(r#"{{"iss":"bench","aud":"fanfare","sub":"{client}","account":"7","exp":{exp},"scope":""#);
        let more = CLAIMS_BYTES.saturating_sub(claims.len() + 2);
        claims.extend(std::iter::repeat_n('s', more));
        claims.push_str("\"}");
        let head = format!(r#"{{"alg":"{}","kid":"k"}}"#, self.name());
        let signed = format!("{}.{}", base64(&head), base64(&claims));
        let signature = self.sign(signed.as_bytes());
        format!("{signed}.{}", base64(&signature))
    }

    fn sign(self, text: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Hs256 => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), text).as_ref().to_vec(),
            Self::Rs256 => {
                let mut signature = vec![0; KEYS.rsa.public_modulus_len()];
                KEYS.rsa.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature).expect(SIGNS);
                signature
            }
            Self::Es256 => KEYS.ec.sign(&random, text).expect(SIGNS).as_ref().to_vec(),
        }
    }
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

struct Keys {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

/// Made once: both sides of a pair, and all rounds, have the same.
static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    rsa: RsaKeyPair::generate(KeySize::Rsa2048).expect(SIGNS),
    ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect(SIGNS),
});
const SIGNS: &str = "a key of a usual size is made, and signs";
const SECRET: &[u8] = b"thirty-two bytes and a few more of a secret";
/// The key of the only program.
pub(crate) const API_KEY: &str = "a key that nobody has to guess";
const CLAIMS_BYTES: usize = 300;
const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "text": { "type": "string", "maxLength": 1000 },
    "revision": { "type": "integer", "minimum": 0 },
    "done": { "type": "boolean" }
  },
  "required": ["text", "revision", "done"],
  "additionalProperties": false
}"#;

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    #[test]
    fn tokens_are_signed_and_their_claims_have_300_bytes() {
        for algorithm in [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256] {
            let token = algorithm.token(12);
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
            let signed = signed.as_bytes();
            match algorithm {
                Algorithm::Hs256 => {
                    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), signed, &signature).unwrap();
                }
                Algorithm::Rs256 => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, KEYS.rsa.public_key())
                    .verify(signed, &signature)
                    .unwrap(),
                Algorithm::Es256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, KEYS.ec.public_key())
                    .verify(signed, &signature)
                    .unwrap(),
            }
            let claims = token.split('.').nth(1).unwrap();
            assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap().len(), CLAIMS_BYTES);
        }
    }
}
