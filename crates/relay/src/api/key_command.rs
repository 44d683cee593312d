//! `fanfare key`: a new key, and what the configuration has of it.

use std::process::ExitCode;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::EXIT_FAILED;
use crate::auth::sha256;
use crate::print::{Stream, print};

/// Prints the lines for the configuration on standard output, and the key, which is nowhere else, on standard error: so
/// `fanfare key dashboard >> relay.toml` leaves no key in the file.
pub(crate) fn run(name: &str) -> ExitCode {
    let mut secret = [0; 32];
    if rand::fill(&mut secret).is_err() {
        print(Stream::Err, &["fanfare: this machine gives no random numbers".to_owned()]);
        return ExitCode::from(EXIT_FAILED);
    }
    let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    print(Stream::Out, &lines(name, &key));
    print(Stream::Err, &[format!("The key, which is shown only now: {key}")]);
    ExitCode::SUCCESS
}

fn lines(name: &str, key: &str) -> Vec<String> {
    let hash: String = sha256(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        "[[api.key]]".to_owned(),
        format!("name = {}", crate::config::quoted(name)),
        format!("sha256 = \"{hash}\""),
        "may = [\"emit\"]  # also \"read\", \"move\", \"disconnect\"".to_owned(),
    ]
}

/// So that a key is known for one wherever it turns up.
const PREFIX: &str = "fanfare_";
