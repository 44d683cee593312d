//! "Did you mean …?"

/// The known name most like a wrong one, if any is like it.
///
/// Names are dotted; the last part counts most, so that a key in the wrong section still finds its own. Options
/// are known to many by the reference's names (`pingInterval`), hence the change of case.
pub(crate) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = snake_case(wrong);
    let known: Vec<&str> = known.collect();
    if let Some((_, new)) = RENAMED.iter().find(|(old, _)| *old == wrong) {
        return known.into_iter().find(|name| name == new);
    }
    let likeness = |name: &str| {
        let section = if section(name) == section(&wrong) { 0.0 } else { -0.03 };
        strsim::jaro_winkler(last(name), last(&wrong)) + section
    };
    known
        .into_iter()
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness >= LIKE)
        // Not `max_by`, which takes the last of equals: the table begins with the shortest keys.
        .reduce(|best, other| if other.0 > best.0 { other } else { best })
        .map(|(_, name)| name)
}

/// "; did you mean …?", or nothing.
pub(crate) fn suggestion<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(wrong, known).map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn section(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(section, _)| section)
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(if letter == '-' { '_' } else { letter.to_ascii_lowercase() });
    }
    snake
}

/// What was once a key, and what has taken its place.
const RENAMED: [(&str, &str); 1] = [("shutdown_deadline_ms", "drain.deadline_s")];

/// Tried on the table of keys: less takes unrelated keys of one section for another (`max_age_s` for
/// `max_payload_bytes`).
const LIKE: f64 = 0.85;

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 8] = [
        "listen",
        "path",
        "engine.ping_interval_ms",
        "engine.ping_timeout_ms",
        "engine.max_payload_bytes",
        "engine.cookie.path",
        "cors.origins",
        "log.format",
    ];

    #[test]
    fn a_slip_a_wrong_section_and_the_references_name_find_the_key() {
        for (wrong, key) in [
            ("lisen", "listen"),
            ("engine.ping_intervall_ms", "engine.ping_interval_ms"),
            ("engine.pingInterval", "engine.ping_interval_ms"),
            ("engine.ping_timeout", "engine.ping_timeout_ms"),
            ("ping_timeout_ms", "engine.ping_timeout_ms"),
            ("engine.max-payload-bytes", "engine.max_payload_bytes"),
            ("cors.origin", "cors.origins"),
            ("engine.path", "path"),
            ("format", "log.format"),
        ] {
            assert_eq!(nearest(wrong, KNOWN.into_iter()), Some(key), "{wrong}");
        }
    }

    #[test]
    fn something_else_altogether_finds_nothing() {
        for wrong in ["redis", "engine.tls", "auth.jwt", "x"] {
            assert_eq!(nearest(wrong, KNOWN.into_iter()), None, "{wrong}");
        }
    }
}
