// WebSocket by hand: every frame is ours, also those no library would send or accept.
import { randomBytes } from 'node:crypto';
import { open as openHttp, requestBytes } from './raw-http.mjs';
import { PATIENCE, stillWaits, within } from './within.mjs';

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

export const upgradeHeaders = () => ({
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': randomBytes(16).toString('base64'),
});

/** Asks for an upgrade; gives { answer } when refused, { answer, ws } when not. `glued` follows the request at once. */
export async function upgrade(port, target, { headers = {}, glued } = {}) {
  const connection = await openHttp(port);
  const bytes = requestBytes(target, { headers: { ...upgradeHeaders(), ...headers } });
  connection.write(glued ? Buffer.concat([bytes, glued]) : bytes);
  let answer;
  try {
    answer = await connection.response();
  } catch (error) {
    connection.destroy();
    throw error;
  }
  if (answer.status !== 101) {
    const closes = connection.closed(1000).then(() => true, () => false);
    closes.finally(() => connection.destroy());
    return { answer, closes };
  }
  const { socket, head } = connection.detach();
  return { answer, ws: new RawWebSocket(socket, head) };
}

/** A WebSocket, or an error that says how it was refused. */
export async function openWebSocket(port, target, options) {
  const { answer, ws } = await upgrade(port, target, options);
  if (!ws) throw new Error(`no upgrade but ${answer.status} ${answer.body}`);
  return ws;
}

/** One frame. `length` lies about the length; `mask: false` is what a client must not do. */
export function frame(payload = '', { op, fin = true, rsv = 0, mask = true, length } = {}) {
  const data = Buffer.from(payload);
  const said = length ?? data.length;
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | (op ?? (typeof payload === 'string' ? opcode.text : opcode.binary))];
  const masked = mask ? 0x80 : 0;
  if (said < 126) head.push(masked | said);
  else if (said < 65536) head.push(masked | 126, said >> 8, said & 0xff);
  else {
    const wide = Buffer.alloc(8);
    wide.writeBigUInt64BE(BigInt(said));
    head.push(masked | 127, ...wide);
  }
  if (!mask) return Buffer.concat([Buffer.from(head), data]);
  // A mask of zeros is a valid mask, and leaves the payload readable in a capture.
  return Buffer.concat([Buffer.from(head), Buffer.alloc(4), data]);
}

export class RawWebSocket {
  /** Frames not taken yet: { op, fin, payload }. */
  frames = [];
  /** Set when the TCP connection has ended; `code` is of the close frame, if one came. */
  closed = undefined;
  closeCode = undefined;
  answersCloses = true;

  constructor(socket, head = Buffer.alloc(0)) {
    this.socket = socket;
    this.buffer = head;
    this.wake = () => {};
    const over = () => {
      this.closed ??= { closed: true, code: this.closeCode };
      this.wake();
    };
    socket.on('data', (bytes) => this.#read(bytes)).on('end', over).on('close', over).on('error', over);
    this.#read(Buffer.alloc(0));
  }

  /** A text or binary message as one frame. */
  send(payload) {
    this.write(frame(payload));
  }

  write(bytes) {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** Writes and waits until the kernel has taken it (or the connection is over). */
  async flush(bytes) {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    await new Promise((resolve) => {
      this.socket.once('close', resolve);
      this.socket.write(bytes, () => {
        this.socket.off('close', resolve);
        resolve();
      });
    });
  }

  /** The next frame, or { closed, code } when there will be none. */
  async next(ms = PATIENCE) {
    return await within(ms, 'WebSocket frame', (async () => {
      while (this.frames.length === 0 && !this.closed) await new Promise((resolve) => (this.wake = resolve));
      return this.frames.shift() ?? this.closed;
    })());
  }

  /** Whether nothing comes for `ms`, taking nothing away. */
  async quiet(ms = 150) {
    await stillWaits(new Promise((resolve) => (this.wake = resolve)), ms);
    return this.frames.length === 0 && !this.closed;
  }

  /** The next message as text ('binary …' for a binary one, 'closed …' for the end). */
  async text(ms) {
    return described(await this.next(ms));
  }

  /** Waits for a text message that `matches`; fails when the connection ends before. */
  async until(matches, ms = PATIENCE) {
    return await within(ms, `message like ${matches}`, (async () => {
      for (;;) {
        const got = await this.next(ms);
        if (got.closed) throw new Error(`closed (${got.code ?? 'no code'}) while waiting for ${matches}`);
        if (got.op === opcode.text && matches.test(got.payload)) return got.payload.toString();
      }
    })());
  }

  /** Waits for the end, dropping what comes before it: { closed, code }. */
  async end(ms = PATIENCE) {
    return await within(ms, 'end of the WebSocket', (async () => {
      for (;;) {
        const got = await this.next(ms);
        if (got.closed) return got;
      }
    })());
  }

  /** Stops reading: what the peer writes then stays in the kernel's buffers, until they are full. */
  stall() {
    this.socket.pause();
  }

  destroy() {
    this.socket.destroy();
  }

  reset() {
    this.socket.resetAndDestroy();
  }

  #read(bytes) {
    this.buffer = this.buffer.length > 0 ? Buffer.concat([this.buffer, bytes]) : bytes;
    for (let one; (one = this.#frame()); ) {
      if (one.op === opcode.close) {
        this.closeCode = one.payload.length >= 2 ? one.payload.readUInt16BE() : undefined;
        if (this.answersCloses) {
          this.write(frame(one.payload, { op: opcode.close }));
          this.socket.end();
        }
      } else if (one.op === opcode.ping) {
        this.write(frame(one.payload, { op: opcode.pong }));
      } else {
        this.frames.push(one);
      }
    }
    this.wake();
  }

  #frame() {
    const { buffer } = this;
    if (buffer.length < 2) return undefined;
    let length = buffer[1] & 0x7f;
    let at = 2;
    if (length === 126) {
      if (buffer.length < 4) return undefined;
      length = buffer.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      if (buffer.length < 10) return undefined;
      length = Number(buffer.readBigUInt64BE(2));
      at = 10;
    }
    if (buffer.length < at + length) return undefined;
    this.buffer = buffer.subarray(at + length);
    return { op: buffer[0] & 0x0f, fin: (buffer[0] & 0x80) !== 0, payload: buffer.subarray(at, at + length) };
  }
}

/** A frame or an end as one line. */
export function described(got) {
  if (got.closed) return got.code === undefined ? 'closed' : `closed ${got.code}`;
  if (got.op === opcode.text) return got.payload.toString();
  const name = Object.keys(opcode).find((key) => opcode[key] === got.op);
  return `${name} ${got.payload.toString('base64')}`;
}
