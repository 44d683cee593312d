// A relay leaves: first nobody is sent there, then its clients are sent away some at a time, and come back elsewhere.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { clientsOf, upgraded, variants } from '../lib/clients.mjs';
import { PollingSession } from '../lib/polling.mjs';
import { request } from '../lib/raw-http.mjs';
import { openWebSocket } from '../lib/raw-ws.mjs';
import { HUB, fanfare, startRelay } from '../lib/relay.mjs';
import { stillWaits, until, within } from '../lib/within.mjs';

const skip = HUB === 'reference' && 'it ends at once';
const polling = '/socket.io/?EIO=4&transport=polling';
const websocket = '/socket.io/?EIO=4&transport=websocket';

const started = async (t, drain) => {
  const relay = await startRelay({ drain, ops: true });
  t.after(() => relay.kill());
  return relay;
};

const ready = async (relay) => {
  const { status, body } = await request(relay.opsPort, '/readyz');
  return `${status} ${body}`.trim();
};

const drain = async (relay, method, headers) => {
  const { status, body } = await request(relay.opsPort, '/drain', { method, headers });
  return { status, ...(status === 200 || status === 409 ? JSON.parse(body) : {}) };
};

const state = async (relay) => (await drain(relay, 'GET')).state;

async function joined(relay) {
  const ws = await openWebSocket(relay.port, websocket);
  ws.send('40');
  await ws.until(/^40/);
  return ws;
}

/** A port whose connections go to the first of `relays` that is ready, as asked every 50 ms. */
async function chooser(t, relays) {
  let chosen = relays[0];
  const timer = setInterval(async () => {
    for (const relay of relays) {
      if ((await ready(relay).catch(() => '')) === '200 ready') return (chosen = relay);
    }
  }, 50);
  const open = new Set();
  const server = createServer((client) => {
    const relay = connect(chosen.port, '127.0.0.1');
    for (const [from, to] of [[client, relay], [relay, client]]) {
      open.add(from);
      from.on('error', () => to.destroy()).on('close', () => to.destroy()).pipe(to);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    clearInterval(timer);
    server.close();
    open.forEach((socket) => socket.destroy());
  });
  return `http://127.0.0.1:${server.address().port}`;
}

describe('a relay that leaves', { skip }, () => {
  test('waits, sends its clients away evenly while it refuses others, and ends with 0', async (t) => {
    const relay = await started(t, { waitS: 1, spreadS: 2, deadlineS: 10 });
    const all = await Promise.all(Array.from({ length: 20 }, () => joined(relay)));
    const session = await PollingSession.joined(relay.port);
    assert.equal(await ready(relay), '200 ready');
    const from = performance.now();
    const gone = [];
    all.forEach((ws) => ws.text().then((text) => gone.push([performance.now() - from, text])));
    relay.child.kill('SIGTERM');
    await until('not ready', async () => (await ready(relay)) === '503 draining');
    assert.equal((await request(relay.port, '/healthz')).status, 503);
    all.push(await joined(relay)); // who has not noticed yet
    assert.equal(gone.length, 0);

    await until('the spread', async () => (await state(relay)) === 'spreading');
    const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': 13, 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' };
    for (const [target, asked] of [[polling, {}], [websocket, upgrade]]) {
      const { status, headers } = await request(relay.port, target, { headers: asked });
      assert.deepEqual([status, headers['retry-after']], [503, '5']);
    }
    const { code } = await within(10_000, 'end', relay.exited);
    assert.equal(code, 0);
    await until('all have gone', () => gone.length === 20);
    assert.ok(gone.every(([, text]) => /^closed$/.test(text)), 'connections just end');
    const times = gone.map(([ms]) => ms);
    assert.ok(times[0] > 900, `not before the wait is over, but after ${times[0]} ms`);
    const steps = [0, 5, 10, 15].map((nth) => times[nth + 4] - times[nth]);
    assert.ok(steps.every((ms) => ms > 150), `no crowd: ${times.map(Math.round)}`);
    assert.ok(performance.now() - from < 5000);
    await assert.rejects(session.poll());
  });

  test('goes on for those who are still there', async (t) => {
    const relay = await started(t, { waitS: 0, spreadS: 60, deadlineS: 60 });
    const session = await PollingSession.joined(relay.port);
    const ws = await joined(relay);
    relay.child.kill('SIGTERM');
    await until('the spread', async () => (await state(relay)) === 'spreading');
    await session.post('42["still",1]');
    await ws.until(/^42\["still",1\]$/);
    assert.equal((await session.poll()).body.toString(), '42["still",1]');
    const candidate = await openWebSocket(relay.port, session.target('websocket'));
    candidate.send('2probe');
    await candidate.until(/^3probe$/);
    candidate.send('5');
    candidate.send('42["still",2]');
    await ws.until(/^42\["still",2\]$/);
  });

  for (const variant of variants.slice(3)) {
    test(`all its clients come back elsewhere (${variant.title})`, async (t) => {
      const drained = { waitS: 1, spreadS: 2, deadlineS: 10 };
      const [first, second] = [await started(t, drained), await started(t, drained)];
      const url = await chooser(t, [first, second]);
      const again = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };
      const clients = await clientsOf(t, variant).connectMany(20, url, again);
      if (!variant.options.transports) await Promise.all(clients.map((client) => upgraded(client)));
      let lost = 0;
      let back = 0;
      for (const client of clients) {
        client.on('disconnect', () => lost++);
        client.on('connect', () => back++);
      }
      const { code } = await first.stop();
      assert.equal(code, 0);
      await until('all are back', () => back === 20 && clients.every((client) => client.connected), { ms: 10_000 });
      assert.equal(lost, 20, 'once each');
      assert.equal((await drain(second, 'GET')).sessions, 20);
    });
  }

  test('does so at once without clients, whatever its phases', async (t) => {
    const relay = await started(t, { waitS: 60, spreadS: 60, deadlineS: 120 });
    const { code, ms } = await relay.stop();
    assert.equal(code, 0);
    assert.ok(ms < 1000, `${ms | 0} ms`);
  });

  test('waits for its clients no longer than to its deadline', async (t) => {
    const relay = await started(t, { waitS: 0, spreadS: 1, maxPerS: 1, deadlineS: 2 });
    const all = await Promise.all(Array.from({ length: 10 }, () => joined(relay)));
    const { code, ms } = await relay.stop();
    assert.equal(code, 0);
    assert.ok(ms > 1900 && ms < 3500, `${ms | 0} ms`);
    assert.match(relay.log, /at this pace/);
    assert.match(relay.log, /connections=[5-9] .*the deadline has passed/);
    await Promise.all(all.map((ws) => ws.end()));
  });

  test('ends at the second signal with 0', async (t) => {
    const relay = await started(t, { waitS: 60, spreadS: 60, deadlineS: 120 });
    const ws = await joined(relay);
    relay.child.kill('SIGINT');
    await until('it waits', async () => (await state(relay)) === 'waiting');
    assert.ok(await stillWaits(relay.exited));
    relay.child.kill('SIGINT');
    assert.equal((await within(2000, 'end', relay.exited)).code, 0);
    await ws.end();
  });
});

