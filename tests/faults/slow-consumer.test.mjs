// DESIGN.md, "Slow consumers": a client that does not read is closed within the bound in bytes or in time, and
// nobody else waits for it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bystander } from '../lib/bystander.mjs';
import { slowConsumerInLog } from '../lib/fanfare-config.mjs';
import { PollingSession } from '../lib/polling.mjs';
import { request } from '../lib/raw-http.mjs';
import { openWebSocket } from '../lib/raw-ws.mjs';
import { HUB, startRelay } from '../lib/relay.mjs';
import { until } from '../lib/within.mjs';

const target = '/socket.io/?EIO=4&transport=websocket';
const skip = HUB === 'reference' && 'the reference has no bound for a client that does not read';
const longHeartbeat = { pingIntervalMs: 60_000, pingTimeoutMs: 60_000 };

async function joined(relay) {
  const ws = await openWebSocket(relay.port, target);
  ws.send('40');
  await ws.until(/^40/);
  return ws;
}

/** Broadcasts events of `bytes` until `done()`, each when the one before has come back to its sender. */
async function broadcastUntil(relay, bytes, done, ms = 20_000) {
  const sender = await joined(relay);
  const end = Date.now() + ms;
  let sent = 0;
  while (!(await done())) {
    assert.ok(Date.now() < end, `nothing happened after ${sent} events of ${bytes} bytes`);
    sender.send(`42["stream",${sent},"${'x'.repeat(bytes)}"]`);
    await sender.until(new RegExp(`^42\\["stream",${sent},`), 10_000);
    sent += 1;
  }
  sender.destroy();
  return sent * bytes;
}

const closedAsSlow = (relay) => () => slowConsumerInLog.test(relay.log);

describe('a client that stops reading while others broadcast', () => {
  test('is closed when the bytes that wait for it pass the bound, and others see no delay', { skip }, async (t) => {
    const relay = await startRelay({ ...longHeartbeat, slowConsumer: { bytes: 1_000_000, stallMs: 60_000 } });
    t.after(() => relay.kill());
    const watcher = await bystander(t, relay);
    const stalled = await joined(relay);
    t.after(() => stalled.destroy());
    stalled.stall();
    const memory = relay.memory();
    const bytes = await broadcastUntil(relay, 50_000, closedAsSlow(relay));
    // What fits into both kernels' socket buffers comes on top of the bound.
    assert.ok(bytes < 20_000_000, `closed only after ${bytes} bytes`);
    assert.ok(relay.memory() - memory < 32 * 2 ** 20);
    await watcher.isUnharmed();
  });

  test('is closed when it takes nothing for the bound in time, however little waits', { skip }, async (t) => {
    const stallMs = 1000;
    const relay = await startRelay({ ...longHeartbeat, slowConsumer: { bytes: 100_000_000, stallMs } });
    t.after(() => relay.kill());
    const watcher = await bystander(t, relay);
    const stalled = await joined(relay);
    t.after(() => stalled.destroy());
    stalled.stall();
    await broadcastUntil(relay, 200_000, closedAsSlow(relay), 15_000);
    await watcher.isUnharmed();
  });

  test('does not stop the others, however many stall', { skip }, async (t) => {
    const relay = await startRelay({ ...longHeartbeat, slowConsumer: { bytes: 500_000, stallMs: 2000 } });
    t.after(() => relay.kill());
    const watcher = await bystander(t, relay);
    const idle = relay.descriptors();
    const stalled = await Promise.all(Array.from({ length: 20 }, () => joined(relay)));
    stalled.forEach((ws) => ws.stall());
    t.after(() => stalled.forEach((ws) => ws.destroy()));
    await broadcastUntil(relay, 50_000, () => relay.descriptors() <= idle + 1);
    await watcher.isUnharmed();
  });

  test('is closed over polling as well, when it never comes for what waits', { skip }, async (t) => {
    const relay = await startRelay({ ...longHeartbeat, slowConsumer: { bytes: 500_000, stallMs: 60_000 } });
    t.after(() => relay.kill());
    const session = await PollingSession.joined(relay.port);
    await broadcastUntil(relay, 50_000, closedAsSlow(relay));
    // What waited is gone with the session: the next poll tells the close, or that there is none.
    const { status, body } = await request(relay.port, session.target());
    assert.ok(status === 400 || /(^|\x1e)1$/.test(body.toString()), `${status} ${body.toString().slice(-20)}`);
  });

  test('is forgotten by the heartbeat too, when nothing is sent to it', { skip: HUB === 'reference' && 'the reference waits another 30 s for its half of the close' }, async (t) => {
    const relay = await startRelay({ pingIntervalMs: 300, pingTimeoutMs: 200 });
    t.after(() => relay.kill());
    const ws = await joined(relay);
    t.after(() => ws.destroy());
    ws.stall();
    const before = relay.descriptors();
    ws.write = () => {}; // no pong either
    // The session ends with its time-out; its TCP connection gets a little longer for the closing handshake.
    await until('the connection is given up', () => /ping_timeout/.test(relay.log) && relay.descriptors() < before, { ms: 10_000 });
  });
});
