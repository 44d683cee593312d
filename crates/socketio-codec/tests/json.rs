//! The scanner against `serde_json`, on generated texts, valid and damaged.

use serde_json::value::RawValue;
use socketio_codec::{Arguments, DecodeErrorKind, Decoder, Json, Limits, Packet, Text};

/// A small generator: the same seed gives the same texts.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        // SplitMix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn one_of(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.below(choices.len())]
    }

    fn value(&mut self, depth: usize, out: &mut String) {
        match self.below(if depth > 4 { 3 } else { 6 }) {
            0 => out.push_str(self.one_of(&[
                "0",
                "-0",
                "1",
                "-1",
                "12",
                "123456789",
                "1234567890123456789",
                "1.5",
                "0.000000001",
                "1e5",
                "1E+9",
                "-1.25e-10",
                "1e99",
                "1.7976931348623157e308",
                "1e-999",
                "true",
                "false",
                "null",
            ])),
            1 | 2 => self.string(out),
            3 => out.push_str(self.one_of(&["[]", "{}", "[ ]", "{\n}"])),
            4 => self.list('[', ']', depth, out),
            _ => self.list('{', '}', depth, out),
        }
    }

    fn list(&mut self, open: char, close: char, depth: usize, out: &mut String) {
        out.push(open);
        for n in 0..self.below(5) {
            if n > 0 {
                out.push_str(self.one_of(&[",", ",", " , "]));
            }
            if open == '{' {
                self.string(out);
                out.push_str(self.one_of(&[":", ":", " :\t"]));
            }
            self.value(depth + 1, out);
        }
        out.push(close);
    }

    fn string(&mut self, out: &mut String) {
        out.push('"');
        for _ in 0..self.below(6) {
            out.push_str(self.one_of(&[
                "a",
                "key",
                "é",
                "☕",
                "😀",
                "\\n",
                "\\\"",
                "\\\\",
                "\\/",
                "\\u00e9",
                "\\ud800",
                "\\uDBFF\\uDFFF",
                "\u{7f}",
                "more than eight bytes",
                "thirty-two bytes and some more of them",
                " ",
            ]));
        }
        out.push('"');
    }

    fn damage(&mut self, text: &mut String) {
        let at = loop {
            let at = self.below(text.len() + 1);
            if text.is_char_boundary(at) {
                break at;
            }
        };
        match self.below(3) {
            0 => text.truncate(at),
            1 => {
                if at < text.len() {
                    text.remove(at);
                }
            }
            _ => {
                let junk = self.one_of(&[
                    ",", ":", "[", "]", "{", "}", "\"", "\\", "0", "-", ".", "e", "t", "\n", "\u{1}", "\u{b}", "é",
                    "+", "\u{a0}", "/", "01",
                ]);
                text.insert_str(at, junk);
            }
        }
    }
}

/// What serde_json minds only when it makes a number of it.
fn has_a_number_too_large(text: &str) -> bool {
    let mut plain = String::new();
    let (mut in_string, mut is_escaped) = (false, false);
    for character in text.chars() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => in_string = !in_string,
            _ if in_string => {}
            _ => plain.push(character),
        }
    }
    let numbers = plain.split(|character: char| !character.is_ascii_digit() && !"+-.eE".contains(character));
    numbers.filter_map(|number| number.parse::<f64>().ok()).any(f64::is_infinite)
}

#[test]
fn accepts_what_serde_json_accepts_as_raw_text() {
    let mut random = Random(1);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..60_000 {
        let mut text = String::new();
        random.value(0, &mut text);
        for _ in 0..random.below(3) {
            random.damage(&mut text);
        }
        let theirs = serde_json::from_str::<&RawValue>(&text);
        let ours = Json::from_text(Text::from(text.clone()));
        if theirs.is_ok() && has_a_number_too_large(&text) {
            assert!(ours.is_err(), "{text:?}");
            continue;
        }
        assert_eq!(theirs.is_ok(), ours.is_ok(), "{text:?}: {theirs:?} {ours:?}");
        match (theirs, ours) {
            (Ok(theirs), Ok(ours)) => {
                accepted += 1;
                assert_eq!(theirs.get().trim_matches([' ', '\n', '\r', '\t']), ours.as_str());
            }
            _ => refused += 1,
        }
    }
    assert!(accepted > 10_000 && refused > 10_000, "{accepted} accepted, {refused} refused");
}

