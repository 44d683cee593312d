// What holds behind every proxy. A proxy's own file says which, and adds what only it does.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { many } from '../lib/bystander.mjs';
import { clientsOf, received, upgraded, variants } from '../lib/clients.mjs';
import { http1, http2Of, pollingOver, proxies, startProxy } from '../lib/proxies.mjs';
import { RawWebSocket, frame } from '../lib/raw-ws.mjs';
import { HUB, sharedRelay } from '../lib/relay.mjs';
import { event, stillWaits, until } from '../lib/within.mjs';

const hooks = { before, after };
const page = 'https://shop.example';
const trustedProxies = ['127.0.0.1'];
/** By its ping interval everybody sees which relay a session is on. */
const intervals = [25_000, 24_000];

/** The round of an event with an attachment, and its acknowledgement. */
export async function talks(client) {
  const echo = received(client, 'update');
  const ack = await client.timeout(5000).emitWithAck('update', { n: 1, bytes: Buffer.from([1, 2, 3]) });
  assert.equal(ack.status ?? 'ok', 'ok');
  const [update] = await echo;
  assert.equal(update.n, 1);
  assert.deepEqual([...update.bytes], [1, 2, 3]);
}

/** A proxy as the document has it, in front of two relays: whatever client comes gets through, and stays on its relay. */
export function asDocumented(name, { title = 'as documented', edits, overHttp2 = true } = {}) {
  describe(`${name}, ${title}`, async () => {
    const hubs = intervals.map((pingIntervalMs) => sharedRelay(hooks, { pingIntervalMs, trustedProxies, cookie: { name: 'io' } }));
    const proxy = await startProxy(hooks, name, hubs, edits);

    for (const variant of variants) {
      test(`a client gets through (${variant.title})`, async (t) => {
        // On Node an upgrade takes the cookies along since 4.8; a browser always does.
        const cookies = variant.title.includes('4.7.5')
          ? { extraHeaders: { cookie: (await pollingOver(http1(t, proxy))).cookie() } }
          : { withCredentials: true };
        const client = await clientsOf(t, variant).connect(proxy.url, { ca: proxy.ca, ...cookies });
        if (!variant.options.transports) await upgraded(client);
        await talks(client);
      });
    }

    test('a polling session stays on its relay, and both relays have some', async (t) => {
      const seen = new Set();
      await many(24, 6, async () => {
        const session = await pollingOver(http1(t, proxy));
        seen.add(session.node);
        assert.equal((await session.post('40')).body, 'ok');
        assert.match((await session.poll()).body, /^40/);
        assert.equal((await session.post('42["update",1]')).body, 'ok');
        assert.match((await session.poll()).body, /^42\["update",1\]/);
      });
      assert.deepEqual([...seen].sort(), [...intervals].sort());
    });

    test("a page of the proxy's host gets in, and another does not", async (t) => {
      const ask = http1(t, proxy);
      const browser = { 'user-agent': 'Mozilla/5.0', 'sec-fetch-mode': 'cors' };
      const from = (origin) => ask('GET', '/socket.io/?EIO=4&transport=polling', { ...browser, origin });
      assert.equal((await from(proxy.url)).status, 200);
      if (HUB === 'fanfare') assert.equal((await from(page)).status, 403);
    });

    test('cookies of both come with one answer', { skip: HUB !== 'fanfare' }, async (t) => {
      const { jar } = await pollingOver(http1(t, proxy));
      assert.ok(jar.io, 'no cookie of the relay');
      assert.ok(jar.route, 'no cookie of the proxy');
    });

    test('polling goes over HTTP/2', { skip: !overHttp2 }, async (t) => {
      const ask = await http2Of(t, proxy);
      assert.equal(ask.session.alpnProtocol, 'h2');
      const session = await pollingOver(ask);
      assert.equal((await session.post('40')).body, 'ok');
      assert.match((await session.poll()).body, /^40/);
      // A post does not wait for a poll on the same connection.
      const poll = session.poll();
      assert.equal((await session.post('42["update",1]')).body, 'ok');
      assert.match((await poll).body, /^42/);
    });

    test("the log names the client's address, not the proxy's, nor what the client says", { skip: HUB !== 'fanfare' }, async (t) => {
      const ask = http1(t, proxy, { localAddress: '127.0.0.9' });
      const lying = (method, path, headers, body) => ask(method, path, { ...headers, 'x-forwarded-for': '203.0.113.7' }, body);
      const session = await pollingOver(lying);
      const { relay } = hubs[intervals.indexOf(session.node)];
      const from = relay.log.length;
      await session.post('1');
      const line = await until('the end is logged', () => /.*session.*(?:ended|closed).*/i.exec(relay.log.slice(from))?.[0]);
      const address = /\baddress=(\S+)/.exec(line)?.[1];
      if (/:/.test(address)) return t.skip("this relay logs its peer's address yet");
      assert.equal(address, '127.0.0.9', line);
    });
  });
}

