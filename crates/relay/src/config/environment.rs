//! Settings of the environment.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;

use super::draft::Draft;
use super::settings::settings;
use super::written::Written;
use super::{Place, Problem};

/// The variable that names the file.
pub(crate) const CONFIG: &str = "FANFARE_CONFIG";

/// The variables that are settings, and the file's. An empty one counts as not set, as it comes from
/// `FANFARE_LISTEN=${LISTEN:-}` in a compose file.
pub(crate) fn ours(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, String> {
    let mut ours = BTreeMap::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let place = || Place::Variable(name.to_owned());
        if known().any(|known| known == name) {
            match value.into_string() {
                Ok(value) if value.is_empty() => {}
                Ok(value) => {
                    ours.insert(name.to_owned(), value);
                }
                Err(_) => problems.push(Problem { place: place(), message: "expected text in UTF-8".to_owned() }),
            }
        } else if let Some(meant) = misspelt(name) {
            let message = format!("is not a setting; did you mean {meant}?");
            problems.push(Problem { place: place(), message });
        }
    }
    ours
}

/// All variables that are text: the configuration may name some.
pub(crate) fn readable(variables: &[(OsString, OsString)]) -> HashMap<String, String> {
    let text = |text: &OsString| text.to_str().map(str::to_owned);
    variables.iter().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect()
}

/// Takes back what was said of variables that look like misspelt settings and are what the configuration names.
pub(crate) fn forgive(named: &HashSet<String>, problems: &mut Vec<Problem>) {
    problems.retain(|Problem { place, .. }| match place {
        Place::Variable(name) => !named.contains(name) || known().any(|known| known == name),
        _ => true,
    });
}

/// Reads the variables over what the draft has.
pub(crate) fn apply(ours: &BTreeMap<String, String>, draft: &mut Draft, problems: &mut Vec<Problem>) {
    for setting in settings() {
        if let Some(value) = ours.get(setting.variable) {
            let place = Place::Variable(setting.variable.to_owned());
            if let Err(wrong) = setting.read(draft, place.clone(), Written::Text(value)) {
                problems.push(Problem { place, message: wrong.message });
            }
        }
    }
}

/// The setting that a variable was probably meant to be.
///
/// Not every unknown name is an error, as in the file: images set `FANFARE_VERSION`, and Kubernetes gives each
/// container `FANFARE_PORT` and more when a service is called `fanfare`. Those that are a letter or two off, or
/// lack the end, are.
fn misspelt(name: &str) -> Option<&'static str> {
    let of_kubernetes = ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT_"].iter().any(|part| name.contains(part));
    if of_kubernetes || name.ends_with("_PORT") {
        return None;
    }
    let slips_max = if name.len() > PREFIX.len() + 8 { 2 } else { 1 };
    known().find(|known| {
        known.strip_prefix(name).is_some_and(|rest| rest.starts_with('_'))
            || strsim::osa_distance(known, name) <= slips_max
    })
}

fn known() -> impl Iterator<Item = &'static str> {
    settings().map(|setting| setting.variable).chain([CONFIG])
}

const PREFIX: &str = "FANFARE_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_is_found_and_a_foreign_one_left_alone() {
        for (name, meant) in [
            ("FANFARE_LISTN", Some("FANFARE_LISTEN")),
            ("FANFARE_CORS_ORIGINS", Some("FANFARE_CORS_ORIGIN")),
            ("FANFARE_PING_INTERVAL", Some("FANFARE_PING_INTERVAL_MS")),
            ("FANFARE_RULES", Some("FANFARE_RULE")),
            ("FANFARE_COOKIE", Some("FANFARE_COOKIE_NAME")),
            ("FANFARE_VERSION", None),
            ("FANFARE_HASH", None),
            ("FANFARE_PORT", None),
            ("FANFARE_PORT_3000_TCP_ADDR", None),
            ("FANFARE_SERVICE_HOST", None),
            ("FANFARE_SERVICE_PORT_HTTP", None),
        ] {
            assert_eq!(misspelt(name), meant, "{name}");
        }
    }
}
