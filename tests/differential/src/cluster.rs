//! `cluster-proto` beside `@socket.io/redis-adapter` and `notepack.io`: a message that reaches our clients reaches those of a
//! Node server, as the same values, and the same of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use cluster_proto::wire::{Bounds, Classic, ClassicOrigin, Emit, EmitRef, Format, Message, Order, Refused, Uid};
use engineio_proto::Delivery;
use hub::{Room, Target};
use serde::Deserialize;
use serde_json::{Value as Tree, json};
use socketio_codec::{Arguments, EventName, Namespace, PacketRef};

use crate::random::Random;
use crate::reference::Reference;
use crate::value::{Value, hex};

/// Messages of every form, whole and changed.
pub(crate) fn messages(reference: &mut Reference, random: &mut Random, inputs: usize) -> Result<usize, String> {
    let made = (0..inputs).map(|_| Input { channel: CHANNEL, body: body(random), value: None });
    compare(reference, "messages of a fleet", made)
}

/// What we write, in both formats.
pub(crate) fn values(reference: &mut Reference, random: &mut Random, inputs: usize) -> Result<usize, String> {
    let name = EventName::new("x").map_err(|error| error.to_string())?;
    let target = Target::everyone(Namespace::ROOT).to("a").except("two");
    let made = (0..inputs).filter_map(|_| {
        let values: Vec<Value> = (0..random.below(4)).map(|_| Value::random(random, 0)).collect();
        let arguments = Arguments::serialize(&values).ok()?;
        let format = if random.once_in(4) { Format::Json } else { Format::Msgpack };
        if arguments.attachments().len() > 10 {
            return None;
        }
        let emit = EmitRef {
            target: &target,
            name: name.raw(),
            arguments: &arguments,
            delivery: Delivery::Reliable,
            compress: true,
        };
        let body = node("writer", format).emit(emit).body;
        let tree = values.iter().map(Value::to_tree).collect();
        Some(Input { channel: "socket.io#/#a#", body: body.to_vec(), value: Some(tree) })
    });
    compare(reference, "values to a fleet", made)
}

struct Input {
    channel: &'static str,
    body: Vec<u8>,
    /// What it was made of.
    value: Option<Tree>,
}

#[derive(Deserialize)]
struct Answer {
    verdict: String,
    message: Option<String>,
    differs: Option<String>,
}

fn compare(reference: &mut Reference, what: &str, inputs: impl Iterator<Item = Input>) -> Result<usize, String> {
    let (mut same, mut refused, mut differences) = (0, BTreeMap::new(), 0);
    let mut inputs = inputs.peekable();
    while inputs.peek().is_some() {
        let batch: Vec<Input> = inputs.by_ref().take(500).collect();
        let readings: Vec<_> = batch.iter().map(|input| read(&input.body)).collect();
        let questions: Vec<Tree> = batch.iter().zip(&readings).map(|(input, ours)| question(input, ours)).collect();
        for ((input, ours), answer) in batch.iter().zip(&readings).zip(reference.ask::<_, Answer>(&questions)?) {
            match judge(ours, &answer) {
                Ok(None) => same += 1,
                Ok(Some(reason)) => *refused.entry(reason.label()).or_insert(0) += 1,
                Err(difference) => {
                    differences += 1;
                    eprintln!("{what}: {difference}\n  {}", hex(&input.body));
                }
            }
        }
    }
    println!(
        "differential: {what}: {same} the same, {differences} differ; passed on by Node and refused by us {refused:?}"
    );
    Ok(differences)
}

fn node(uid: &str, format: Format) -> Classic {
    let uid = Uid::parse(uid).expect("it is one");
    Classic::new("socket.io", Namespace::ROOT, uid, format)
}

