//! From an event of the program to a line of the log.

use std::fmt::{self, Debug, Write};
use std::sync::Arc;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use super::escape::{JsonString, Plain};
use super::filter_now::FilterNow;
use super::part::Part;
use super::queue::Queue;
use super::timestamp::Timestamp;
use crate::config::{LogConfig, LogFormat};

/// Hears what the program has to say, and puts a line for it into the queue. Spans, which nothing here opens, count for
/// nothing.
pub(crate) struct Lines {
    filter: FilterNow,
    format: LogFormat,
    is_coloured: bool,
    queue: Arc<Queue>,
}

impl Lines {
    pub(crate) fn new(config: &LogConfig, is_terminal: bool, queue: Arc<Queue>) -> Self {
        Self { filter: FilterNow::new(config.filter.clone()), format: config.format, is_coloured: is_terminal, queue }
    }

    /// What is logged, which may be changed.
    pub(crate) fn filter(&self) -> FilterNow {
        self.filter.clone()
    }

    fn line(&self, event: &Event<'_>, now: SystemTime) -> String {
        let (time, level) = (Timestamp(now), event.metadata().level());
        let part = Part::of(event.metadata().target());
        let mut fields = Fields { format: self.format, message: String::new(), others: String::new() };
        event.record(&mut fields);
        let Fields { message, others, .. } = fields;
        match (self.format, self.is_coloured) {
            (LogFormat::Json, _) => {
                let message = JsonString(&message);
                format!(r#"{{"timestamp":"{time}","level":"{level}","message":{message}{others},"target":"{part}"}}"#)
                    + "\n"
            }
            (LogFormat::Text, false) => format!("{time} {level:>5} {part}: {}{others}\n", Plain(&message)),
            (LogFormat::Text, true) => {
                let colour = colour(*level);
                format!(
                    "\x1b[2m{time}\x1b[0m {colour}{level:>5}\x1b[0m \x1b[2m{part}:\x1b[0m {}{others}\n",
                    Plain(&message)
                )
            }
        }
    }
}

impl Subscriber for Lines {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Part::of(metadata.target()).level(&self.filter.read())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let filter = self.filter.read();
        filter.targets.iter().map(|(_, level)| *level).chain([filter.level]).max()
    }

