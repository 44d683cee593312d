//! From an event of the program to a line of the log.

use std::fmt::{self, Debug, Write};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use super::brief::Brief;
use super::budget::{Budgets, LeftOut, Pass, REPORT_AFTER};
use super::escape::{JsonString, Plain};
use super::filter_now::FilterNow;
use super::part::Part;
use super::queue::{self, Queue};
use super::timestamp::Timestamp;
use crate::config::{LogConfig, LogFormat};

/// Hears what the program has to say, and puts a line for it into the queue. Spans, which nothing here opens, count for
/// nothing.
pub(crate) struct Lines {
    filter: FilterNow,
    format: LogFormat,
    is_coloured: bool,
    queue: Arc<Queue>,
    budgets: Budgets,
}

impl Lines {
    pub(crate) fn new(config: &LogConfig, is_terminal: bool, queue: Arc<Queue>) -> Self {
        let filter = FilterNow::new(config.filter.clone());
        let budgets = Budgets::default();
        Self { filter, format: config.format, is_coloured: is_terminal, queue, budgets }
    }

    /// What is logged, which may be changed.
    pub(crate) fn filter(&self) -> FilterNow {
        self.filter.clone()
    }

    /// Says how many lines were left out since this was called last, one line for each place that had too many.
    pub(crate) fn report_left_out(&self) {
        for left_out in self.budgets.take_left_out() {
            self.queue.push_anyway(self.left_out_line(&left_out, SystemTime::now()).as_bytes());
        }
    }

    /// In the name of the place itself, and at its level.
    fn left_out_line(&self, LeftOut { metadata, like, lines }: &LeftOut, now: SystemTime) -> String {
        let mut fields = Fields::new(self.format);
        fields.text("message", "lines left out");
        fields.text("like", like);
        fields.bare("left_out", lines);
        self.written(metadata, fields, now)
    }

    fn message(&self, event: &Event<'_>) -> String {
        let mut fields = Fields::new(self.format);
        event.record(&mut fields);
        fields.message
    }

    fn line(&self, event: &Event<'_>, now: SystemTime) -> String {
        let mut fields = Fields::new(self.format);
        event.record(&mut fields);
        self.written(event.metadata(), fields, now)
    }

