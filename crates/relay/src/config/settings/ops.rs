//! `[ops]`

use std::net::SocketAddr;

use super::{Setting, TakesEffect, Toml, put};
use crate::config::draft::Draft;
use crate::config::written::{Written, Wrong};
use crate::ops::Token;

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "ops.listen",
        variable: "FANFARE_OPS_LISTEN",
        flag: None,
        set: |draft, written| put(&mut draft.config.ops.listen, addresses(written)),
        show: |config| Some(Toml::set(&config.ops.listen)),
        about: "Where operators and their machines ask: metrics, readiness, reload and drain.",
        takes_effect: TakesEffect::AtRestart,
    },
    Setting {
        key: "ops.token_env",
        variable: "FANFARE_OPS_TOKEN_ENV",
        flag: None,
        set: ops_token,
        show: |_| None,
        about: "The variable with the token that they show.",
        takes_effect: TakesEffect::AtOnce,
    },
];

/// The token for operators, in a variable that is named here.
fn ops_token(draft: &mut Draft, written: Written<'_>) -> Result<(), Wrong> {
    let expected = "the name of a variable of the environment that has a token";
    let name = written.text(expected)?;
    let token = draft.environment.get(name).and_then(|text| Token::new(text));
    draft.config.ops.token = Some(token.ok_or_else(|| written.wrong_variable(expected))?);
    draft.notes.say("ops.token_env", Toml::text(name));
    let secret = draft.environment.get(name).map_or("", String::as_str).to_owned();
    draft.notes.contents("ops.token_env", secret.as_bytes());
    draft.named_variables.insert(name.to_owned());
    Ok(())
}

fn addresses(written: Written<'_>) -> Result<Vec<SocketAddr>, Wrong> {
    let expected = "an IP address and a port, such as 127.0.0.1:3000 or [::]:3000";
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for element in written.elements(expected)? {
        let address = element.text(expected)?.parse().map_err(|_| element.wrong(expected))?;
        // Port 0 is another port each time.
        if addresses.contains(&address) && address.port() != 0 {
            return Err(element.wrong("each only once"));
        }
        addresses.push(address);
    }
    Ok(addresses)
}
