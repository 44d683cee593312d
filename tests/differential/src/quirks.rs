//! What the reference takes and we refuse, each with its reason. Nothing else may differ.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::Value as Tree;
use socketio_codec::{AckId, DecodeError, DecodeErrorKind, Limits};

use crate::value::Value;

/// A frame that the reference takes and we refuse on purpose.
pub(crate) struct Quirk {
    pub(crate) name: &'static str,
    /// Whether this is one, read from the frame and not only from what our decoder said.
    is: fn(&Pieces<'_>, &DecodeError) -> bool,
}

/// The quirk by which we refuse a text frame that the reference takes.
pub(crate) fn find(frame: &str, error: &DecodeError) -> Option<&'static str> {
    let pieces = Pieces::read(frame);
    QUIRKS.iter().find(|quirk| (quirk.is)(&pieces, error)).map(|quirk| quirk.name)
}

const QUIRKS: [Quirk; 13] = [
    // `Number("")` and `Number(" ")` are 0, so the reference reads a CONNECT. No encoder writes it; to answer an empty
    // frame by joining the main namespace helps nobody.
    Quirk {
        name: "no type, or white space as type",
        is: |pieces, error| error.kind() == DecodeErrorKind::UnknownType && pieces.kind.is_none_or(is_javascript_space),
    },
    // `Number()` reads ` 1`, `1.0`, `1e0` and `0x1`. The protocol says digits; encoders write digits.
    Quirk {
        name: "count of attachments in other syntax",
        is: |pieces, error| {
            error.kind() == DecodeErrorKind::InvalidAttachmentCount
                && pieces.count.is_some_and(|count| !count.bytes().all(|byte| byte.is_ascii_digit()))
        },
    },
    // White space counts as a digit 0: `2 ["a"]` asks for acknowledgement 0, and `21 2["a"]` for `NaN`.
    Quirk {
        name: "white space in or around an id",
        is: |pieces, error| {
            let space = pieces.id.find(is_javascript_space).map(|at| pieces.id_start + at);
            // A DISCONNECT with anything behind it is wrong for that.
            let is_kind = error.kind() == DecodeErrorKind::InvalidJson
                || error.kind() == DecodeErrorKind::InvalidPayload && pieces.kind == Some('1');
            is_kind && space == Some(error.offset())
        },
    },
    // Above 2^53 − 1 a JavaScript peer acknowledges another id than was asked for.
    Quirk {
        name: "id above 2^53 - 1",
        is: |pieces, error| {
            let digits: String = pieces.id.chars().take_while(char::is_ascii_digit).collect();
            error.kind() == DecodeErrorKind::AckIdTooLarge
                && digits.parse::<u128>().map_or(digits.len() > 38, |id| id > u128::from(AckId::MAX.get()))
        },
    },
    // A record separator in a name would end the packet in a polling payload; the others would be in our logs.
    Quirk {
        name: "control character in a namespace",
        is: |pieces, error| {
            error.kind() == DecodeErrorKind::InvalidNamespace
                && pieces.namespace.contains(|c: char| c.is_ascii_control())
        },
    },
    // A bound: the refusal of a CONNECT sends the name back.
    Quirk {
        name: "long namespace",
        is: |pieces, error| {
            error.kind() == DecodeErrorKind::NamespaceTooLong
                && pieces.namespace.len() > Limits::default().namespace_len_max
        },
    },
    // A bound: clients in other languages recurse.
    Quirk {
        name: "deep nesting",
        is: |pieces, error| {
            error.kind() == DecodeErrorKind::TooDeep && nesting(pieces.payload) > Limits::default().json_depth_max
        },
    },
    // `Infinity` to JavaScript, `null` when the reference writes it again, and an error to many other parsers.
    Quirk {
        name: "number larger than any double",
        is: |pieces, error| {
            let number = pieces.payload_at(error.offset()).map(|rest| {
                let end = rest.find(|c: char| !c.is_ascii_digit() && !".eE+-".contains(c)).unwrap_or(rest.len());
                &rest[..end]
            });
            error.kind() == DecodeErrorKind::InvalidJson
                && number.is_some_and(|number| number.parse::<f64>().is_ok_and(f64::is_infinite))
        },
    },
    // A bound: receivers hand each one to a function as an argument, and JavaScript engines throw at some 65,000.
    Quirk {
        name: "many arguments",
        is: |pieces, error| {
            error.kind() == DecodeErrorKind::TooManyArguments
                && serde_json::from_str::<Vec<IgnoredAny>>(pieces.payload)
                    .is_ok_and(|list| list.len() > Limits::default().arguments_max)
        },
    },
    // The reference takes `1.0` and `1e0`, and gives `undefined` for `0.5`. Encoders write digits.
    Quirk {
        name: "num of a placeholder in other syntax",
        is: |pieces, error| {
            error.kind() == DecodeErrorKind::InvalidPlaceholder
                && placeholders(pieces.payload).iter().any(|(num, _)| num.is_none())
        },
    },
    // A receiver that copies attachments would be made to copy one any number of times.
    Quirk {
        name: "two placeholders for one attachment",
        is: |pieces, error| {
            let mut nums: Vec<_> = placeholders(pieces.payload).into_iter().filter_map(|(num, _)| num).collect();
            let all = nums.len();
            nums.sort_unstable();
            nums.dedup();
            error.kind() == DecodeErrorKind::InvalidPlaceholder && nums.len() < all
        },
    },
    // The reference puts the attachment there and never looks at what was within.
    Quirk {
        name: "wrong placeholder within a placeholder",
        is: |pieces, error| {
            error.kind() == DecodeErrorKind::InvalidPlaceholder
                && placeholders(pieces.payload).iter().any(|(_, is_within)| *is_within)
        },
    },
    // `JSON.parse` keeps the last of two members of one name: the reference does not see a wrong placeholder in the
    // first. We do not compare names, and no encoder writes two.
    Quirk {
        name: "wrong placeholder in a member that is replaced",
        is: |pieces, error| {
            error.kind() == DecodeErrorKind::InvalidPlaceholder
                && serde_json::from_str::<Value>(&readable(pieces.payload)).is_ok_and(|payload| payload.repeats_a_key())
        },
    },
];

