// One row's talk with one relay: does what the row says, and writes down what came back, so that two
// transcripts can be compared line by line. What must differ (ids, dates) is masked, and only if it is well formed.
import { createHash } from 'node:crypto';
import { gunzipSync, inflateSync } from 'node:zlib';
import { open, request, requestBytes } from '../lib/raw-http.mjs';
import { described, frame, upgrade } from '../lib/raw-ws.mjs';
import { stillWaits, until, within } from '../lib/within.mjs';

const base = '/socket.io/';

/** The headers that clients, browsers and caches act on. */
const relevant = [
  'content-type', 'content-encoding', 'cache-control', 'vary', 'etag', 'set-cookie', 'allow', 'location',
  'access-control-allow-origin', 'access-control-allow-credentials', 'access-control-allow-methods',
  'access-control-allow-headers', 'access-control-max-age', 'sec-websocket-protocol', 'sec-websocket-extensions',
];

export class Conversation {
  transcript = [];
  #open = [];

  constructor(relay) {
    this.relay = relay;
    this.port = relay.port;
  }

  note(line) {
    this.transcript.push(line);
  }

  /** One request on its own connection; the target is appended to the path unless it starts with "/". */
  async http(target, options) {
    const answer = await this.#request(target, options);
    this.note(`${options?.method ?? 'GET'} ${this.#masked(target)} → ${this.#described(answer)}`);
    return answer;
  }

  /** One request that is not written down. */
  async request(target, options) {
    return await this.#request(target, options);
  }

