//! Events, as the HTTP API takes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::api::{ITEMS_MAX, TIMEOUT_MS_MAX};
use crate::shell::input::beginning;

/// An event to emit.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    pub(super) namespace: &'a str,
    pub(super) event: &'a str,
    pub(super) args: Vec<Box<RawValue>>,
    /// Left out, everybody.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) rooms: &'a [String],
    pub(super) except: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) volatile: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) local: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) binary: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ack: Option<Value>,
}

#[derive(Serialize)]
struct Batch {
    items: Vec<Box<RawValue>>,
}

/// Values as they were written, no digit of a number is lost; and behind them files.
pub(super) fn args(values: Vec<String>, files: Vec<Vec<u8>>) -> Result<Vec<Box<RawValue>>, String> {
    let files = files.iter().map(|file| json!({ "$base64": STANDARD.encode(file) }).to_string());
    let raw = |text: String| RawValue::from_string(text).map_err(|error| format!("arguments: {error}"));
    values.into_iter().chain(files).map(raw).collect()
}

/// The body of a batch, from one event a line; and for how many milliseconds the relay waits for what clients answer.
pub(super) fn batch(text: &[u8]) -> Result<(String, u32), String> {
    let text = std::str::from_utf8(text).map_err(|_| "FILE: expected JSON, found what is not UTF-8".to_owned())?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (mut items, mut wait_ms) = (Vec::new(), 0);
    for (n, line) in lines {
        let read = serde_json::from_str::<Box<RawValue>>(line).and_then(|raw| Ok((Waits::deserialize(&*raw)?, raw)));
        let (waits, raw) = read.map_err(|error| {
            let found = beginning(line);
            format!("line {}: expected a JSON object such as {EXAMPLE}, found {found}: {error}", n + 1)
        })?;
        wait_ms = wait_ms.max(waits.ms());
        items.push(raw);
    }
    if !(1..=ITEMS_MAX).contains(&items.len()) {
        return Err(format!("FILE: expected 1 to {ITEMS_MAX} events, one a line, found {}", items.len()));
    }
    Ok((serde_json::to_string(&Batch { items }).map_err(|error| error.to_string())?, wait_ms))
}

/// What of an event says how long it takes. The rest is the relay's to judge.
#[derive(Deserialize)]
struct Waits {
    #[serde(default)]
    ack: Value,
}

impl Waits {
    /// Nothing where it is no time: that item alone is refused.
    fn ms(&self) -> u32 {
        let ms = self.ack.get("timeout_ms").and_then(Value::as_u64);
        ms.and_then(|ms| u32::try_from(ms).ok()).filter(|ms| *ms <= TIMEOUT_MS_MAX).unwrap_or(0)
    }
}

const EXAMPLE: &str = r#"{"event":"update","args":[1]}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_one_event_a_line_as_it_was_written() {
        let text = "{\"event\":\"a\",\"args\":[1.50]}\n\n {\"event\":\"b\",\"ack\":{\"timeout_ms\":700}}\r\n";
        let body = r#"{"items":[{"event":"a","args":[1.50]},{"event":"b","ack":{"timeout_ms":700}}]}"#;
        assert_eq!(batch(text.as_bytes()), Ok((body.to_owned(), 700)));
    }

    #[test]
    fn what_is_wrong_with_one_event_is_the_relay_s_to_say() {
        for ack in
            ["{}", "true", "null", r#"{"timeout_ms":"700"}"#, r#"{"timeout_ms":-1}"#, r#"{"timeout_ms":4294967296}"#]
        {
            let line = format!(r#"{{"event":"a","ack":{ack}}}"#);
            assert_eq!(batch(line.as_bytes()), Ok((format!(r#"{{"items":[{line}]}}"#), 0)));
        }
    }

    #[test]
    fn what_is_no_batch_is_told_by_its_line() {
        let many = "{\"event\":\"x\"}\n".repeat(101);
        for (text, said) in [
            (&b"{\"event\":\"a\"}\n{event}"[..], "line 2: expected a JSON object such as"),
            (b"1", "line 1: expected a JSON object such as"),
            (b"{\"event\":\"a\"} 2", "line 1: expected a JSON object such as"),
            (b"\n", "FILE: expected 1 to 100 events, one a line, found 0"),
            (many.as_bytes(), "FILE: expected 1 to 100 events, one a line, found 101"),
            (b"\xff", "FILE: expected JSON, found what is not UTF-8"),
        ] {
            let problem = batch(text).unwrap_err();
            assert!(problem.starts_with(said), "{problem}");
        }
    }
}
