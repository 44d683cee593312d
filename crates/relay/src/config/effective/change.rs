//! What is other in a new configuration.

use std::collections::BTreeMap;
use std::fmt;

use super::Line;
use crate::config::settings::{TakesEffect, settings};
use crate::config::toml_text::Toml;

/// A setting that is other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) key: String,
    pub(crate) what: What,
    pub(crate) takes_effect: TakesEffect,
}

/// What it was and is. Where one of them is a secret, there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Changed {
        old: Toml,
        new: Toml,
    },
    Added {
        new: Option<Toml>,
    },
    Removed {
        old: Option<Toml>,
    },
    /// A secret, or what is in the file or the variable that is named as before.
    Secret,
}

/// `limits.client.events_per_s: 1000 -> 500`
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<Toml>| value.as_ref().map_or("(secret)".to_owned(), Toml::to_string);
        write!(f, "{}: ", self.key)?;
        match &self.what {
            What::Changed { old, new } => write!(f, "{old} -> {new}"),
            What::Added { new } => write!(f, "none -> {}", shown(new)),
            What::Removed { old } => write!(f, "{} -> none", shown(old)),
            What::Secret => f.write_str("(changed)"),
        }
    }
}

/// What is other in `new`, in the order of the table, and then by name. Contents are compared where both are known.
pub(crate) fn compare(old: &[Line], new: &[Line]) -> Vec<Change> {
    let order: BTreeMap<&str, usize> = settings().enumerate().map(|(at, setting)| (setting.key, at)).collect();
    let mut both: BTreeMap<(usize, &str), OldAndNew<'_>> = BTreeMap::new();
    let place = |line: &'_ Line| order.get(&*line.key).copied().unwrap_or(usize::MAX);
    for line in old {
        both.entry((place(line), &line.key)).or_default().0 = Some(line);
    }
    for line in new {
        both.entry((place(line), &line.key)).or_default().1 = Some(line);
    }
    let changes = both.into_iter().filter_map(|((_, key), (old, new))| {
        let is_of_both = old.is_some() && new.is_some();
        let follows = is_follower(key) || (is_of_both && key.starts_with("namespace.") && key.ends_with(".auth"));
        if follows && is_default(old) && is_default(new) {
            return None;
        }
        let what = what(old, new)?;
        Some(Change { key: key.to_owned(), takes_effect: takes_effect(key, &what), what })
    });
    changes.collect()
}

/// A line of either, if it is there.
type OldAndNew<'a> = (Option<&'a Line>, Option<&'a Line>);

fn what(old: Option<&Line>, new: Option<&Line>) -> Option<What> {
    match (old, new) {
        (None, None) => None,
        (None, Some(new)) => Some(What::Added { new: new.value.clone() }),
        (Some(old), None) => Some(What::Removed { old: old.value.clone() }),
        (Some(old), Some(new)) => match (&old.value, &new.value) {
            (Some(old), Some(new)) if old != new => Some(What::Changed { old: old.clone(), new: new.clone() }),
            (Some(_), None) | (None, Some(_)) => Some(What::Secret),
            _ if old.contents.zip(new.contents).is_some_and(|(old, new)| old != new) => Some(What::Secret),
            _ => None,
        },
    }
}

fn is_default(line: Option<&Line>) -> bool {
    line.is_none_or(|line| line.from == "default")
}

/// Whether the default of a setting follows from another one, so that it says nothing of its own when that changes.
fn is_follower(key: &str) -> bool {
    let is_of = |section: &str, first: &str| key.strip_prefix(section).is_some_and(|rest| rest != first);
    ["limits.client.events_burst", "limits.outbox_bytes_max", "tls.reread_ms"].contains(&key)
        || key == "engine.http_compression_threshold_bytes"
        || is_of("engine.cookie.", "name")
        || is_of("auth.webhook.", "url")
}

fn takes_effect(key: &str, what: &What) -> TakesEffect {
    let is_switched = matches!(what, What::Added { .. } | What::Removed { .. });
    if is_switched && ["tls.certificate", "tls.key", "api.tls.certificate", "api.tls.key"].contains(&key) {
        // A listener speaks TLS, or does not.
        return TakesEffect::AtRestart;
    }
    // Namespaces, rules, issuers, tokens and keys are all asked anew.
    settings().find(|setting| setting.key == key).map_or(TakesEffect::AtOnce, |setting| setting.takes_effect)
}
