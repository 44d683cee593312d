//! `fanfare check --against`: what would a reload of a running relay change?

use std::collections::{HashMap, HashSet};
use std::process::ExitCode;

use crate::EXIT_BAD_CONFIG;
use crate::bundle::read_bundle;
use crate::config::{Change, Config, Line, Loaded, TakesEffect, compare};
use crate::log::Plain;
use crate::ops::Told;
use crate::print::{Stream, print};
use crate::question::{Question, first_line};

/// Asks the relay at `url` what holds there, and says what this configuration has otherwise. Status 0 if a reload would be
/// taken, 1 if it would be refused, 2 if the configuration is wrong or the relay cannot be asked.
pub(crate) fn against(url: &str, token: Option<&str>, loaded: &Loaded) -> ExitCode {
    let told = match read_bundle(&loaded.config).and_then(|_| ask(url, authorization(&loaded.config, token))) {
        Ok(told) => told,
        Err(why) => {
            print(Stream::Err, &[format!("fanfare: {why}")]);
            return ExitCode::from(EXIT_BAD_CONFIG);
        }
    };
    print(Stream::Err, &warnings(&told, &loaded.effective.lines()));
    let changes = compare(&told.settings, &after_a_reload(&told.settings, loaded.effective.lines()));
    print(Stream::Out, &report(&changes));
    if refusals(&changes).is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The configuration's own token goes first: it is most often the running relay's too.
fn authorization(config: &Config, token: Option<&str>) -> Option<String> {
    let own = config.ops.token.as_ref().map(|token| token.authorization());
    own.or_else(|| token.map(|token| format!("Bearer {token}")))
}

fn ask(url: &str, authorization: Option<String>) -> Result<Told, String> {
    let question = Question::new(url, "/config")?.authorized(authorization);
    let at = question.to_string();
    match question.ask()? {
        (200, said) => {
            serde_json::from_str(&said).map_err(|_| format!("{at}: that is no answer of a relay's [ops] listener"))
        }
        (401, _) => Err(format!("{at}: 401: it wants the token of its ops.token_env")),
        (status, said) => Err(format!("{at}: {status}: {}", first_line(&said))),
    }
}

/// What of the `new` settings would hold there: the variables and flags of a process stay what they are, and go before a
/// file.
fn after_a_reload(old: &[Line], new: Vec<Line>) -> Vec<Line> {
    let mut kept: HashMap<&str, &Line> =
        old.iter().filter(|line| is_of_process(line)).map(|line| (&*line.key, line)).collect();
    let has_root_rules = kept.keys().any(|key| key.starts_with(ROOT_RULES));
    let mut lines = Vec::new();
    for line in new {
        match kept.remove(&*line.key) {
            Some(kept) => lines.push(kept.clone()),
            None if has_root_rules && line.key.starts_with(ROOT_RULES) => {}
            None => lines.push(line),
        }
    }
    lines.extend(kept.into_values().cloned());
    lines
}

fn is_of_process(line: &Line) -> bool {
    line.from.starts_with("--") || line.from.starts_with("FANFARE_")
}

fn warnings(told: &Told, new: &[Line]) -> Vec<String> {
    let there: HashSet<&str> = told.settings.iter().filter(|line| is_of_process(line)).map(|line| &*line.key).collect();
    let only_here = new.iter().filter(|line| is_of_process(line) && !there.contains(&*line.key));
    let mut warnings: Vec<String> = only_here
        .map(|line| {
            let Line { key, from, .. } = line;
            format!("fanfare: warning: {key} is from {from} here, which the running relay was not started with")
        })
        .collect();
    if told.version != env!("CARGO_PKG_VERSION") {
        let (its, ours) = (first_line(&told.version), env!("CARGO_PKG_VERSION"));
        warnings.push(format!("fanfare: warning: the running relay is of version {its}, this is {ours}"));
    }
    warnings
}

fn report(changes: &[Change]) -> Vec<String> {
    let line = |change: &Change| format!("fanfare: {} ({})", Plain(&change.to_string()), change.takes_effect);
    let mut lines: Vec<String> = changes.iter().map(line).collect();
    let refusals = refusals(changes);
    lines.push(if !refusals.is_empty() {
        format!("fanfare: a reload would be refused: {} only at a restart", Plain(&listed(&refusals)))
    } else if changes.is_empty() {
        "fanfare: a reload would change nothing of this".to_owned()
    } else {
        "fanfare: a reload would be taken".to_owned()
    });
    lines.push("fanfare: secrets, and what is in files and variables that are named, were not compared".to_owned());
    lines
}

/// The settings that a reload cannot change.
fn refusals(changes: &[Change]) -> Vec<&str> {
    let refused = changes.iter().filter(|change| change.takes_effect == TakesEffect::AtRestart);
    refused.map(|change| &*change.key).collect()
}

fn listed(keys: &[&str]) -> String {
    match keys {
        [one] => format!("{one} changes"),
        several => format!("{} change", several.join(", ")),
    }
}

/// Those of a variable or a flag take the place of all that the file has for `/`.
const ROOT_RULES: &str = "namespace.\"/\".rule.";

/// The variable with the token for operators, where the configuration names none.
pub(crate) const TOKEN: &str = "FANFARE_OPS_TOKEN";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_relay_says_is_one_line_and_moves_no_cursor() {
        let line = r#"{"key":"x\n\u001b[2Jfanfare: a reload would be taken","value":"1\u009b","from":"default"}"#;
        let line: Line = serde_json::from_str(line).unwrap();
        for line in report(&compare(&[line], &[])) {
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}
