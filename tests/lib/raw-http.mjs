// HTTP/1.1 by hand over one TCP connection: every byte is ours, and so is the moment it is sent.
import { connect as tcp } from 'node:net';
import { PATIENCE, event, within } from './within.mjs';

/** Opens a TCP connection to a relay. */
export async function open(port) {
  const socket = tcp({ port, host: '127.0.0.1', noDelay: true });
  const refused = new Promise((_, reject) => socket.once('error', reject));
  await Promise.race([event(socket, 'connect'), refused]);
  refused.catch(() => {}); // what happens from now on is the connection's own affair
  return new Connection(socket);
}

/** One request on a connection of its own: { status, headers, body, connectionCloses }. */
export async function request(port, target, options = {}) {
  const connection = await open(port);
  try {
    connection.write(requestBytes(target, options));
    return await connection.response({ method: options.method });
  } finally {
    connection.destroy();
  }
}

/** The bytes of a request. `headers` override the usual ones; a body gets its length unless `headers` say otherwise. */
export function requestBytes(target, { method = 'GET', headers = {}, body } = {}) {
  const all = { host: 'localhost', ...lowerCase(headers) };
  if (body !== undefined && all['content-length'] === undefined && all['transfer-encoding'] === undefined) {
    all['content-length'] = Buffer.byteLength(body);
    all['content-type'] ??= 'text/plain;charset=UTF-8';
  }
  const head = Object.entries(all).flatMap(([name, value]) => [value].flat().map((v) => `${name}: ${v}\r\n`));
  return Buffer.concat([
    Buffer.from(`${method} ${target} HTTP/1.1\r\n${head.join('')}\r\n`, 'latin1'),
    Buffer.from(body ?? ''),
  ]);
}

export class Connection {
  constructor(socket) {
    this.socket = socket;
    this.received = Buffer.alloc(0);
    this.ended = false;
    this.wake = () => {};
    socket.on('data', (bytes) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.wake();
    });
    const over = () => {
      this.ended = true;
      this.wake();
    };
    socket.on('end', over).on('close', over).on('error', over);
  }

  write(bytes) {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** Waits for the next answer on this connection. */
  async response({ method = 'GET', ms = PATIENCE } = {}) {
    return await within(ms, 'HTTP answer', this.#response(method));
  }

  async #response(method) {
    const end = await this.#find('\r\n\r\n');
    const [first, ...lines] = this.#take(end + 4).toString('latin1').trimEnd().split('\r\n');
    const status = Number(first.split(' ')[1]);
    const headers = {};
    for (const line of lines) {
      const [, name, value] = /^([^:]+):\s*(.*)$/.exec(line);
      const key = name.toLowerCase();
      headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
    }
    const bodiless = method === 'HEAD' || status === 204 || status === 304 || status === 101;
    const body = bodiless ? Buffer.alloc(0) : await this.#body(headers);
    return { status, headers, body, connectionCloses: headers.connection?.toLowerCase() === 'close' };
  }

  async #body(headers) {
    if (headers['transfer-encoding']?.toLowerCase() === 'chunked') {
      const parts = [];
      for (;;) {
        const end = await this.#find('\r\n');
        const size = parseInt(this.#take(end + 2).toString('latin1'), 16);
        const chunk = await this.#bytes(size + 2);
        if (size === 0) return Buffer.concat(parts);
        parts.push(chunk.subarray(0, size));
      }
    }
    if (headers['content-length'] !== undefined) return await this.#bytes(Number(headers['content-length']));
    while (!this.ended) await this.#more();
    return this.#take(this.received.length);
  }

  /** Settles when the other side has ended the connection. */
  async closed(ms = PATIENCE) {
    await within(ms, 'end of the connection', (async () => {
      while (!this.ended) await this.#more();
    })());
  }

  destroy() {
    this.socket.destroy();
  }

  /** Ends with a RST, as a crashed machine or an impatient NAT does. */
  reset() {
    this.socket.resetAndDestroy();
  }

  /** Gives the TCP connection and what was read ahead to someone else. */
  detach() {
    this.socket.removeAllListeners();
    return { socket: this.socket, head: this.received };
  }

  async #find(text) {
    for (;;) {
      const at = this.received.indexOf(text);
      if (at >= 0) return at;
      if (this.ended) throw new Error(`the connection ended without an answer`);
      await this.#more();
    }
  }

  async #bytes(count) {
    while (this.received.length < count) {
      if (this.ended) throw new Error('the connection ended within an answer');
      await this.#more();
    }
    return this.#take(count);
  }

  #take(count) {
    const bytes = this.received.subarray(0, count);
    this.received = this.received.subarray(count);
    return bytes;
  }

  #more() {
    return new Promise((resolve) => (this.wake = resolve));
  }
}

const lowerCase = (headers) => Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v]));
