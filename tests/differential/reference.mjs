// The reference's side of the differential test: one line of JSON in, an array of questions; one line out, an array
// with an answer for each. See src/reference.rs, which starts this.
//
// It compares here and not there because only JavaScript has JavaScript's values: lone surrogates, 1e999, the last of
// equal keys.
import { createInterface } from "node:readline";
import { isDeepStrictEqual } from "node:util";
import { Decoder, Encoder } from "socket.io-parser";
import { decodePacket, decodePayload, encodePayload } from "engine.io-parser";
import { createAdapter } from "@socket.io/redis-adapter";
import notepack from "notepack.io";

const bytes = (hex) => Buffer.from(hex, "hex");

// A value as src/value.rs writes it.
function revive(tree) {
  if (tree === null || typeof tree !== "object") return tree;
  if (Array.isArray(tree)) return tree.map(revive);
  if ("bytes" in tree) return bytes(tree.bytes);
  // `fromEntries` makes an own property of `__proto__` too.
  return Object.fromEntries(tree.entries.map(([key, value]) => [key, revive(value)]));
}

// Equal but for the last bits of a number, which serde_json reads exactly only with its feature `float_roundtrip`.
function isNearlyEqual(left, right) {
  if (typeof left === "number" && typeof right === "number") {
    return Object.is(left, right) || Math.abs(left - right) <= Math.abs(left) * 4 * Number.EPSILON;
  }
  if (left === null || right === null || typeof left !== "object" || typeof right !== "object") return left === right;
  if (Buffer.isBuffer(left) || Buffer.isBuffer(right)) return isDeepStrictEqual(left, right);
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const keys = Object.keys(left);
  const own = (key) => Object.prototype.hasOwnProperty.call(right, key);
  return keys.length === Object.keys(right).length && keys.every((key) => own(key) && isNearlyEqual(left[key], right[key]));
}

function add(decoder, frame) {
  let decoded;
  decoder.once("decoded", (packet) => (decoded = packet));
  try {
    decoder.add("text" in frame ? frame.text : bytes(frame.binary));
    return decoded === undefined ? { verdict: "pending" } : { verdict: "packet", packet: decoded };
  } catch (error) {
    return { verdict: "error", message: error.message };
  } finally {
    decoder.removeAllListeners("decoded");
  }
}

function decodeAll(frames) {
  const decoder = new Decoder();
  let last;
  for (const frame of frames) {
    last = add(decoder, frame);
    if (last.verdict === "error") break;
  }
  return last;
}

// What a packet means to who receives it: an id of a CONNECT has no meaning, an event without a payload none at all.
function meaning({ type, nsp, id, data }) {
  const isEventOrAck = type === 2 || type === 3;
  return {
    type,
    nsp,
    id: isEventOrAck && !(type === 2 && data === undefined) ? id : undefined,
    data: type === 3 && data === undefined ? [] : data,
  };
}

// In words how our packet is another than theirs; undefined if it is the same.
function difference(ours, theirs) {
  const packet = meaning(theirs);
  for (const member of ["type", "nsp", "id"]) {
    if (ours[member] !== packet[member]) return `${member}: ${ours[member]} for ${packet[member]}`;
  }
  const list = packet.type === 2 && packet.data ? packet.data.slice(1) : packet.data;
  if (ours.name !== undefined) {
    const name = packet.data[0];
    if (JSON.parse(ours.name.raw) !== name) return `name: ${ours.name.raw} for ${name}`;
    if (typeof name === "string" && ours.name.decoded !== name.toWellFormed()) return `name: ${ours.name.decoded}`;
  }
  if (ours.json !== undefined && !isDeepStrictEqual(JSON.parse(ours.json), packet.data)) return `payload: ${ours.json}`;
  if (ours.json === undefined && ours.arguments === undefined && packet.data !== undefined) return "no payload";
  if (ours.arguments !== undefined) {
    if (ours.arguments.length !== list.length) return `${ours.arguments.length} arguments for ${list.length}`;
    if (!ours.isBinary && !isDeepStrictEqual(ours.arguments.map((text) => JSON.parse(text)), list)) return "arguments";
  }
  // serde cannot read everything that JavaScript can: then there is no tree.
  if (ours.tree !== undefined && !isNearlyEqual(revive(ours.tree), list)) return "arguments read by serde";
  const again = decodeAll(ours.written);
  if (again.verdict !== "packet" || !isDeepStrictEqual(meaning(again.packet), packet)) {
    return `written again it is ${JSON.stringify(again)}`;
  }
}

// A Node server's namespace `/` behind its classic Redis adapter, whose clients are only what they were sent. Redis is nowhere:
// messages are handed to the adapter as its subscriber would.
class Fleet {
  constructor(parser) {
    this.sent = new Map();
    const client = { on() {}, listenerCount: () => 1, psubscribe() {}, subscribe() {}, publish() {} };
    const nsp = { name: "/", server: { encoder: new Encoder(), opts: {} }, sockets: new Map() };
    this.adapter = createAdapter(client, client, parser && { parser })(nsp);
    for (const [id, rooms] of Object.entries(MEMBERS)) {
      const writeToEngine = (packets) => this.sent.get(id).push(...packets);
      nsp.sockets.set(id, { id, client: { writeToEngine }, notifyOutgoingListeners() {} });
      this.adapter.addAll(id, new Set([id, ...rooms]));
    }
  }