describe('POST /drain', { skip }, () => {
  test('makes it leave without an end, and DELETE takes that back', async (t) => {
    const relay = await started(t, { waitS: 0, spreadS: 1 });
    const ws = await joined(relay);
    assert.deepEqual(await drain(relay, 'GET'), { status: 200, state: 'serving', sessions: 1, exits: false, elapsed_s: null });
    assert.equal((await drain(relay, 'POST')).status, 200);
    await ws.end();
    await until('drained', async () => (await state(relay)) === 'drained');
    assert.equal(await ready(relay), '503 draining');
    assert.equal((await request(relay.port, polling)).status, 503);
    assert.ok(await stillWaits(relay.exited));
    assert.equal((await drain(relay, 'DELETE')).state, 'serving');
    assert.equal(await ready(relay), '200 ready');
    await joined(relay);
  });

  test('is not for web pages, nor is its end once the process ends', async (t) => {
    const relay = await started(t, { waitS: 60, spreadS: 60, deadlineS: 120 });
    const ws = await joined(relay);
    assert.equal((await drain(relay, 'POST', { origin: 'http://localhost' })).status, 403);
    assert.equal(await state(relay), 'serving');
    relay.child.kill('SIGTERM');
    await until('it waits', async () => (await state(relay)) === 'waiting');
    const { status, exits } = await drain(relay, 'DELETE');
    assert.deepEqual([status, exits], [409, true]);
    ws.destroy();
    assert.equal((await within(5000, 'end, as nobody is left', relay.exited)).code, 0);
  });
});

test('fanfare check says how long an end takes', { skip }, async () => {
  const { code, stdout } = await fanfare(['check', '--listen', '127.0.0.1:0'], { drain: { waitS: 3, spreadS: 20, deadlineS: 30 } });
  assert.equal(code, 0);
  assert.match(stdout, /at most 30 s \(3 s wait, 20 s spread, 7 s for whoever is left\)/);
});