    fn written(&self, metadata: &Metadata<'_>, fields: Fields, now: SystemTime) -> String {
        let (time, level, part) = (Timestamp(now), metadata.level(), Part::of(metadata.target()));
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
        match self.budgets.pass(event.metadata(), Instant::now(), || self.message(event)) {
            Pass::Yes if event.metadata().target() == queue::TARGET => {
                self.queue.push_anyway(self.line(event, SystemTime::now()).as_bytes());
            }
            Pass::Yes => self.queue.push(self.line(event, SystemTime::now()).as_bytes()),
            Pass::No => {}
            Pass::NoLonger => self.queue.remind(REPORT_AFTER),
        }
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
    fn new(format: LogFormat) -> Self {
        Self { format, message: String::new(), others: String::new() }
    }

    fn bare(&mut self, name: &str, value: impl fmt::Display) {
        // Writing to a `String` cannot fail.
        let _ = match self.format {
            LogFormat::Text => write!(self.others, " {name}={value}"),
            LogFormat::Json => write!(self.others, ",\"{name}\":{value}"),
        };
    }

    /// A text that may be a client's, as far as it is not too long for a line.
    fn brief(&mut self, name: &str, value: fmt::Arguments<'_>) {
        let bytes_max = if is_kept_whole(name) { usize::MAX } else { TEXT_BYTES_MAX };
        let mut brief = Brief::new(bytes_max);
        // Whoever formats a value could fail, and then has written what there is.
        let _ = brief.write_fmt(value);
        self.text(name, &brief.into_text());
    }

    fn text(&mut self, name: &str, value: &str) {
        match self.format {
            _ if name == "message" => value.clone_into(&mut self.message),
            LogFormat::Json => self.bare(name, JsonString(value)),
            // In quotes where it could be taken for two fields, or hide that it is empty.
            LogFormat::Text if is_ambiguous(value) => {
                let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
                self.bare(name, format_args!("\"{}\"", Plain(&quoted)));
            }
            LogFormat::Text => self.bare(name, Plain(value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.brief(field.name(), format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.brief(field.name(), format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for infinity; people have none for 9.3e-5.
        if value.is_finite() {
            self.bare(field.name(), format_args!("{value:.3}"))
        } else {
            self.text(field.name(), &value.to_string())
        }
    }
}

/// Whether a field is never a client's, and may well be long: where a fault of ours is, what is wrong with an operator's
/// file, what a reload changed, and the counts of a whole life.
fn is_kept_whole(name: &str) -> bool {
    ["backtrace", "problem", "change", "closed"].contains(&name) || name.ends_with("_refused") || name == "refused"
}

/// Of each text in a line; what it is cut at is said behind it.
const TEXT_BYTES_MAX: usize = 256;

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
    fn a_text_of_any_length_is_cut_and_a_fault_of_ours_is_not() {
        let long = "é".repeat(50_000);
        for format in [LogFormat::Text, LogFormat::Json] {
            let line =
                logged(format, false, || tracing::info!(event = %long, debug = ?long, text = long.as_str(), "{long}"));
            assert!(line.len() < 1400, "{line}");
            assert_eq!(line.matches("…+99744").count(), 3, "{line}");
            let line = logged(format, false, || tracing::error!(backtrace = %long, "panicked"));
            assert!(line.contains(&long));
        }
    }

    /// Characters that mean something to somebody, more often than chance has them.
    fn nasty(random: &mut impl rand::Rng) -> String {
        use rand::RngExt;
        const NASTY: &[char] = &[
            '\0',
            '\n',
            '\r',
            '\x1b',
            '\x7f',
            '\u{9b}',
            '\u{85}',
            '\u{202e}',
            '\u{2066}',
            '\u{2028}',
            '\u{feff}',
            '\u{e0041}',
            '"',
            '\\',
            ' ',
            '=',
            '{',
            'é',
            '💥',
            '\u{fffd}',
            'u',
            'n',
        ];
        let length = *[0, 1, 3, 20, 255, 256, 257, 2000].get(random.random_range(0..8)).unwrap();
        (0..length)
            .map(|_| match random.random_range(0..4) {
                0 => random.random::<char>(),
                1 => random.random_range('a'..='z'),
                _ => NASTY[random.random_range(0..NASTY.len())],
            })
            .collect()
    }

    #[test]
    fn whatever_a_text_is_there_is_one_line_with_the_fields_that_were_meant() {
        let mut random = rand::rng();
        for _ in 0..500 {
            let text = nasty(&mut random);
            let say = || tracing::info!(first = %text, second = ?text, third = text.as_str(), number = 7, "{text}");
            for format in [LogFormat::Text, LogFormat::Json] {
                let line = logged(format, false, say);
                let body = line.strip_suffix('\n').unwrap_or_else(|| panic!("no end: {text:?}"));
                assert!(!body.contains(super::super::escape::is_deceptive), "{text:?} became {line:?}");
                assert!(line.len() < 4 * 10 * TEXT_BYTES_MAX, "{} bytes of {text:?}", line.len());
            }
            let object: serde_json::Value = serde_json::from_str(&logged(LogFormat::Json, false, say)).unwrap();
            let object = object.as_object().unwrap();
            assert_eq!(object.len(), 8, "{object:?}");
            let first = object["first"].as_str().unwrap();
            let begins = if text.len() <= TEXT_BYTES_MAX { first } else { &first[..first.rfind('…').unwrap()] };
            assert!(
                text.starts_with(begins) && begins.len() + 4 > text.len().min(TEXT_BYTES_MAX),
                "{text:?}: {first:?}"
            );
            let line = logged(LogFormat::Text, false, say);
            assert_eq!(
                fields(line.trim_end().strip_suffix(" number=7").unwrap()),
                ["first", "second", "third"],
                "{line}"
            );
        }
    }

    #[test]
    fn what_was_left_out_is_said_in_the_name_of_its_place() {
        let queue = Arc::new(Queue::new(1 << 20));
        let config = crate::config::Config::default().log;
        let lines = Arc::new(Lines::new(&config, false, Arc::clone(&queue)));
        tracing::subscriber::with_default(Arc::clone(&lines), || {
            (0..150).for_each(|number| tracing::warn!(target: "engineio::x", number, "again and again"));
        });
        lines.report_left_out();
        let written = queue.written();
        assert_eq!(written.lines().count(), 101, "{written}");
        let last = written.lines().last().unwrap();
        let expected = " WARN fanfare::engineio: lines left out like=\"again and again\" left_out=50";
        assert!(last.ends_with(expected), "{last}");
    }

    #[test]
    fn infinity_is_no_number_in_json() {
        assert!(logged(LogFormat::Json, false, || tracing::info!(x = f64::INFINITY)).contains("\"x\":\"inf\""));
    }

    /// The names of the fields of a line of text, as a reader of `key=value` takes it apart.
    fn fields(line: &str) -> Vec<String> {
        // From the end: the message, which comes first, may be anything.
        let mut names = Vec::new();
        let mut rest = line;
        while names.len() < 3 {
            let at = match rest.strip_suffix('"') {
                Some(quoted) => opening_quote(quoted),
                None => rest.rfind('=').unwrap() + 1,
            };
            let name = rest[..at].strip_suffix('=').unwrap_or_else(|| panic!("{rest:?}"));
            let begins = name.rfind(' ').unwrap();
            names.insert(0, name[begins + 1..].to_owned());
            rest = &name[..begins];
        }
        names
    }

    /// Where the quote is that begins what ends here: the last one without a backslash.
    fn opening_quote(text: &str) -> usize {
        let is_opening = |at: &usize| text[..*at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 0;
        text.rmatch_indices('"').map(|(at, _)| at).find(is_opening).unwrap()
    }
}