  /** A request that is not waited for: `await poll.answered()` later, or see that it `stillWaits()`. */
  async later(name, target, options) {
    const connection = await open(this.port);
    this.#open.push(connection);
    connection.write(requestBytes(this.#path(target), options));
    const pending = connection.response({ method: options?.method, ms: 10_000 });
    pending.catch(() => {});
    return {
      connection,
      answered: async () => {
        const outcome = await pending.then((answer) => this.#described(answer), (error) => error.message);
        this.note(`${name} → ${outcome}`);
      },
      stillWaits: async () => this.note(`${name} ${(await stillWaits(pending)) ? 'waits' : 'has been answered'}`),
    };
  }

  /** Sends raw bytes on a new connection and writes down the answer and whether the connection ends, within so many ms. */
  async bytes(name, bytes, { thenCloses } = {}) {
    const connection = await open(this.port);
    this.#open.push(connection);
    connection.write(bytes);
    const outcome = await connection.response().then((answer) => this.#described(answer), (error) => error.message);
    this.note(`${name} → ${outcome}`);
    if (thenCloses) {
      const ends = await connection.closed(thenCloses).then(() => true, () => false);
      this.note(`${name}: the connection ${ends ? 'ends' : 'stays'}`);
    }
  }

  /** A polling session; `.get()`, `.post()` and `.later()` write down what they see. */
  async session({ connect, headers } = {}) {
    const answer = await this.#request('?EIO=4&transport=polling', { headers });
    const { sid } = JSON.parse(answer.body.toString().slice(1));
    const query = `?EIO=4&transport=polling&sid=${sid}`;
    const session = {
      sid,
      query,
      wsQuery: `?EIO=4&transport=websocket&sid=${sid}`,
      get: (extra = '', options) => this.http(query + extra, options),
      post: (body, options) => this.http(query, { method: 'POST', body, ...options }),
      waitingPoll: (name = 'poll', extra = '') => this.later(name, query + extra),
      /** Whether the session ends within a second. The question is refused whether or not the session is known. */
      endsSoon: async () => {
        const ask = async () => (await this.#request(query.replace('EIO=4', 'EIO=3'))).body.includes('"code":1');
        const gone = await until('the end of the session', ask, { ms: 1000, every: 5 }).then(() => true, () => false);
        this.note(`the session ${gone ? 'is gone' : 'stays'}`);
      },
      /** Whether the session lives, is gone, or waits for a poll to tell that it closes. */
      lives: async () => {
        const { status, body } = await this.#request(query, { method: 'POST', body: '40/fence,' });
        if (status !== 200) return this.note(`the session is gone (${body})`);
        const poll = await this.#request(query);
        const alive = poll.body.includes('44/fence,');
        this.note(`the session ${alive ? 'lives' : `closes (${this.#masked(poll.body.toString())})`}`);
      },
    };
    if (connect !== undefined) {
      await this.#request(query, { method: 'POST', body: connect });
      const joined = await this.#request(query);
      this.note(`joined → ${this.#masked(joined.body.toString())}`);
    }
    return session;
  }

  /** An upgrade to WebSocket; undefined when refused (which is written down). */
  async ws(target = '?EIO=4&transport=websocket', options) {
    const { answer, ws, closes } = await upgrade(this.port, this.#path(target), options);
    this.note(`WS ${this.#masked(target)} → ${this.#described(answer)}`);
    if (!ws) {
      this.note(`the refused connection ${(await closes) ? 'ends' : 'stays'}`);
      return undefined;
    }
    this.#open.push(ws);
    const recorded = {
      raw: ws,
      send: (...payloads) => payloads.forEach((payload) => ws.send(payload)),
      frame: (...args) => ws.write(frame(...args)),
      write: (bytes) => ws.write(bytes),
      /** Writes down the next frames. */
      expect: async (count = 1, ms) => {
        for (let i = 0; i < count; i++) {
          this.note(`← ${this.#masked(await ws.text(ms).catch((error) => error.message))}`);
        }
      },
      isQuiet: async (ms) => {
        this.note((await ws.quiet(ms)) ? '← nothing' : '← something');
      },
      /** Waits for the end and writes it down, with what came before it. */
      end: async (ms) => {
        for (;;) {
          const got = await ws.next(ms).catch((error) => ({ late: error.message }));
          this.note(`← ${got.late ?? this.#masked(described(got))}`);
          if (got.closed || got.late) return;
        }
      },
    };
    return recorded;
  }

  /** A WebSocket client that has its engine's open packet, and a namespace when `connect` says so. */
  async client({ connect } = {}) {
    const ws = await this.ws();
    await ws.raw.next();
    if (connect !== undefined) {
      ws.send(connect);
      await ws.expect();
    }
    return ws;
  }

  /**
   * Sends packets (text, or Buffers as attachments) and writes down everything they bring about. A CONNECT's
   * answer is waited for, as every client does. Whether the connection lives is told by a CONNECT to a namespace
   * that does not exist, which is always answered. Acks are written down last: the relay counts recipients on
   * every lane before it answers, so where an ack stands among the events is not always the same.
   */
  async packets(...packets) {
    const ws = await this.client();
    const joined = new Set(); // '' for the main namespace, '/photos,' for another
    for (const packet of packets) {
      ws.send(packet);
      if (typeof packet === 'string' && packet.startsWith('40')) {
        const got = described(await ws.raw.next());
        this.note(`← ${this.#masked(got)}`);
        if (got.startsWith('closed')) return;
        const namespace = /^40(\/[^,]*,|)\{/.exec(got)?.[1];
        if (namespace !== undefined) joined.add(namespace);
      } else if (typeof packet === 'string' && packet.startsWith('41')) {
        const [, name] = /^41(\/[^,]*)?/.exec(packet);
        joined.delete(name ? `${name},` : '');
        // The reference acts on a DISCONNECT a moment later than it reads on.
        if (!(await this.#answers(ws, '40/fence,', '44/fence,'))) return;
      }
    }
    // What is relayed comes a little after what is answered directly: an event of our own follows the same way, in each
    // namespace, since a connection's sockets have an order each and none between them.
    const acks = [];
    const events = [...joined].map((namespace) => [`42${namespace}999["fence"]`, `43${namespace}999[`]);
    const fences = [['40/fence,', '44/fence,'], ...(events.length > 0 ? events : [['40/fence,', '44/fence,']])];
    for (const [fence, answer] of fences) {
      if (!(await this.#answers(ws, fence, answer, acks))) return;
    }
    this.transcript.push(...acks);
    this.note('the connection lives');
  }

  /** Sends what is certainly answered and writes down what comes before the answer; false when the end comes. */
  async #answers(ws, fence, answer, acks = []) {
    ws.send(fence);
    for (;;) {
      const got = described(await ws.raw.next());
      if (got.startsWith(answer)) return true;
      if (/^42(\/[^,]*,|)\["fence"\]$/.test(got)) continue;
      (got.startsWith('43') ? acks : this.transcript).push(`← ${this.#masked(got)}`);
      if (got.startsWith('closed')) return false;
    }
  }

  /** Something measured in time, as a word: exact times never agree. */
  async timed(what, promise, { from, to }) {
    const start = performance.now();
    await within(to * 3 + 1000, what, promise);
    const ms = performance.now() - start;
    this.note(`${what}: ${ms < from ? `too early (${ms | 0} ms)` : ms > to ? `late (${ms | 0} ms)` : 'on time'}`);
  }

  end() {
    for (const one of this.#open) one.destroy();
  }

  #path(target) {
    return target.startsWith('/') || target === '*' ? target : base + target;
  }

  async #request(target, options) {
    return await request(this.port, this.#path(target), options);
  }

  #described({ status, headers, body }) {
    if (status === 404) return '404'; // not Socket.IO's: on Node, what it looks like is the application's affair
    const shown = relevant
      .filter((name) => headers[name] !== undefined)
      .map((name) => `${name}: ${name === 'etag' ? '<etag>' : this.#header(name, headers[name])}`);
    return [status, ...shown, this.#body(headers, body)].join(' | ');
  }

  #header(name, value) {
    // Case and spaces mean nothing in these.
    const same = ['content-type', 'vary', 'access-control-allow-methods', 'access-control-allow-headers'];
    return same.includes(name) ? value.toLowerCase().replace(/([,;])\s*/g, '$1') : this.#masked(value);
  }

  #body(headers, body) {
    const encoding = headers['content-encoding'];
    const plain = encoding === 'gzip' ? gunzipSync(body) : encoding === 'deflate' ? inflateSync(body) : body;
    if (plain.length > 2000) return `${plain.length} bytes, sha1 ${createHash('sha1').update(plain).digest('hex')}`;
    return this.#masked(plain.toString());
  }

  #masked(text) {
    return text
      .replace(/(\\?"sid\\?":\\?")[A-Za-z0-9_-]{20}(\\?")/g, '$1<id>$2')
      .replace(/([?&]sid=)[A-Za-z0-9_-]{20}(?=&|$)/g, '$1<sid>')
      .replaceAll('\x1e', '␞');
  }
}