/** What of the requests of a dozen polling sessions was refused, as of a session that the relay does not know. */
async function refusals(t, proxy) {
  const answers = [];
  await many(12, 4, async () => {
    const session = await pollingOver(http1(t, proxy));
    answers.push(await session.post('40'), await session.post('1'));
  });
  const refused = answers.filter(({ status }) => status !== 200);
  for (const { body } of refused) assert.deepEqual(JSON.parse(body), { code: 1, message: 'Session ID unknown' });
  return refused;
}

/** Another kind of stickiness, which works or does not. */
export function alsoSticky(name, title, edits, works) {
  describe(`${name} with ${title}`, async () => {
    const hubs = intervals.map((pingIntervalMs) => sharedRelay(hooks, { pingIntervalMs, cookie: { name: 'io' } }));
    const proxy = await startProxy(hooks, name, hubs, edits);
    test(works ? 'a polling session stays on its relay' : 'a polling session is sent elsewhere', { skip: HUB !== 'fanfare' }, async (t) => {
      assert.equal((await refusals(t, proxy)).length === 0, works);
    });
  });
}

/** A proxy that asks the relay for another host than it was asked for: it is believed what it forwards, if it is trusted. */
export function hidesTheHost(name, edit, forwards) {
  for (const trusted of [trustedProxies, undefined]) {
    describe(`${name} that hides the host, ${trusted ? 'trusted' : 'not trusted'}`, async () => {
      const hub = sharedRelay(hooks, { trustedProxies: trusted });
      const proxy = await startProxy(hooks, name, [hub], [edit]);
      const status = trusted && forwards ? 200 : 403;
      test(`its own page gets ${status}`, { skip: HUB !== 'fanfare' }, async (t) => {
        const headers = { 'user-agent': 'Mozilla/5.0', origin: proxy.url };
        assert.equal((await http1(t, proxy)('GET', '/socket.io/?EIO=4&transport=polling', headers)).status, status);
      });
    });
  }
}

/** Without stickiness polling breaks, and WebSockets do not. CORS goes through as it is. */
export function bare(name) {
  describe(`${name} without stickiness`, async () => {
    const cors = { corsOrigins: [page], corsCredentials: true };
    const hubs = intervals.map((pingIntervalMs) => sharedRelay(hooks, { pingIntervalMs, ...cors }));
    const proxy = await startProxy(hooks, name, hubs, [proxies[name].bare]);

    test('a polling session is refused by the relay that does not know it', async (t) => {
      assert.ok((await refusals(t, proxy)).length > 0, 'none was');
    });

    test('a WebSocket needs none', async (t) => {
      const websocket = variants.find(({ options }) => options.transports?.[0] === 'websocket');
      const clients = await clientsOf(t, websocket).connectMany(6, proxy.url, { ca: proxy.ca });
      await Promise.all(clients.map(talks));
    });

    test('CORS headers and preflights pass as they are', async (t) => {
      const ask = http1(t, proxy);
      const path = '/socket.io/?EIO=4&transport=polling';
      for (const [method, headers] of [['GET', {}], ['OPTIONS', { 'access-control-request-method': 'POST' }]]) {
        const answer = await ask(method, path, { origin: page, ...headers });
        assert.ok([200, 204].includes(answer.status), `${method}: ${answer.status}`);
        assert.equal(answer.headers['access-control-allow-origin'], page);
        assert.equal(answer.headers['access-control-allow-credentials'], 'true');
        assert.match(answer.headers.vary, /origin/i);
      }
    });
  });
}