fn read(body: &[u8]) -> Result<Option<Emit>, Refused> {
    let origin = ClassicOrigin::Events { room: None };
    let received = node("reader", Format::Msgpack).read(origin, Bytes::copy_from_slice(body), &Bounds::default())?;
    Ok(received.map(|received| match received.message {
        Message::Order(Order::Emit(emit)) => emit,
        other => panic!("no event came on a channel of events: {other:?}"),
    }))
}

fn question(input: &Input, ours: &Result<Option<Emit>, Refused>) -> Tree {
    let ours = match ours {
        Ok(Some(emit)) => {
            let packet = PacketRef::event(Namespace::root(), &emit.event, emit.event.arguments());
            let attachments = packet.attachments().iter().map(|bytes| json!({ "binary": hex(bytes) }));
            let frames: Vec<Tree> =
                [json!({ "text": packet.to_text().as_str() })].into_iter().chain(attachments).collect();
            let names = |rooms: &[Room]| rooms.iter().map(|room| room.as_str().to_owned()).collect::<Vec<_>>();
            json!({ "frames": frames, "rooms": names(emit.target.rooms()), "except": names(emit.target.except_rooms()) })
        }
        _ => Tree::Null,
    };
    let mut question = json!({ "ask": "cluster", "channel": input.channel, "body": hex(&input.body), "ours": ours });
    if let Some(value) = &input.value {
        question["value"] = value.clone();
    }
    question
}

/// `Ok` with the reason, where we refuse what Node passes on.
fn judge(ours: &Result<Option<Emit>, Refused>, theirs: &Answer) -> Result<Option<Refused>, String> {
    match (ours, theirs.verdict.as_str()) {
        (Ok(Some(_)), "error") => Err(format!("we take it, Node does not: {:?}", theirs.message)),
        (Ok(Some(emit)), "ruin") => Err(format!("{emit:?} would end Node's clients")),
        (Ok(_), _) => theirs.differs.clone().map_or(Ok(None), Err),
        (Err(_), "error" | "nobody") => Ok(None),
        (Err(Refused::Truncated | Refused::TrailingBytes | Refused::InvalidJson), verdict) => {
            Err(format!("we refuse it ({ours:?}), to Node it is a {verdict}"))
        }
        (Err(reason), _) => Ok(Some(*reason)),
    }
}

const CHANNEL: &str = "socket.io#/#";

/// A message: MessagePack in all its forms, or JSON; every third with some bytes changed.
fn body(random: &mut Random) -> Vec<u8> {
    let mut body = Packed { out: Vec::new() };
    body.head(random, 0x90, 0xdc, 3);
    body.text(random, b"someone");
    let mut members = ["type", "data", "nsp"].map(str::as_bytes).to_vec();
    if random.once_in(3) {
        members.retain(|member| *member != b"nsp");
    }
    if random.once_in(4) {
        members.push(b"more");
    }
    let turn = random.below(members.len());
    members.rotate_left(turn);
    body.head(random, 0x80, 0xde, members.len());
    for member in members {
        body.text(random, member);
        match member {
            b"type" => body.integer(random, 2),
            b"nsp" => body.text(random, b"/"),
            b"data" => {
                let values = random.below(4);
                body.head(random, 0x90, 0xdc, values + 1);
                let name = random_name(random);
                body.text(random, name);
                (0..values).for_each(|_| body.value(random, 0));
            }
            // Bytes in a member that nobody knows make a Node server write a packet that no client reads.
            _ => body.integer(random, 7),
        }
    }
    body.opts(random);
    let mut body = body.out;
    while random.once_in(3) {
        let at = random.below(body.len());
        match random.below(3) {
            0 => body[at] = random.bits() as u8,
            1 => drop(body.remove(at)),
            _ => body.insert(at, random.bits() as u8),
        }
        if body.is_empty() {
            break;
        }
    }
    body
}

fn random_name(random: &mut Random) -> &'static [u8] {
    const NAMES: [&str; 5] = ["x", "news", "connected", "é", ""];
    random.pick(&NAMES).as_bytes()
}

struct Packed {
    out: Vec<u8>,
}

