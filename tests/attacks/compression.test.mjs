// ATTACKS.md, "Found on this relay": pollers that accept gzip, under a stream. Compression is a service that ends where
// it would cost others something: threads, memory and everybody's latency stay as they are.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { many } from '../lib/bystander.mjs';
import { PollingSession } from '../lib/polling.mjs';
import { quietly, quietPair } from '../lib/quiet-pair.mjs';
import { open, requestBytes } from '../lib/raw-http.mjs';
import { openWebSocket } from '../lib/raw-ws.mjs';
import { HUB, startRelay } from '../lib/relay.mjs';
import { until } from '../lib/within.mjs';

const skip = HUB === 'reference' && 'the reference compresses whatever it costs';
const target = '/socket.io/?EIO=4&transport=websocket';
const MiB = 2 ** 20;

/** Half of it says something, half does not: as much work as compression can be. */
const compressible = (bytes) =>
  Array.from({ length: bytes / 100 }, () => randomBytes(24).toString('base64') + 'a line that comes again and again, and once more at the end.....'.slice(0, 68)).join('');
const incompressible = (bytes) => randomBytes((bytes / 4) * 3).toString('base64');

describe('pollers that accept gzip', { skip }, () => {
  for (const [kind, textOf] of Object.entries({ compressible, incompressible })) {
    test(`300 of them under 0.9 MB/s of ${kind} text take no threads, bounded memory, and nobody's time`, async (t) => {
      const relay = await startRelay(quietly());
      t.after(() => relay.kill());
      const pollers = await crowdOfPollers(t, relay, 300);
      const pair = await quietPair(t, relay);
      const before = await pair.measure(1000);
      const memory = relay.memory();
      const threads = threadsOf(relay);

      const sender = await openWebSocket(relay.port, target);
      t.after(() => sender.destroy());
      sender.send('40');
      await sender.until(/^40/);
      sender.socket.removeAllListeners('data');
      sender.socket.resume();
      let sent = 0;
      const stream = setInterval(() => sender.send(`42["text",${sent++},"${textOf(90_000)}"]`), 100);
      t.after(() => clearInterval(stream));
      let most = { memory, threads };
      const sampling = setInterval(() => {
        most = { memory: Math.max(most.memory, relay.memory()), threads: Math.max(most.threads, threadsOf(relay)) };
      }, 50);
      t.after(() => clearInterval(sampling));
      const during = await pair.measure(6000);
      clearInterval(stream);
      // Before the relay is killed: a process that is gone has no memory to look at.
      clearInterval(sampling);

      const grown = (most.memory - memory) / MiB;
      t.diagnostic(`p99 ${before.p99.toFixed(1)} → ${during.p99.toFixed(1)} ms, ${threads} → ${most.threads} threads, ${grown.toFixed(0)} MiB, ${pollers.answers} answers`);
      assert.ok(most.threads <= threads + availableParallelism(), `${most.threads} threads`);
      assert.ok(grown < 300, `memory grew by ${grown.toFixed(0)} MiB`);
      assert.ok(during.p99 < 2 * before.p99 + 200, `a quiet pair waited ${during.p99.toFixed(1)} ms, ${before.p99.toFixed(1)} ms before`);
      assert.deepEqual(pollers.faults, []);
      assert.ok(pollers.answers > 300, 'the stream arrives');
    });
  }

  test('get compressed what they get alone', async (t) => {
    const relay = await startRelay();
    t.after(() => relay.kill());
    const poller = await PollingSession.joined(relay.port);
    const poll = poller.poll({ headers: { 'accept-encoding': 'gzip' } });
    await poller.post(`42["text","${'a'.repeat(5000)}"]`);
    const { headers, body } = await poll;
    assert.equal(headers['content-encoding'], 'gzip');
    assert.equal(gunzipSync(body).toString(), `42["text","${'a'.repeat(5000)}"]`);
  });
});

/** Polls that accept gzip, each on a connection of its own; what comes is dropped unread. */
async function crowdOfPollers(t, relay, count) {
  const crowd = { answers: 0, faults: [] };
  let lives = true;
  const connections = [];
  t.after(() => {
    lives = false;
    connections.forEach((connection) => connection.destroy());
  });
  await many(count, 25, async () => {
    const session = await PollingSession.joined(relay.port);
    const connection = await open(relay.port);
    connections.push(connection);
    const poll = requestBytes(session.target(), { headers: { 'accept-encoding': 'gzip' } });
    (async () => {
      while (lives) {
        connection.write(poll);
        const { status } = await connection.response({ ms: 60_000 });
        if (status !== 200) throw new Error(`a poll was answered ${status}`);
        crowd.answers += 1;
      }
    })().catch((error) => lives && crowd.faults.push(error.message));
  });
  await until('all of them to poll', () => connections.length === count);
  return crowd;
}

const threadsOf = ({ pid }) => Number(/^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