    fn event(&self, event: &Event<'_>) {
        self.queue.push(self.line(event, SystemTime::now()).as_bytes());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The fields of an event, as they stand in a line.
struct Fields {
    format: LogFormat,
    message: String,
    others: String,
}

impl Fields {
    fn bare(&mut self, field: &Field, value: impl fmt::Display) {
        let name = field.name();
        // Writing to a `String` cannot fail.
        let _ = match self.format {
            LogFormat::Text => write!(self.others, " {name}={value}"),
            LogFormat::Json => write!(self.others, ",\"{name}\":{value}"),
        };
    }

    fn text(&mut self, field: &Field, value: &str) {
        match self.format {
            _ if field.name() == "message" => value.clone_into(&mut self.message),
            LogFormat::Json => self.bare(field, JsonString(value)),
            // In quotes where it could be taken for two fields, or hide that it is empty.
            LogFormat::Text if is_ambiguous(value) => {
                let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
                self.bare(field, format_args!("\"{}\"", Plain(&quoted)));
            }
            LogFormat::Text => self.bare(field, Plain(value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for infinity; people have none for 9.3e-5.
        if value.is_finite() {
            self.bare(field, format_args!("{value:.3}"))
        } else {
            self.text(field, &value.to_string())
        }
    }
}

/// Whether a value has to be quoted: it is empty, or has what separates fields, and is not in quotes already.
fn is_ambiguous(value: &str) -> bool {
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    match quoted {
        Some(inner) => {
            let mut is_escaped = false;
            let ends_early = inner.chars().any(|character| {
                let ends = character == '"' && !is_escaped;
                is_escaped = character == '\\' && !is_escaped;
                ends
            });
            ends_early || is_escaped
        }
        None => value.is_empty() || value.contains([' ', '=', '"']),
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[34m",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::UNIX_EPOCH;

    use super::*;

    /// Formats with a time that is always the same.
    struct Recording {
        lines: Lines,
        seen: Arc<Mutex<String>>,
    }

    impl Subscriber for Recording {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            self.lines.enabled(metadata)
        }

        fn event(&self, event: &Event<'_>) {
            self.seen.lock().unwrap().push_str(&self.lines.line(event, UNIX_EPOCH));
        }

        fn new_span(&self, attributes: &Attributes<'_>) -> Id {
            self.lines.new_span(attributes)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    /// What is logged meanwhile.
    fn logged(format: LogFormat, is_coloured: bool, say: impl FnOnce()) -> String {
        let config = LogConfig { format, ..crate::config::Config::default().log };
        let seen = Arc::<Mutex<String>>::default();
        let lines = Lines::new(&config, is_coloured, Arc::new(Queue::new(0)));
        tracing::subscriber::with_default(Recording { lines, seen: Arc::clone(&seen) }, say);
        seen.lock().unwrap().clone()
    }

    fn say() {
        tracing::info!(
            target: "engineio::driver::goodbye",
            address = None::<u8>,
            cause = "a word",
            name = %"x\u{9b}\u{202e}\n2026 ERROR forged=1",
            debug = ?"a\u{7f}\\",
            empty = "",
            count = 3,
            delta = -1,
            fine = true,
            seconds = 9.34e-5,
            "session closed"
        );
        tracing::debug!("not at this level");
    }

    #[test]
    fn a_line_of_text_has_every_field_and_nothing_that_deceives() {
        assert_eq!(
            logged(LogFormat::Text, false, say),
            "1970-01-01T00:00:00.000000Z  INFO fanfare::engineio: session closed cause=\"a word\" \
             name=\"x\\u{9b}\\u{202e}\\n2026 ERROR forged=1\" debug=\"a\\u{7f}\\\\\" empty=\"\" count=3 \
             delta=-1 fine=true seconds=0.000\n"
        );
    }

    #[test]
    fn a_line_of_json_is_an_object_without_raw_controls() {
        assert_eq!(
            logged(LogFormat::Json, true, say),
            "{\"timestamp\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"INFO\",\"message\":\"session closed\",\
             \"cause\":\"a word\",\"name\":\"x\\u009b\\u202e\\u000a2026 ERROR forged=1\",\
             \"debug\":\"\\\"a\\\\u{7f}\\\\\\\\\\\"\",\"empty\":\"\",\"count\":3,\"delta\":-1,\"fine\":true,\
             \"seconds\":0.000,\"target\":\"fanfare::engineio\"}\n"
        );
    }

    #[test]
    fn only_a_terminal_gets_colours_and_only_ours() {
        let forge = || tracing::error!(name = %"\x1b[0m", "\x1b[2J");
        let line = logged(LogFormat::Text, true, forge);
        assert!(line.contains("\x1b[31mERROR\x1b[0m"), "{line:?}");
        assert!(line.ends_with("\\u{1b}[2J name=\\u{1b}[0m\n"), "{line:?}");
        assert!(!logged(LogFormat::Text, false, forge).contains('\x1b'));
    }

    #[test]
    fn a_value_is_quoted_where_it_could_be_taken_for_more_than_one() {
        for (value, is_quoted) in [
            ("word", false),
            ("", true),
            ("two words", true),
            ("a=b", true),
            ("a\"b", true),
            (r#""in quotes""#, false),
            (r#""an \"inner\" one""#, false),
            (r#""a" b="c""#, true),
            (r#""open\""#, true),
            ("\"", true),
        ] {
            assert_eq!(is_ambiguous(value), is_quoted, "{value}");
        }
    }

    #[test]
    fn infinity_is_no_number_in_json() {
        assert!(logged(LogFormat::Json, false, || tracing::info!(x = f64::INFINITY)).contains("\"x\":\"inf\""));
    }
}