  // What each client was sent.
  hear(channel, message) {
    for (const id of Object.keys(MEMBERS)) this.sent.set(id, []);
    this.adapter.onmessage(null, channel, message);
    return [...this.sent].filter(([, frames]) => frames.length > 0);
  }
}

// A number is another room to Node than its digits, to us it is not.
const MEMBERS = { one: ["a", "7", 7], two: ["a", "b"], three: [] };
const JSON_PARSER = { decode: (message) => JSON.parse(message.toString()), encode: JSON.stringify };
const fleets = [new Fleet(), new Fleet(JSON_PARSER)];

const reached = (rooms, except) =>
  Object.entries(MEMBERS)
    .map(([id, joined]) => [id, [id, ...joined.map(String)]])
    .filter(([, mine]) => rooms.length === 0 || rooms.some((room) => mine.includes(room)))
    .filter(([, mine]) => !except.some((room) => mine.includes(room)))
    .map(([id]) => id);

const frame = (data) => (typeof data === "string" ? { text: data } : { binary: Buffer.from(data).toString("hex") });

const answers = {
  // A message of a classic fleet's events: what a Node server's clients receive, beside what ours would. `value`: what the
  // event was made of, where we have written it.
  cluster({ channel, body, ours, value }) {
    const message = bytes(body);
    const isJson = message[0] === 0x5b || message[0] === 0x7b;
    let sent;
    try {
      sent = fleets[isJson ? 1 : 0].hear(channel, message);
    } catch (error) {
      return { verdict: "error", message: error.message };
    }
    const clients = sent.map(([id]) => id);
    const read = sent.map(([, frames]) => decodeAll(frames.map(frame)));
    const isWell = read.every(({ verdict, packet }) => verdict === "packet" && packet.type === 2);
    const verdict = sent.length === 0 ? "nobody" : isWell ? "packet" : "ruin";
    if (ours === null) return { verdict };
    const expected = reached(ours.rooms, ours.except);
    // Text where a list is due counts letter by letter to Node, and as one room to us.
    const { rooms, except } = (isJson ? JSON_PARSER : notepack).decode(message)[2];
    if ([rooms, except].some((names) => typeof names === "string" && names.length > 1)) return { verdict };
    if (!isDeepStrictEqual(clients, expected)) return { verdict, differs: `${clients} for ${expected}` };
    if (sent.length === 0) return { verdict };
    const { packet } = decodeAll(ours.frames);
    // To Node the bytes in its own JSON are objects. To us they are bytes.
    const data = isJson ? JSON.parse(JSON.stringify(packet.data)) : packet.data;
    const other = read.find((theirs) => !isDeepStrictEqual(theirs.packet?.data, data));
    if (other) return { verdict, differs: `${JSON.stringify(packet)} for ${JSON.stringify(other)}` };
    if (value === undefined) return { verdict };
    const made = isJson ? JSON.parse(JSON.stringify(revive(value))) : revive(value);
    const isSame = isNearlyEqual(made, read[0].packet.data.slice(1));
    return { verdict, differs: isSame ? undefined : `written as ${JSON.stringify(read[0])}` };
  },

  // Frames and what each was to us, up to the first that we refuse.
  decode({ frames, readings }) {
    const decoder = new Decoder();
    const steps = [];
    for (const [at, reading] of readings.entries()) {
      let step = add(decoder, frames[at]);
      if (reading.verdict === "error") {
        // The reference looks at placeholders only when it has all attachments.
        while (step.verdict === "pending") step = add(decoder, { binary: "00" });
      }
      const differs =
        step.verdict === "packet" && reading.verdict === "packet" ? difference(reading, step.packet) : undefined;
      steps.push({ verdict: step.verdict, message: step.message, differs });
      if (step.verdict === "error") break;
    }
    return { steps };
  },

  // A packet made of values: what the reference reads in our frames, and the frames that it writes itself.
  encode({ type, nsp, id, data, frames, writes }) {
    const value = revive(data);
    const read = decodeAll(frames);
    const expected = { type, nsp, id, data: value };
    const isSame = read.verdict === "packet" && isDeepStrictEqual(meaning(read.packet), meaning(expected));
    const written = writes ? new Encoder().encode({ type, nsp, id, data: value }) : [];
    return {
      differs: isSame ? undefined : JSON.stringify(read),
      frames: written.map((frame) => (typeof frame === "string" ? { text: frame } : { binary: frame.toString("hex") })),
    };
  },

  engine({ text, isPayload }) {
    const packets = isPayload ? decodePayload(text, "nodebuffer") : [decodePacket(text, "nodebuffer")];
    return packets.map(({ type, data }) =>
      Buffer.isBuffer(data) ? { type, binary: data.toString("hex") } : { type, data: type === "error" ? "" : data ?? "" },
    );
  },

  engineEncode({ packets }) {
    let payload;
    const made = packets.map(({ type, data, binary }) => ({ type, data: binary === undefined ? data : bytes(binary) }));
    encodePayload(made, (encoded) => (payload = encoded));
    return payload;
  },
};

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const questions = JSON.parse(line);
  process.stdout.write(JSON.stringify(questions.map((question) => answers[question.ask](question))) + "\n");
}
