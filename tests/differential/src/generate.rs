//! Inputs that nobody has written down.

use crate::inputs::{Case, Frame};
use crate::random::Random;

/// The shapes of ATTACKS in this project's plan, section "Packets": large, deep, cut off, and strange.
pub(crate) fn attacks(vectors: &[Case]) -> Vec<Case> {
    const MANY: usize = 1_000_000;
    let mut cases: Vec<Vec<Frame>> = Vec::new();
    let mut text = |text: String| cases.push(vec![Frame::Text(text)]);

    // A megabyte of each.
    for text_of in [
        format!("2{}[\"a\"]", "9".repeat(MANY)),
        format!("2{}[\"a\"]", "0".repeat(MANY)),
        format!("5{}-[\"a\"]", "1".repeat(MANY)),
        format!("5{}1-[\"a\"]", "0".repeat(MANY)),
        format!("5{}", "1".repeat(MANY)),
        format!("0/{}", "n".repeat(MANY)),
        format!("0/{},", "n".repeat(MANY)),
        format!("2[\"a\",{}", "[".repeat(MANY)),
        format!("2[\"a\",{}{}]", "[".repeat(MANY), "]".repeat(MANY)),
        format!("2[\"a\",{}1{}]", "{\"a\":".repeat(MANY / 6), "}".repeat(MANY / 6)),
        format!("2[\"a\",{}]", "1".repeat(MANY)),
        format!("2[\"a\",-0.{}e{}]", "1".repeat(MANY), "1".repeat(20)),
        format!("2[\"{}\"]", "x".repeat(MANY)),
        format!("2[\"{}\"]", "\\u0061".repeat(MANY / 6)),
        format!("2[\"a\"{}]", ",1".repeat(MANY / 2)),
        format!("2[\"a\"{}]", " ".repeat(MANY)),
        format!("3{}", "[".repeat(MANY)),
        format!("0{}", "{\"a\":".repeat(MANY / 6)),
        format!("4\"{}", "\\".repeat(MANY)),
    ] {
        text(text_of);
    }
    // Around the bounds.
    for depth in 120..=130 {
        text(format!("2[\"a\",{}{}]", "[".repeat(depth), "]".repeat(depth)));
        text(format!("0{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)));
    }
    for len in 254..=258 {
        text(format!("0/{},", "n".repeat(len)));
        text(format!("0/{}", "é".repeat(len / 2)));
    }
    for arguments in [9_998, 9_999, 10_000] {
        text(format!("2[\"a\"{}]", ",0".repeat(arguments)));
        text(format!("31[0{}]", ",0".repeat(arguments)));
    }
    for id in [(1u64 << 53) - 1, 1 << 53, u64::MAX] {
        text(format!("2{id}[\"a\"]"));
        text(format!("3{id}[]"));
    }
    for packet in ["45", "451", "46", "5", "51", "6", "450-[\"a\"]", "50-[\"a\"]", "451000-[\"a\"]", "51000-[\"a\"]"] {
        text(packet.to_owned());
    }
    for argument in
        ["1e999", "-1e999", "\"\\ud800\"", "\"\\udc00\\ud800\"", "{\"a\":1,\"a\":2}", "{\"__proto__\":{\"a\":1}}"]
    {
        text(format!("2[\"a\",{argument}]"));
        text(format!("0{{\"a\":{argument}}}"));
        text(format!("31[{argument}]"));
    }
    for name in [
        "{\"toString\":1}",
        "\"error\"",
        "\"__proto__\"",
        "\"constructor\"",
        "\"connect\"",
        "\"\\u0063onnect\"",
        "1e999",
    ] {
        text(format!("2[{name}]"));
    }
    // Every white space of JavaScript, and what only looks like it.
    for space in
        "\t\n\u{b}\u{c}\r \u{85}\u{a0}\u{1680}\u{180e}\u{2000}\u{200b}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}"
            .chars()
    {
        for packet in [
            format!("{space}"),
            format!("2{space}[\"a\"]"),
            format!("2[\"a\",{space}1]"),
            format!("5{space}1-[\"a\"]"),
            format!("0/a{space},"),
        ] {
            text(packet);
        }
    }

    for num in
        ["-1", "1e9", "\"length\"", "0.5", "0.0", "1e0", "-0", "01", "null", "true", "[0]", "9".repeat(400).as_str()]
    {
        for count in [1, 2] {
            let mut frames = vec![Frame::Text(format!("5{count}-[\"a\",{{\"_placeholder\":true,\"num\":{num}}}]"))];
            frames.extend((0..count).map(|n| Frame::Binary(vec![n])));
            cases.push(frames);
        }
    }
    // Every valid packet cut off at, and with strange characters at, every place.
    for vector in vectors {
        let Some((Frame::Text(first), rest)) = vector.frames.split_first() else { continue };
        for at in (0..=first.len()).filter(|at| first.len() < 200 && first.is_char_boundary(*at)) {
            let (before, after) = first.split_at(at);
            for changed in [
                before.to_owned(),
                format!("{before}é{after}"),
                format!("{before}😀{after}"),
                format!("{before}\u{feff}{after}"),
                format!("{before} {after}"),
            ] {
                let mut frames = vec![Frame::Text(changed)];
                frames.extend_from_slice(rest);
                cases.push(frames);
            }
        }
    }
    let case = |(number, frames)| Case { origin: format!("attack {number}"), frames, is_quirk: None };
    cases.into_iter().enumerate().map(case).collect()
}

/// The frames of one or two packets: valid, mutated, or soup.
pub(crate) fn frames(random: &mut Random, vectors: &[Case]) -> Vec<Frame> {
    let packets = if random.once_in(10) { 2 } else { 1 };
    (0..packets).flat_map(|_| packet_frames(random, vectors)).collect()
}

fn packet_frames(random: &mut Random, vectors: &[Case]) -> Vec<Frame> {
    let attachments = 1 + random.below(3);
    let mut frames = match random.below(10) {
        0 | 1 => vec![Frame::Text((0..random.below(12)).map(|_| random.pick(&FRAGMENTS)).collect())],
        2 => vectors[random.below(vectors.len())].frames.clone(),
        _ => vec![Frame::Text(packet(random, attachments))],
    };
    if let Some(Frame::Text(text)) = frames.first_mut() {
        while random.once_in(2) && text.len() < 4096 {
            mutate(text, random);
        }
    }
    if let [Frame::Text(text)] = frames.as_slice()
        && text.starts_with(['5', '6'])
    {
        // One less or more than announced, now and then.
        let sent = match random.below(20) {
            0 => attachments - 1,
            1 => attachments + 1,
            _ => attachments,
        };
        frames.extend((0..sent).map(|_| Frame::Binary((0..random.below(4)).map(|_| random.bits() as u8).collect())));
    }
    frames
}

/// A packet, nearly always a valid one.
fn packet(random: &mut Random, attachments: usize) -> String {
    let kind = random.below(7);
    let mut text = kind.to_string();
    if kind >= 5 {
        text += &format!("{attachments}-");
    }
    if random.once_in(3) {
        text += random.pick(&["/ns,", "/", "/,", "/é☕,", "/a?b,", "/ns"]);
    }
    if random.once_in(3) {
        text += &random.below(2000).to_string();
    }
    let is_usual = !random.once_in(20);
    text += &match kind {
        _ if !is_usual => json(random, 0),
        0 | 1 | 4 if random.once_in(2) => String::new(),
        0 | 4 => format!("{{\"a\":{}}}", json(random, 0)),
        1 => String::new(),
        3 | 6 => format!("[{}]", json(random, 0)),
        _ => {
            let name = random.pick(&["\"ev\"", "\"ev\"", "\"ev\"", "1", "\"\\u00e9\"", "\"connect\"", "-1.5e3"]);
            let arguments: String = (0..random.below(4)).map(|_| format!(",{}", json(random, 0))).collect();
            format!("[{name}{arguments}]")
        }
    };
    text
}

fn json(random: &mut Random, depth: usize) -> String {
    const SCALARS: [&str; 15] = [
        "true",
        "false",
        "null",
        "1e5",
        "-0",
        "1E-3",
        "\"\\/\"",
        "\"é\"",
        "\"\\u0001\"",
        "\"x\\\"y\"",
        "\"😀\"",
        "\"a long text with more than eight bytes\"",
        "\"\\ud800\"",
        "1e999",
        "12345678901234567890",
    ];
    const KEYS: [&str; 7] = [
        "\"k\"",
        "\"num\"",
        "\"_placeholder\"",
        "\"é\"",
        "\"\\u006eum\"",
        "\"__proto__\"",
        "\"a longer key than that\"",
    ];
    match random.below(if depth > 3 { 6 } else { 9 }) {
        0 => (random.below(1000) as i64 - 500).to_string(),
        1 => format!("{}.{}", random.below(1000), random.below(100_000)),
        2 | 3 => random.pick(&SCALARS).to_owned(),
        4 => random.pick(&["[]", "{}", "[ ]", "{ }"]).to_owned(),
        5 => format!("{{\"_placeholder\":true,\"num\":{}}}", random.below(3)),
        6 => {
            let separator = if random.once_in(5) { " , " } else { "," };
            let items: Vec<String> = (0..random.below(4)).map(|_| json(random, depth + 1)).collect();
            format!("[{}]", items.join(separator))
        }
        _ => {
            let colon = if random.once_in(5) { " : " } else { ":" };
            let member = |random: &mut Random| format!("{}{colon}{}", random.pick(&KEYS), json(random, depth + 1));
            let members: Vec<String> = (0..random.below(4)).map(|_| member(random)).collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

/// Changes a text in one place.
pub(crate) fn mutate(text: &mut String, random: &mut Random) {
    let at = place(text, random);
    match random.below(6) {
        0 => text.truncate(at),
        1 | 2 => text.insert_str(at, random.pick(&FRAGMENTS)),
        3 => {
            let end = text[at..].char_indices().nth(1 + random.below(3)).map_or(text.len(), |(len, _)| at + len);
            text.replace_range(at..end, "");
        }
        4 => {
            let end = text[at..].chars().next().map_or(at, |character| at + character.len_utf8());
            text.replace_range(at..end, random.pick(&FRAGMENTS));
        }
        _ => {
            let other = place(text, random);
            let copy = text[at.min(other)..at.max(other)].to_owned();
            text.insert_str(place(text, random), &copy);
        }
    }
}

fn place(text: &str, random: &mut Random) -> usize {
    let at = random.below(text.len() + 1);
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

const FRAGMENTS: [&str; 56] = [
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "1-",
    "2-",
    "-",
    "/",
    "/ns,",
    ",",
    "[",
    "]",
    "{",
    "}",
    "\"a\"",
    "\"b\"",
    ":",
    "\"_placeholder\":true",
    "\"num\":0",
    "\"num\":1",
    "{\"_placeholder\":true,\"num\":0}",
    "{\"_placeholder\":true,\"num\":1}",
    "12",
    ".5",
    "e3",
    "\"\\u00e9\"",
    "\"é\"",
    "true",
    "false",
    "null",
    " ",
    "\t",
    "\n",
    "\u{b}",
    "\u{a0}",
    "\u{feff}",
    "\u{0}",
    "\u{7f}",
    "\u{2028}",
    "\"connect\"",
    "\"\\",
    "\\u",
    "\\ud800",
    "\"",
    "\\",
    "1.5",
    "[1,2]",
    "{\"k\":[]}",
    ",\"x\",",
    "é",
    "😀",
    "+",
];
