//! How often a client that asked for no acknowledgement is told that something was refused.

use std::time::{Duration, Instant};

use serde::Serialize;

/// When one client was last told. An answer for each refused event would be work that anybody could have us do.
#[derive(Debug, Clone, Default)]
pub struct Complaints {
    quiet_until: Option<Instant>,
}

/// What it is told: the argument of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Complaint<'a> {
    /// Why, for programs.
    pub code: &'static str,
    /// Why, for people.
    pub message: &'a str,
    /// The name of the refused event, or how it begins.
    pub event: &'a str,
}

impl Complaints {
    /// What to tell a client of which an event was refused; nothing if it was told something within the last second.
    pub fn complain<'a>(
        &mut self,
        now: Instant,
        code: &'static str,
        message: &'a str,
        event: &'a str,
    ) -> Option<Complaint<'a>> {
        if self.quiet_until.is_some_and(|until| now < until) {
            return None;
        }
        self.quiet_until = now.checked_add(PAUSE);
        Some(Complaint { code, message, event: cut(event) })
    }
}

/// As much of a name as fits, in whole characters.
fn cut(name: &str) -> &str {
    (0..=NAME_MAX_BYTES.min(name.len())).rev().find_map(|end| name.get(..end)).unwrap_or_default()
}

const PAUSE: Duration = Duration::from_secs(1);

/// The client knows what it sent; a name is as long as it likes.
const NAME_MAX_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_at_most_once_a_second() {
        let (mut complaints, start) = (Complaints::default(), Instant::now());
        let told = |complaints: &mut Complaints, millis| {
            complaints.complain(start + Duration::from_millis(millis), "forbidden", "no", "update").is_some()
        };
        let of_ten_seconds = (0..10_000).filter(|millis| told(&mut complaints, *millis)).count();
        assert_eq!(of_ten_seconds, 10);
        assert!(told(&mut complaints, 3_600_000) && !told(&mut complaints, 3_600_999));
    }

    #[test]
    fn it_is_told_as_the_documentation_says() {
        let mut complaints = Complaints::default();
        let complaint = complaints.complain(Instant::now(), "invalid", "a \"b\"", "update").unwrap();
        let json = serde_json::to_string(&complaint).unwrap();
        assert_eq!(json, r#"{"code":"invalid","message":"a \"b\"","event":"update"}"#);
    }

    #[test]
    fn a_long_name_is_cut_between_two_characters() {
        for (name, bytes) in [("é".repeat(128), 256), ("é".repeat(200), 256), (format!("x{}", "é".repeat(200)), 255)]
        {
            assert_eq!(cut(&name).len(), bytes);
        }
    }
}
