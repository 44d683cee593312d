// SIGTERM: clients are closed at the engine's level, and the process ends in time whatever they do.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PollingSession } from '../lib/polling.mjs';
import { open, request, requestBytes } from '../lib/raw-http.mjs';
import { openWebSocket } from '../lib/raw-ws.mjs';
import { HUB, startRelay } from '../lib/relay.mjs';
import { stillWaits } from '../lib/within.mjs';

const target = '/socket.io/?EIO=4&transport=websocket';
const deadlineMs = 2000;
const deadline = { drain: { waitS: 0, spreadS: 0, deadlineS: deadlineMs / 1000 } };

async function joined(relay) {
  const ws = await openWebSocket(relay.port, target);
  ws.send('40');
  await ws.until(/^40/);
  return ws;
}

describe('SIGTERM', () => {
  test('ends a relay without clients at once with status 0', async () => {
    const relay = await startRelay();
    const { code, ms } = await relay.stop();
    assert.equal(code, 0);
    assert.ok(ms < 1000, `${ms | 0} ms`);
  });

  test('ends a relay with clients that read long before its deadline', async () => {
    const relay = await startRelay();
    const ws = await joined(relay);
    const session = await PollingSession.joined(relay.port);
    const poll = session.poll();
    await stillWaits(poll);
    const stopped = relay.stop();
    // No answer, as from a process that dies: a close packet is final to some clients.
    if (HUB === 'reference') assert.equal((await poll).body.toString(), '1');
    else await assert.rejects(poll, /ended without an answer/);
    await ws.end();
    const { code, ms } = await stopped;
    assert.equal(code, 0);
    assert.ok(ms < 3000, `${ms | 0} ms`);
  });

  test('waits for nobody who has sent half of a request', async (t) => {
    const relay = await startRelay();
    const halves = [];
    t.after(() => halves.forEach((half) => half.destroy()));
    for (const begun of [`GET ${target} HTTP/1.1\r\nhost: a\r\n`, 'GET /healthz HTTP/1.1\r\nhost: a\r\n\r\nGET']) {
      const half = await open(relay.port);
      half.write(begun);
      halves.push(half);
    }
    const session = await PollingSession.joined(relay.port);
    const body = await open(relay.port);
    body.write(requestBytes(session.target(), { method: 'POST', headers: { 'content-length': 100 }, body: '4' }));
    halves.push(body);
    // All of it has come by then.
    assert.equal((await request(relay.port, '/healthz')).status, 200);
    const { code, ms } = await relay.stop();
    if (HUB === 'fanfare') assert.ok(ms < 2000, `${ms | 0} ms`);
    assert.equal(code, 0);
  });

  test('sends no Socket.IO packet, so that clients reconnect', async () => {
    const relay = await startRelay();
    const ws = await joined(relay);
    const stopped = relay.stop();
    const got = await ws.text();
    assert.match(got, HUB === 'reference' ? /^closed|^1$/ : /^closed$/);
    await stopped;
  });

  test('exits 0 within the deadline when clients do not read, poll, answer or finish their requests', async (t) => {
    const relay = await startRelay({ ...deadline, maxPayloadBytes: 1_000_000 });
    const stalled = await joined(relay);
    stalled.stall();
    const sender = await joined(relay);
    // More than the kernel's buffers take, so that something waits in the relay.
    for (let i = 0; i < 12; i++) {
      sender.send(`42["fill",${i},"${'x'.repeat(800_000)}"]`);
      await sender.until(new RegExp(`^42\\["fill",${i},`));
    }
    await PollingSession.joined(relay.port); // does not poll
    const halfway = await open(relay.port);
    halfway.write(`GET ${target} HTTP/1.1\r\nhost:`);
    const posting = await PollingSession.joined(relay.port);
    const body = await open(relay.port);
    body.write(requestBytes(posting.target(), { method: 'POST', headers: { 'content-length': 100, 'content-type': 'text/plain' } }));
    const candidate = await openWebSocket(relay.port, `${target}&sid=${(await PollingSession.joined(relay.port)).sid}`);
    candidate.send('2probe');
    await candidate.until(/^3probe$/);
    t.after(() => [stalled, sender, halfway, body, candidate].forEach((one) => one.destroy()));

    const { code, ms } = await relay.stop();
    assert.equal(code, 0);
    assert.ok(ms < deadlineMs + 1000, `${ms | 0} ms`);
  });

  test('refuses new connections from then on', async (t) => {
    const relay = await startRelay(deadline);
    const stalled = await joined(relay);
    stalled.answersCloses = false;
    t.after(() => stalled.destroy());
    const stopped = relay.stop();
    await stopped;
    await assert.rejects(request(relay.port, '/healthz'));
  });
});

describe('GET /healthz', () => {
  test('answers 200 while serving', async (t) => {
    const relay = await startRelay();
    t.after(() => relay.kill());
    const { status } = await request(relay.port, '/healthz');
    assert.equal(status, 200);
  });
});

describe('the log', () => {
  test('has one line per session end, with its reason and without its secrets', { skip: HUB === 'reference' && 'it has no log' }, async (t) => {
    const relay = await startRelay();
    t.after(() => relay.kill());
    const ws = await openWebSocket(relay.port, target);
    const { sid } = JSON.parse((await ws.until(/^0/)).slice(1));
    ws.send('40{"token":"a-secret-token"}');
    await ws.until(/^40/);
    ws.send('42["an-event","a-payload"]');
    await ws.until(/^42/);
    ws.send('1');
    await ws.end();
    await relay.stop();
    const ends = relay.log.split('\n').filter((line) => /session.*(end|clos)/i.test(line));
    assert.equal(ends.length, 1, relay.log);
    for (const secret of [sid, 'a-secret-token', 'a-payload']) assert.ok(!relay.log.includes(secret), `the log says ${secret}`);
  });
});
