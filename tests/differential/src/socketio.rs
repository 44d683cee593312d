//! `socketio-codec` beside `socket.io-parser`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value as Tree, json};
use socketio_codec::{AckId, Arguments, Decoder, EventName, Json, Limits, Namespace, Packet, PacketRef, Text};

use crate::generate;
use crate::inputs::{self, Case, Frame};
use crate::quirks;
use crate::random::Random;
use crate::reference::Reference;
use crate::value::{Value, hex, unhex};

pub(crate) fn vectors(reference: &mut Reference) -> Result<usize, String> {
    compare(reference, "the wire vectors", inputs::vectors()?.into_iter())
}

/// Files that are made for other targets are texts to this one as well.
pub(crate) fn corpora(reference: &mut Reference) -> Result<usize, String> {
    let files = inputs::corpora(&["socketio_decode", "socketio_roundtrip", "engineio_packet", "engineio_payload"])?;
    let cases = files.into_iter().filter_map(|(origin, data)| {
        // A text that is not UTF-8 is refused by the transport.
        let frames = inputs::frames(&data)?;
        Some(Case { origin, frames, is_quirk: None })
    });
    compare(reference, "the corpora, as frames", cases)
}

pub(crate) fn attacks(reference: &mut Reference) -> Result<usize, String> {
    compare(reference, "attacks", generate::attacks(&inputs::vectors()?).into_iter())
}

pub(crate) fn generated(reference: &mut Reference, random: &mut Random, inputs: usize) -> Result<usize, String> {
    let vectors = inputs::vectors()?;
    let cases = (0..inputs).map(|number| Case {
        origin: format!("generated input {number}"),
        frames: generate::frames(random, &vectors),
        is_quirk: None,
    });
    compare(reference, "generated frames", cases)
}

/// Feeds both sides the same frames.
fn compare(reference: &mut Reference, what: &str, cases: impl Iterator<Item = Case>) -> Result<usize, String> {
    #[derive(Deserialize)]
    struct Answer {
        steps: Vec<Step>,
    }

    let mut counts = Counts::default();
    let mut cases = cases.peekable();
    while cases.peek().is_some() {
        let batch: Vec<Case> = cases.by_ref().take(BATCH).collect();
        let readings: Vec<Vec<Reading>> = batch.iter().map(|case| read(&case.frames)).collect();
        let questions: Vec<Tree> = batch
            .iter()
            .zip(&readings)
            .map(|(case, readings)| {
                let frames: Vec<Tree> = case.frames.iter().map(frame_tree).collect();
                let readings: Vec<Tree> = readings.iter().map(Reading::to_tree).collect();
                json!({ "ask": "decode", "frames": frames, "readings": readings })
            })
            .collect();
        let answers: Vec<Answer> = reference.ask(&questions)?;
        for ((case, readings), answer) in batch.iter().zip(&readings).zip(&answers) {
            match judge(case, readings, &answer.steps) {
                Ok(Some(quirk)) => {
                    counts.quirks += 1;
                    reference.saw(quirk);
                }
                Ok(None) => counts.same(readings),
                Err(difference) => {
                    counts.differences += 1;
                    eprintln!("{}: {difference}\n  {}", case.origin, abridged(&format!("{:?}", case.frames)));
                }
            }
        }
    }
    println!("differential: {what}: {counts}");
    Ok(counts.differences)
}

/// Questions on one line.
const BATCH: usize = 500;

#[derive(Default)]
struct Counts {
    packets: usize,
    pending: usize,
    refused: usize,
    quirks: usize,
    differences: usize,
}