#[test]
fn finds_the_elements_that_serde_json_finds() {
    let mut random = Random(2);
    for _ in 0..20_000 {
        let mut text = String::new();
        random.list('[', ']', 0, &mut text);
        let theirs: Vec<&RawValue> = serde_json::from_str(&text).unwrap();
        let ours = Arguments::from_json(Text::from(text.clone())).unwrap();
        assert_eq!(ours.len(), theirs.len(), "{text}");
        assert!(ours.iter().eq(theirs.iter().map(|value| value.get())), "{text}");
    }
}

#[test]
fn strings_of_every_length_end_where_they_end() {
    for len in 0..100 {
        for special in ["\\n", "\\\"", "é", "\u{7f}", "\u{80}"] {
            let text = format!("[\"{}{special}\",1]", "a".repeat(len));
            assert_eq!(Arguments::from_json(Text::from(text)).unwrap().len(), 2);
        }
        for wrong in ["\n", "\u{1f}", "\\a", "\\u12g4", "\""] {
            let text = format!("[\"{}{wrong}\",1]", "a".repeat(len));
            assert!(Arguments::from_json(Text::from(text)).is_err());
        }
    }
}

#[test]
fn every_byte_ends_a_string_or_does_not_wherever_it_stands() {
    for len in 1..80 {
        for at in 0..len {
            for byte in 0..=0x7f {
                let mut text = "a".repeat(len).into_bytes();
                text[at] = byte;
                let text = format!("\"{}\"", String::from_utf8(text).unwrap());
                let is_json = match byte {
                    0..0x20 | b'"' => false,
                    // It takes the letter behind it, which is no escape, or the quote.
                    b'\\' => false,
                    _ => true,
                };
                assert_eq!(Json::from_text(Text::from(text.clone())).is_ok(), is_json, "{text:?}");
            }
        }
    }
}

#[test]
fn nesting_is_bounded_exactly_and_remembered_beyond_a_word() {
    for depth in 1..200 {
        let mut limits = Limits::default();
        limits.json_depth_max = depth;
        // Objects and arrays in a pattern without a short period, so that a wrong bit shows.
        for allowed in [true, false] {
            let levels = if allowed { depth } else { depth + 1 };
            let kinds: Vec<bool> = (1..levels).map(|level| (level * level / 3) % 2 == 0).collect();
            let open: String = kinds.iter().map(|object| if *object { "{\"a\":" } else { "[" }).collect();
            let close: String = kinds.iter().rev().map(|object| if *object { "}" } else { "]" }).collect();
            let found = Decoder::new(limits).handle_text(Text::from(format!("2[\"a\",{open}1{close}]")));
            match found {
                Ok(Some(Packet::Event { .. })) => assert!(allowed || levels == 1),
                Err(error) if error.kind() == DecodeErrorKind::TooDeep => assert!(!allowed),
                other => panic!("{depth}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_megabyte_of_anything_is_refused_in_linear_time() {
    const MEGABYTE: usize = 1_000_000;
    for text in [
        "9".repeat(MEGABYTE),
        format!("2{}", "9".repeat(MEGABYTE)),
        format!("5{}", "9".repeat(MEGABYTE)),
        format!("0/{}", "n".repeat(MEGABYTE)),
        format!("2{}", "[".repeat(MEGABYTE)),
        format!("2[\"a\",{}", "[".repeat(MEGABYTE)),
        format!("2[\"a\",{}", "{\"a\":".repeat(MEGABYTE / 5)),
        format!("2[\"{}", "\\\"".repeat(MEGABYTE / 2)),
        format!("2[\"{}", "a".repeat(MEGABYTE)),
        format!("2[{}", " ".repeat(MEGABYTE)),
        format!("2[1,{}", "9".repeat(MEGABYTE)),
        format!("51-[\"a\",{}1]", "{\"_placeholder\":true},".repeat(MEGABYTE / 22)),
    ] {
        let start = std::time::Instant::now();
        assert!(Decoder::default().handle_text(Text::from(text)).is_err());
        // Quadratic time would take hours; a debug build on a busy machine is what the seconds are for.
        assert!(start.elapsed().as_secs() < 5);
    }
}
