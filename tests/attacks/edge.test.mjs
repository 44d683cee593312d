// Pages of others, and requests at the edge of HTTP: ATTACKS, "Found on this relay, and their kinds".
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { PollingSession } from '../lib/polling.mjs';
import { open, request, requestBytes } from '../lib/raw-http.mjs';
import { upgrade } from '../lib/raw-ws.mjs';
import { HUB, sharedRelay, startRelay } from '../lib/relay.mjs';

const polling = '/socket.io/?EIO=4&transport=polling';
const websocket = '/socket.io/?EIO=4&transport=websocket';
const ours = { skip: HUB === 'reference' && 'the reference lets every page in' };

describe('pages of others', ours, () => {
  const hub = sharedRelay({ before, after });
  const rebound = () => `evil.example:${hub.port}`;
  const strangers = () => [
    { origin: 'https://evil.example' }, { origin: 'null' }, { origin: 'file://' }, { origin: 'chrome-extension://abcdef' },
    { origin: `http://127.0.0.1.evil.example:${hub.port}` }, { origin: `http://127.0.0.1:${hub.port}.evil.example` },
    { origin: '' }, { origin: 'http://' }, { origin: 'http://127.0.0.1' }, { origin: ['https://evil.example', `http://127.0.0.1:${hub.port}`] },
    { host: rebound(), origin: `http://${rebound()}` }, { host: rebound() }, { host: `localhost.evil.example:${hub.port}` },
  ];

  test('get in by no transport', async () => {
    for (const headers of strangers()) {
      const full = { host: `127.0.0.1:${hub.port}`, 'user-agent': 'Mozilla/5.0', ...headers };
      const shown = JSON.stringify(headers);
      assert.equal((await request(hub.port, polling, { headers: full })).status, 403, shown);
      assert.equal((await upgrade(hub.port, websocket, { headers: full })).answer.status, 403, shown);
    }
  });

  test('nor into a session that was opened without a name, as a script element does by JSONP', async () => {
    const headers = { origin: 'https://evil.example', 'content-type': 'application/x-www-form-urlencoded' };
    const { body } = await request(hub.port, `${polling}&j=0`);
    const sid = /sid\\":\\"([^\\]+)/.exec(body)[1];
    assert.equal((await request(hub.port, `${polling}&j=0&sid=${sid}`, { method: 'POST', headers, body: 'd=40' })).status, 403);
    assert.equal((await upgrade(hub.port, `${websocket}&sid=${sid}`, { headers })).answer.status, 403);
  });

  test('are named in the log, escaped, and not more often than once in five seconds', async (t) => {
    const relay = await startRelay();
    t.after(() => relay.kill());
    for (let i = 0; i < 200; i++) {
      await request(relay.port, polling, { headers: { origin: `https://evil.example/\xc2\x9b\xe2\x80\xae${'x'.repeat(1000)}` } });
    }
    await relay.stop();
    const lines = relay.log.split('\n').filter((line) => line.includes('cors.origins'));
    assert.ok(lines.length === 1 || lines.length === 2, relay.log);
    assert.match(lines[0], /https:\/\/evil\.example\/\\+xc2\\+x9b\\+xe2\\+x80\\+xaex+/);
    assert.ok(lines[0].length < 700, lines[0]);
  });

  test('of this host get in, whatever their scheme', async () => {
    for (const origin of [`http://127.0.0.1:${hub.port}`, `https://127.0.0.1:${hub.port}`]) {
      const headers = { host: `127.0.0.1:${hub.port}`, origin };
      assert.equal((await request(hub.port, polling, { headers })).status, 200);
      const { answer, ws } = await upgrade(hub.port, websocket, { headers });
      assert.equal(answer.status, 101);
      ws.destroy();
    }
  });

  test('of the host that a trusted proxy was asked for get in', async (t) => {
    const headers = { host: '10.0.0.1:3000', origin: 'https://app.example.com', 'x-forwarded-host': 'app.example.com' };
    for (const [trustedProxies, status] of [[['127.0.0.0/8'], 200], [['10.0.0.0/8'], 403], [undefined, 403]]) {
      const relay = await startRelay({ trustedProxies });
      t.after(() => relay.kill());
      assert.equal((await request(relay.port, polling, { headers })).status, status);
    }
  });
});

describe('requests whose connection closes behind them', () => {
  const hub = sharedRelay({ before, after });

  test('200 posts that came whole are all handled', async () => {
    const reader = await PollingSession.joined(hub.port);
    const writers = await Promise.all(Array.from({ length: 200 }, () => PollingSession.joined(hub.port)));
    const sent = [];
    for (let i = 0; i < 200; i++) {
      const connection = await open(hub.port);
      const headers = { connection: 'close' };
      const body = `42["n",${i}]`;
      sent.push(String(i));
      // Not two posts of one session at a time: that would be an overlap.
      const target = writers[i].target();
      await new Promise((resolve) => connection.socket.end(requestBytes(target, { method: 'POST', headers, body }), resolve));
      connection.destroy();
    }
    const heard = new Set();
    while (heard.size < sent.length) {
      const { body } = await reader.poll({ ms: 5000 });
      for (const [, n] of body.toString().matchAll(/42\["n",(\d+)\]/g)) heard.add(n);
    }
    assert.deepEqual(sent.filter((n) => !heard.has(n)), []);
  });
});

describe('compressed polls', ours, () => {
  test('of a megabyte for a hundred pollers take no threads, and keep nobody waiting', async (t) => {
    const relay = await startRelay();
    t.after(() => relay.kill());
    const headers = { 'accept-encoding': 'gzip' };
    const pollers = await Promise.all(Array.from({ length: 100 }, () => PollingSession.joined(relay.port)));
    const sender = await PollingSession.joined(relay.port);
    let [threads, slowest, done] = [0, 0, false];
    const watched = (async () => {
      while (!done) {
        threads = Math.max(threads, readdirSync(`/proc/${relay.pid}/task`).length);
        const from = performance.now();
        await request(relay.port, '/healthz');
        slowest = Math.max(slowest, performance.now() - from);
      }
    })();
    const idle = readdirSync(`/proc/${relay.pid}/task`).length;
    for (let round = 0; round < 3; round++) {
      const polls = pollers.map((poller) => poller.poll({ headers, ms: 20_000 }));
      await sender.post(`42["x","${Array.from({ length: 60_000 }, () => Math.random().toString(36).slice(2, 10)).join('')}"]`);
      for (const poll of polls) assert.equal((await poll).status, 200);
    }
    done = true;
    await watched;
    t.diagnostic(`${threads} threads, ${idle} of them before; slowest answer meanwhile ${slowest | 0} ms`);
    assert.ok(threads <= idle + 4, `${threads} threads, ${idle} before`);
  });
});