impl Counts {
    fn same(&mut self, readings: &[Reading]) {
        match readings.last() {
            Some(Reading::Packet(_)) => self.packets += 1,
            Some(Reading::Error(_)) => self.refused += 1,
            Some(Reading::Pending) | None => self.pending += 1,
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { packets, pending, refused, quirks, differences } = self;
        write!(f, "{packets} the same packet, {pending} unfinished, {refused} refused by both, ")?;
        write!(f, "{quirks} refused by us on purpose, {differences} differ")
    }
}

/// What the reference made of a frame.
#[derive(Deserialize)]
struct Step {
    verdict: String,
    message: Option<String>,
    differs: Option<String>,
}

/// `Ok` if the two agree, or disagree by a quirk.
fn judge(case: &Case, readings: &[Reading], steps: &[Step]) -> Result<Option<&'static str>, String> {
    let mut quirk = None;
    for ((frame, reading), step) in case.frames.iter().zip(readings).zip(steps) {
        match (reading, step.verdict.as_str()) {
            (Reading::Pending, "pending") | (Reading::Error(_), "error") => {}
            (Reading::Packet(_), "packet") => match &step.differs {
                None => {}
                Some(difference) => return Err(difference.clone()),
            },
            (Reading::Error(error), "packet") => match frame {
                Frame::Text(text) if quirks::find(text, error).is_some() => quirk = quirks::find(text, error),
                _ => return Err(format!("we refuse it ({error}), the reference does not")),
            },
            (reading, verdict) => {
                let message = step.message.as_deref().unwrap_or_default();
                return Err(format!("{} to us, {verdict} to the reference {message}", reading.to_tree()));
            }
        }
    }
    if steps.len() != readings.len() {
        return Err("the reference stopped before us".to_owned());
    }
    match case.is_quirk {
        Some(expected) if expected != quirk.is_some() => {
            Err(format!("the row's mark `reference` does not hold: the quirk is {quirk:?}"))
        }
        _ => Ok(quirk),
    }
}

/// What we made of a frame.
enum Reading {
    Pending,
    Error(socketio_codec::DecodeError),
    Packet(Tree),
}

impl Reading {
    fn to_tree(&self) -> Tree {
        match self {
            Self::Pending => json!({ "verdict": "pending" }),
            Self::Error(error) => json!({ "verdict": "error", "error": error.to_string() }),
            Self::Packet(packet) => packet.clone(),
        }
    }
}

/// Up to the first frame that we refuse.
fn read(frames: &[Frame]) -> Vec<Reading> {
    let mut decoder = Decoder::new(Limits::default());
    let mut readings = Vec::new();
    for frame in frames {
        let decoded = match frame {
            Frame::Text(text) => decoder.handle_text(Text::from(text.clone())),
            Frame::Binary(data) => decoder.handle_binary(Bytes::copy_from_slice(data)),
        };
        readings.push(match decoded {
            Ok(None) => Reading::Pending,
            Ok(Some(packet)) => Reading::Packet(describe(&packet)),
            Err(error) => {
                readings.push(Reading::Error(error));
                break;
            }
        });
    }
    readings
}

/// A packet as `difference` in `reference.mjs` reads it.
fn describe(packet: &Packet) -> Tree {
    let (kind, id) = match packet {
        Packet::Connect { .. } => (0, None),
        Packet::Disconnect { .. } => (1, None),
        Packet::Event { id, .. } => (2, *id),
        Packet::EmptyEvent { .. } => (2, None),
        Packet::Ack { id, .. } => (3, *id),
        Packet::ConnectError { .. } => (4, None),
    };
    let written = PacketRef::from(packet);
    let mut tree = json!({
        "verdict": "packet",
        "type": kind,
        "nsp": packet.namespace().as_str(),
        "isBinary": !written.attachments().is_empty(),
        "written": frames_tree(&written),
    });
    if let Some(id) = id {
        tree["id"] = json!(id.get());
    }
    match packet {
        Packet::Connect { auth: Some(json), .. } | Packet::ConnectError { error: Some(json), .. } => {
            tree["json"] = json!(json.as_str());
        }
        Packet::Event { event, .. } => {
            tree["name"] = json!({ "raw": event.raw_name().as_str(), "decoded": event.name() });
            describe_arguments(&mut tree, event.arguments());
        }
        Packet::Ack { arguments, .. } => describe_arguments(&mut tree, arguments),
        _ => {}
    }
    tree
}