impl Packed {
    /// A length in its short form, or in one that is longer than it needs.
    fn head(&mut self, random: &mut Random, short: u8, long: u8, len: usize) {
        match random.below(6) {
            0 => self.put(long, &(len as u16).to_be_bytes()),
            1 => self.put(long + 1, &(len as u32).to_be_bytes()),
            _ if len < 16 => self.out.push(short | len as u8),
            _ => self.put(long, &(len as u16).to_be_bytes()),
        }
    }

    fn put(&mut self, prefix: u8, bytes: &[u8]) {
        self.out.push(prefix);
        self.out.extend_from_slice(bytes);
    }

    fn text(&mut self, random: &mut Random, text: &[u8]) {
        match random.below(8) {
            0 => self.put(0xd9, &[text.len() as u8]),
            1 => self.put(0xda, &(text.len() as u16).to_be_bytes()),
            2 => self.put(0xdb, &(text.len() as u32).to_be_bytes()),
            _ => self.out.push(0xa0 | text.len() as u8),
        }
        self.out.extend_from_slice(text);
    }

    fn integer(&mut self, random: &mut Random, number: u8) {
        let double = f64::from(number);
        match random.below(10) {
            0 => self.put(0xcc, &[number]),
            1 => self.put(0xcf, &u64::from(number).to_be_bytes()),
            2 => self.put(0xd1, &i16::from(number).to_be_bytes()),
            3 => self.put(0xca, &(double as f32).to_be_bytes()),
            4 => self.put(0xcb, &double.to_be_bytes()),
            _ => self.out.push(number),
        }
    }

    fn opts(&mut self, random: &mut Random) {
        let members: Vec<&[u8]> =
            [&b"rooms"[..], b"except", b"flags"].into_iter().filter(|_| !random.once_in(4)).collect();
        self.head(random, 0x80, 0xde, members.len());
        for member in members {
            self.text(random, member);
            match (random.below(4), member) {
                (0, _) => self.out.push(0xc0),
                (1, _) => self.out.push(0xa0),
                (_, b"flags") => {
                    self.head(random, 0x80, 0xde, 1);
                    self.text(random, b"compress");
                    self.value(random, 9);
                }
                _ => self.rooms(random),
            }
        }
    }

    fn rooms(&mut self, random: &mut Random) {
        // Text as `rooms` counts letter by letter in Node: of one letter it is the same.
        if random.once_in(6) {
            return self.text(random, b"b");
        }
        let len = random.below(3);
        self.head(random, 0x90, 0xdc, len);
        for _ in 0..len {
            match random.below(6) {
                0 => self.integer(random, 7),
                1 => self.text(random, b"one"),
                2 => self.text(random, b"7"),
                3 => self.text(random, b"nobody"),
                4 => self.text(random, b"b"),
                _ => self.text(random, b"a"),
            }
        }
    }

    fn value(&mut self, random: &mut Random, depth: usize) {
        match random.below(if depth > 3 { 12 } else { 16 }) {
            0 => self.out.push(0xc0),
            1 => self.out.push(0xc2 | (random.bits() & 1) as u8),
            2 => self.out.push(random.bits() as u8 & 0x7f),
            3 => self.out.push(0xe0 | random.bits() as u8),
            4 => {
                // Numbers of every length.
                let power = random.below(4);
                let prefix = [0xcc, 0xd0][random.below(2)] + power as u8;
                let bytes = random.bits().to_be_bytes();
                self.put(prefix, &bytes[..1 << power]);
            }
            5 => {
                let bits = random.bits().to_be_bytes();
                if random.once_in(2) { self.put(0xca, &bits[..4]) } else { self.put(0xcb, &bits) }
            }
            6 => self.put(0xcb, &(random.below(1_000_000) as f64 / [1.0, 8.0, 777.0][random.below(3)]).to_be_bytes()),
            7 | 8 => self.random_text(random),
            9 => self.bin(random),
            10 => self.date(random),
            11 => self.ext(random),
            12 | 13 => {
                let len = random.below(5);
                self.head(random, 0x90, 0xdc, len);
                (0..len).for_each(|_| self.value(random, depth + 1));
            }
            _ => {
                let len = random.below(5);
                self.head(random, 0x80, 0xde, len);
                for _ in 0..len {
                    // With bytes for a prototype a Node server throws at whatever it looks at.
                    if random.once_in(12) {
                        self.text(random, b"__proto__");
                        self.map_without_bytes(random);
                    } else {
                        self.key(random);
                        self.value(random, depth + 1);
                    }
                }
            }
        }
    }