/** What is silent for longer than the proxy waits is lost; pings that come in time keep it. */
export function idle(name) {
  const { brief, briefly = ['polling', 'websocket'] } = proxies[name];
  const once = { concurrency: true };
  describe(`${name} whose idle time is ${brief ? 'a second' : 'unlimited'}, pings three times a second`, once, async () => {
    const hub = sharedRelay(hooks, { pingIntervalMs: 300, pingTimeoutMs: 2000 });
    const proxy = await startProxy(hooks, name, [hub], brief && [brief]);
    for (const variant of variants.filter(({ options }) => options.transports)) {
      test(`a silent client stays (${variant.title})`, async (t) => {
        const client = await clientsOf(t, variant).connect(proxy.url, { ca: proxy.ca });
        assert.ok(await stillWaits(event(client, 'disconnect', 10_000), 2500), 'it was closed');
        await talks(client);
      });
    }
  });
  if (!brief) return;
  describe(`${name} whose idle time is a second, pings every 25`, once, async () => {
    const hub = sharedRelay(hooks);
    const proxy = await startProxy(hooks, name, [hub], [brief]);
    for (const variant of variants.filter(({ options }) => briefly.includes(options.transports?.[0]))) {
      test(`a silent client is lost (${variant.title})`, async (t) => {
        const client = await clientsOf(t, variant).connect(proxy.url, { ca: proxy.ca });
        const [reason] = await event(client, 'disconnect', 10_000);
        assert.match(reason, /^transport (close|error)$/);
      });
    }
  });
}

/** No proxy uses a connection again that was idle for as long as it may be: a relay that waits longer ends none in use. */
export function keepsConnections(name) {
  describe(`${name} that keeps idle connections for a second`, async () => {
    const upstream = { sockets: [] };
    before(async () => {
      upstream.server = createServer((asked, answer) => {
        if (asked.method === 'POST') upstream.sockets.push(asked.socket);
        asked.resume().on('end', () => answer.end('ok'));
      });
      upstream.server.keepAliveTimeout = 0; // never ends one by itself
      upstream.server.listen(0, '127.0.0.1');
      await event(upstream.server, 'listening');
      upstream.port = upstream.server.address().port;
    });
    const proxy = await startProxy(hooks, name, [upstream], [proxies[name].hurried]);
    after(() => {
      upstream.server.closeAllConnections();
      upstream.server.close();
    });
    test('it uses one again at once, and not later', async (t) => {
      const ask = http1(t, proxy);
      for (const pause of [0, 50, 50, 50, proxies[name].patience ?? 2500]) {
        await delay(pause);
        assert.equal((await ask('POST', '/socket.io/', {}, 'x')).status, 200);
      }
      const late = upstream.sockets.pop();
      // It takes turns between what are two relays to it.
      assert.ok(new Set(upstream.sockets).size <= 2, 'it keeps none open');
      assert.ok(!upstream.sockets.includes(late), 'it kept one for too long');
    });
  });
}

/** Whether the proxy takes WebSockets inside of HTTP/2 (RFC 8441), and then brings them to the relay. */
export function websocketsOverHttp2(name, edits) {
  describe(`${name} and WebSockets inside of HTTP/2`, async () => {
    const hub = sharedRelay(hooks);
    const proxy = await startProxy(hooks, name, [hub], edits);
    test('they get through', async (t) => {
      const { session } = await http2Of(t, proxy);
      assert.equal(session.remoteSettings.enableConnectProtocol, true);
      const stream = session.request({
        ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/socket.io/?EIO=4&transport=websocket',
        'sec-websocket-version': '13', origin: proxy.url,
      }, { endStream: false });
      const [headers] = await event(stream, 'response');
      assert.equal(headers[':status'], 200);
      const ws = new RawWebSocket(stream);
      await ws.until(/^0/);
      stream.write(frame('40'));
      await ws.until(/^40/);
      stream.write(frame('42["update","over h2"]'));
      await ws.until(/^42\["update","over h2"\]/);
      stream.close();
    });
  });
}

export function noWebsocketsOverHttp2(name) {
  describe(`${name} and WebSockets inside of HTTP/2`, async () => {
    const hub = sharedRelay(hooks);
    const proxy = await startProxy(hooks, name, [hub]);
    test('none are offered, so browsers open a connection of their own', async (t) => {
      const { session } = await http2Of(t, proxy);
      assert.ok(!session.remoteSettings.enableConnectProtocol);
    });
  });
}