fn describe_arguments(tree: &mut Tree, arguments: &Arguments) {
    tree["arguments"] = arguments.iter().collect();
    let text = format!("[{}]", arguments.as_str());
    match (arguments.deserialize_all::<Vec<Value>>(), serde_json::from_str::<Tree>(&text)) {
        (Ok(values), _) => tree["tree"] = values.iter().map(Value::to_tree).collect(),
        // What serde cannot read, such as a lone surrogate.
        (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => tree["tree"] = json!(format!("serde failed: {error}")),
    }
}

/// Packets made of values: what we write they read, and what they write we read.
pub(crate) fn values(reference: &mut Reference, random: &mut Random, inputs: usize) -> Result<usize, String> {
    #[derive(Deserialize)]
    struct Answer {
        differs: Option<String>,
        frames: Vec<Written>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Written {
        Text(String),
        Binary(String),
    }

    let mut differences = 0;
    let mut left = inputs;
    while left > 0 {
        let batch: Vec<Made> = (0..left.min(BATCH)).map(|_| Made::random(random)).collect();
        left -= batch.len();
        let questions = batch.iter().map(Made::question).collect::<Result<Vec<_>, _>>()?;
        let answers: Vec<Answer> = reference.ask(&questions)?;
        for (made, answer) in batch.iter().zip(answers) {
            let written: Option<Vec<Frame>> = (answer.frames.into_iter())
                .map(|frame| match frame {
                    Written::Text(text) => Some(Frame::Text(text)),
                    Written::Binary(hex) => unhex(&hex).map(Frame::Binary),
                })
                .collect();
            let written = written.ok_or("the reference's frames are not hexadecimal")?;
            let differs = answer.differs.map(|read| format!("the reference reads {read}"));
            if let Some(difference) = differs.or_else(|| made.differs_from(&written)) {
                differences += 1;
                eprintln!("generated value: {}\n  {}", abridged(&difference), abridged(&format!("{made:?}")));
            }
        }
    }
    println!("differential: generated values, written by each and read by the other: {inputs}, {differences} differ");
    Ok(differences)
}

/// A packet in values.
#[derive(Debug)]
struct Made {
    kind: u8,
    namespace: &'static str,
    id: Option<u64>,
    name: String,
    values: Vec<Value>,
}

impl Made {
    fn random(random: &mut Random) -> Self {
        let kind = [0, 1, 2, 2, 2, 3, 3, 4][random.below(8)];
        let id = match kind {
            2 => random_id(random),
            3 => random_id(random).or(Some(0)),
            _ => None,
        };
        let mut values: Vec<Value> = (0..random.below(4)).map(|_| Value::random(random, 0)).collect();
        if kind == 0 || kind == 4 {
            // Only arguments may have attachments, and here the payload is one object.
            values = vec![Value::Map(vec![
                ("a".to_owned(), Value::Text("x\"é".to_owned())),
                ("b".to_owned(), Value::Integer(1)),
            ])];
        }
        Self {
            kind,
            namespace: random.pick(&["/", "/admin", "/é☕", "/a?b=c"]),
            id,
            name: random.pick(&["message", "é\"\\\n", "", "error", "__proto__", "1", "\u{2028}"]).to_owned(),
            values,
        }
    }

    /// Asks what the reference reads in our frames, and how it writes the same.
    fn question(&self) -> Result<Tree, String> {
        let namespace = Namespace::try_from(self.namespace).map_err(|error| error.to_string())?;
        let id = self.id.and_then(AckId::new);
        let mut data: Vec<Tree> = self.values.iter().map(Value::to_tree).collect();
        let (arguments, json, name);
        let packet = match self.kind {
            0 | 4 => {
                json = Json::serialize(&self.values[0]).map_err(|error| error.to_string())?;
                if self.kind == 0 {
                    PacketRef::connect(&namespace, Some(&json))
                } else {
                    PacketRef::connect_error(&namespace, Some(&json))
                }
            }
            1 => PacketRef::disconnect(&namespace),
            kind => {
                arguments = Arguments::serialize(&self.values).map_err(|error| error.to_string())?;
                name = EventName::new(&self.name).map_err(|error| error.to_string())?;
                match (kind, id) {
                    (3, Some(id)) => PacketRef::ack(&namespace, id, &arguments),
                    (_, Some(id)) => PacketRef::event(&namespace, &name, &arguments).with_id(id),
                    (_, None) => PacketRef::event(&namespace, &name, &arguments),
                }
            }
        };
        if self.kind == 2 {
            data.insert(0, json!(self.name));
        }
        let mut question = json!({
            "ask": "encode",
            "type": self.kind,
            "nsp": self.namespace,
            "frames": frames_tree(&packet),
            "writes": true,
        });
        match self.kind {
            0 | 4 => question["data"] = data.swap_remove(0),
            1 => {}
            _ => question["data"] = json!(data),
        }
        if let Some(id) = self.id {
            question["id"] = json!(id);
        }
        Ok(question)
    }

    /// How what we read in the reference's frames is another packet.
    fn differs_from(&self, frames: &[Frame]) -> Option<String> {
        let mut decoder = Decoder::new(Limits::default());
        let mut last = None;
        for frame in frames {
            let decoded = match frame {
                Frame::Text(text) => decoder.handle_text(Text::from(text.clone())),
                Frame::Binary(data) => decoder.handle_binary(Bytes::copy_from_slice(data)),
            };
            last = match decoded {
                Ok(packet) => packet,
                // The bounds are ours.
                Err(error) => return Some(format!("we refuse the reference's {frames:?}: {error}")),
            };
        }
        let Some(packet) = last else { return Some(format!("we wait for more than the reference's {frames:?}")) };
        let values = match &packet {
            Packet::Connect { auth: Some(json), .. } | Packet::ConnectError { error: Some(json), .. } => {
                json.deserialize().map(|value| vec![value])
            }
            Packet::Event { event, .. } if event.name() == self.name.as_str() => event.deserialize_all(),
            Packet::Ack { arguments, .. } => arguments.deserialize_all(),
            Packet::Disconnect { .. } => Ok(self.values.clone()),
            other => return Some(format!("we read {other:?}")),
        };
        let (kind, id) = match &packet {
            Packet::Connect { .. } => (0, None),
            Packet::Disconnect { .. } => (1, None),
            Packet::Event { id, .. } => (2, *id),
            Packet::Ack { id, .. } => (3, *id),
            _ => (4, None),
        };
        let is_same = kind == self.kind
            && id.map(AckId::get) == self.id
            && *packet.namespace() == *self.namespace
            && values
                .as_ref()
                .is_ok_and(|values| Value::List(values.clone()).is_nearly(&Value::List(self.values.clone())));
        (!is_same).then(|| format!("we read {packet:?}, {values:?} in the reference's {frames:?}"))
    }
}

fn random_id(random: &mut Random) -> Option<u64> {
    match random.below(4) {
        0 => None,
        1 => Some(AckId::MAX.get()),
        _ => Some(random.below(1000) as u64),
    }
}

fn frames_tree(packet: &PacketRef<'_>) -> Vec<Tree> {
    let text = packet.to_text();
    let mut frames = vec![json!({ "text": text.as_str() })];
    frames.extend(packet.attachments().iter().map(|data| json!({ "binary": hex(data) })));
    frames
}

fn frame_tree(frame: &Frame) -> Tree {
    match frame {
        Frame::Text(text) => json!({ "text": text }),
        Frame::Binary(data) => json!({ "binary": hex(data) }),
    }
}

/// As much as one wants to see of it.
fn abridged(text: &str) -> String {
    let head: String = text.chars().take(500).collect();
    if head.len() < text.len() { format!("{head}… ({} bytes)", text.len()) } else { head }
}