/// See [`crate::engineio`].
pub(crate) const NOT_BASE64: &str = "binary packet that is not base64";

/// Prints how often each was met; one that never was is a difference, since then nothing shows that it exists.
pub(crate) fn report(seen: &BTreeMap<&'static str, usize>) -> usize {
    println!("differential: what the reference takes and we refuse, as intended:");
    let mut missing = 0;
    for name in QUIRKS.iter().map(|quirk| quirk.name).chain([NOT_BASE64]) {
        let times = seen.get(name).copied().unwrap_or_default();
        println!("  {times:6} {name}");
        if times == 0 {
            eprintln!("differential: never met: {name}");
            missing += 1;
        }
    }
    missing
}

/// A text frame, cut where the reference cuts it.
pub(crate) struct Pieces<'a> {
    kind: Option<char>,
    count: Option<&'a str>,
    namespace: &'a str,
    id: &'a str,
    id_start: usize,
    payload: &'a str,
    frame: &'a str,
}

impl<'a> Pieces<'a> {
    fn read(frame: &'a str) -> Self {
        let kind = frame.chars().next();
        let mut rest = &frame[kind.map_or(0, char::len_utf8)..];
        let mut count = None;
        if let Some('5' | '6') = kind
            && let Some((before, after)) = rest.split_once('-')
        {
            (count, rest) = (Some(before), after);
        }
        let mut namespace = "/";
        if rest.starts_with('/') {
            (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
        }
        let id_start = frame.len() - rest.len();
        let is_id = |character: char| character.is_ascii_digit() || is_javascript_space(character);
        let (id, payload) = rest.split_at(rest.find(|character| !is_id(character)).unwrap_or(rest.len()));
        Self { kind, count, namespace, id, id_start, payload, frame }
    }

    fn payload_at(&self, offset: usize) -> Option<&'a str> {
        self.frame.get(offset..)
    }
}

/// What `Number()` reads as 0.
fn is_javascript_space(character: char) -> bool {
    character.is_whitespace() && character != '\u{85}' || character == '\u{feff}'
}

/// The same structure for serde, which refuses lone surrogates and numbers out of range.
fn readable(json: &str) -> String {
    let mut readable = String::with_capacity(json.len());
    let mut is_text = false;
    let mut characters = json.chars().peekable();
    while let Some(character) = characters.next() {
        readable.push(character);
        match character {
            '"' => is_text = !is_text,
            '\\' if is_text => {
                readable.extend(characters.next());
                // `\ud800` becomes `\u0800`.
                if characters.next_if(|digit| matches!(digit, 'd' | 'D')).is_some() {
                    readable.push('0');
                }
            }
            'e' | 'E' if !is_text && characters.peek().is_some_and(char::is_ascii_digit) => {
                while characters.next_if(char::is_ascii_digit).is_some() {}
                readable.push('1');
            }
            _ => {}
        }
    }
    readable
}

/// How many arrays and objects are open at once, at most.
fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let mut is_text = false;
    let mut characters = json.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => is_text = !is_text,
            '\\' if is_text => drop(characters.next()),
            '[' | '{' if !is_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            ']' | '}' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The placeholders of a payload: `num`, where it is written as an integer, and whether it is within another one.
fn placeholders(payload: &str) -> Vec<(Option<u64>, bool)> {
    fn visit(value: &Tree, is_within: bool, found: &mut Vec<(Option<u64>, bool)>) {
        match value {
            Tree::Array(values) => values.iter().for_each(|value| visit(value, is_within, found)),
            Tree::Object(members) => {
                let is_placeholder = members.get("_placeholder") == Some(&Tree::Bool(true));
                if is_placeholder {
                    found.push((members.get("num").and_then(Tree::as_u64), is_within));
                }
                members.values().for_each(|value| visit(value, is_within || is_placeholder, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(payload) = serde_json::from_str(&readable(payload)) {
        visit(&payload, false, &mut found);
    }
    found
}
