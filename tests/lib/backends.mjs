// What a relay asks: a server of keys and an application's webhook, which also hang, die, answer garbage and come back.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { freePort } from './ports.mjs';
import { event } from './within.mjs';

/** Serves `answer(body, request)` → [status, content, headers] in its own way, or in one of `ways` as `mode` says. */
class Backend {
  mode = 'well';
  requests = 0;

  constructor(answer) {
    this.answer = answer;
    this.server = createServer((request, response) => {
      const parts = [];
      request.on('data', (part) => parts.push(part)).on('end', async () => {
        this.requests += 1;
        const way = ways[this.mode] ?? this.answer;
        const [status, content, headers] = await way(Buffer.concat(parts).toString(), request, this);
        if (status) response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(content);
      }).on('error', () => {});
    });
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  async rise() {
    this.port ??= await freePort();
    this.server.listen(this.port, '127.0.0.1');
    await event(this.server, 'listening');
  }

  async die() {
    if (!this.server.listening) return;
    this.server.close();
    this.server.closeAllConnections();
    await event(this.server, 'close');
  }

  /** In a mode of `ways`, or gone. */
  async become(mode) {
    this.mode = mode;
    if (mode === 'dead') await this.die();
    else if (!this.server.listening) await this.rise();
  }
}

/** The ways of not answering as one should. */
const ways = {
  hanging: () => [],
  garbage: () => [200, '<html>It works!</html>'],
  empty: () => [200, ''],
  oversized: () => [200, `{"keys":[],"allow":true,"more":"${'x'.repeat(400_000)}"}`],
  failing: () => [500, '{"allow":false}'],
  'not found': () => [404, '{"allow":false}'],
  'slow to end': (_, request) => {
    request.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{');
    return [];
  },
  elsewhere: (_, __, { port }) => [302, '', { location: `http://localhost:${port}/` }],
};
export const allWays = [...Object.keys(ways), 'dead'];

async function started(t, backend) {
  await backend.rise();
  t.after(() => backend.die());
  return backend;
}

/** Serves the public keys in `.keys`, which a test may exchange; counts in `.requests`. */
export async function jwksServer(t, keys) {
  const server = new Backend(() => [200, JSON.stringify({ keys: server.keys })]);
  server.keys = keys;
  return await started(t, server);
}

/**
 * Asks `decide(question)` for the answer, without its id. What is not signed as it should be is in `.faults`.
 * Answers with the id of another question in mode `mistaken`.
 */
export async function webhookServer(t, secret, decide) {
  const server = new Backend(async (body, { headers, method }) => {
    const fault = method === 'POST' ? signatureFault(secret, headers['fanfare-signature'], body) : `a ${method}`;
    if (fault) server.faults.push(fault);
    const question = JSON.parse(body);
    server.asked.push(question);
    const id = server.mode === 'mistaken' ? `${question.id}0` : question.id;
    return [200, JSON.stringify({ id, ...(await decide(question)) })];
  });
  server.faults = [];
  server.asked = [];
  return await started(t, server);
}

function signatureFault(secret, header, body) {
  const [, time, given] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? [];
  if (!given) return `signed "${header}"`;
  if (Math.abs(Number(time) - Date.now() / 1000) > 30) return `signed at ${time}`;
  const expected = createHmac('sha256', secret).update(`${time}.${body}`).digest();
  return timingSafeEqual(expected, Buffer.from(given, 'hex')) ? undefined : 'signed with another secret';
}