    fn map_without_bytes(&mut self, random: &mut Random) {
        self.head(random, 0x80, 0xde, 1);
        self.text(random, b"a");
        self.integer(random, 7);
    }

    fn random_text(&mut self, random: &mut Random) {
        const TEXTS: [&[u8]; 8] = [
            b"",
            b"a",
            "é😀".as_bytes(),
            b"\"\\\n\x01\x7f",
            b"\xff",
            b"\xf0\x9f\x98a",
            b"\xed\xa0\x80\xc3",
            b"longer than eight",
        ];
        let text = TEXTS[random.below(TEXTS.len())];
        self.text(random, text);
    }

    fn key(&mut self, random: &mut Random) {
        const KEYS: [&str; 8] = ["a", "b", "1", "2", "_placeholder", "num", "toString", "é\""];
        match random.below(12) {
            0 => self.integer(random, 7),
            1 => self.out.push(0xc0),
            2 => self.out.push(0xc3),
            3 => self.put(0xcb, &(random.below(1000) as f64 / 8.0).to_be_bytes()),
            4 => self.put(0xc4, b"\x01k"),
            5 => self.random_text(random),
            6 => self.value(random, 9),
            _ => {
                let key = random.pick(&KEYS);
                self.text(random, key.as_bytes());
            }
        }
    }

    fn bin(&mut self, random: &mut Random) {
        let data = &random.bits().to_be_bytes()[..random.below(5)];
        let len = data.len() as u8;
        match random.below(6) {
            0 => self.put(0xc5, &[0, len]),
            1 => self.put(0xc6, &[0, 0, 0, len]),
            // Once an `ArrayBuffer`.
            2 => self.put(0xc7, &[len, 0]),
            3 => self.put(0xc8, &[0, len, 0]),
            4 => self.put(0xc9, &[0, 0, 0, len, 0]),
            _ => self.put(0xc4, &[len]),
        }
        self.out.extend_from_slice(data);
    }

    fn date(&mut self, random: &mut Random) {
        let bits = random.bits();
        // Mostly within what JavaScript has.
        let seconds = (bits >> random.below(60)) as i64 * [1, -1][random.below(2)];
        match random.below(4) {
            0 => self.put(0xd6, &[&[0xff], &bits.to_be_bytes()[..4]].concat()),
            1 => self.put(0xd7, &[&[0xff], &bits.to_be_bytes()[..]].concat()),
            2 => self.put(0xd7, &[&[0x00], &seconds.to_be_bytes()[..]].concat()),
            _ => self.put(0xc7, &[&[12, 0xff], &bits.to_be_bytes()[..4], &seconds.to_be_bytes()].concat()),
        }
    }

    fn ext(&mut self, random: &mut Random) {
        let kind = [0, 1, 5, 0x80, 0xff, 0xfe][random.below(6)];
        let data = [random.bits().to_be_bytes(), random.bits().to_be_bytes()].concat();
        match random.below(7) {
            power @ 0..5 => self.put(0xd4 + power as u8, &[&[kind], &data[..1 << power]].concat()),
            5 => self.put(0xc8, &[&[0, 3, kind], &data[..3]].concat()),
            _ => self.put(0xc7, &[&[3, kind.min(5)], &data[..3]].concat()),
        }
    }
}
