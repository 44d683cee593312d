// ATTACKS.md, "Found on this relay": those who do not read, or as good as nothing, by poll and by socket. All of them
// together hold no more memory than the bounds say, in the kernel neither, and give it back when they are gone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { many } from '../lib/bystander.mjs';
import { slowConsumerInLog } from '../lib/fanfare-config.mjs';
import { PollingSession } from '../lib/polling.mjs';
import { open, requestBytes } from '../lib/raw-http.mjs';
import { openWebSocket } from '../lib/raw-ws.mjs';
import { HUB, startRelay } from '../lib/relay.mjs';
import { withRules } from '../lib/settings.mjs';
import { until } from '../lib/within.mjs';

const skip = HUB === 'reference' && 'the reference has no bound for a client that does not read';
const target = '/socket.io/?EIO=4&transport=websocket';
const MiB = 2 ** 20;
/** No client is pinged while a test lasts: its end is then what the test is about. */
const longHeartbeat = { pingIntervalMs: 120_000, pingTimeoutMs: 120_000 };

describe('answers that are never read', { skip }, () => {
  test('are in the bound of their session, on however many connections its polls come', async (t) => {
    const bytes = 16_000_000; // several times what the kernel takes of an answer
    const relay = await startRelay({ ...longHeartbeat, slowConsumer: { bytes, stallMs: 30_000 } });
    t.after(() => relay.kill());
    const sessions = await Promise.all(Array.from({ length: 3 }, () => PollingSession.joined(relay.port)));
    const connections = [];
    t.after(() => connections.forEach((connection) => connection.destroy()));
    const sender = await joined(relay);
    t.after(() => sender.destroy());
    const memory = peak(relay);
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 17; i++) await broadcast(sender, `${round} ${i}`, 900_000);
      for (const session of sessions) connections.push(await unreadPoll(relay, session));
      await settledKernel(relay);
      memory.look();
    }
    t.diagnostic(`${memory.grown().toFixed(0)} MiB for ${sessions.length} sessions`);
    assert.ok(memory.grown() < (sessions.length * bytes) / MiB + 48, `memory grew by ${memory.grown().toFixed(0)} MiB`);
  });

  for (const [how, read] of Object.entries({
    'never read': () => {},
    'read by a byte a second': (connection) => {
      const one = setInterval(() => connection.socket.read(1), 1000);
      return () => clearInterval(one);
    },
  })) {
    test(`end their session when they stall too long, and then their connection: ${how}`, async (t) => {
      const stallMs = 1500;
      // An answer is larger than what both kernels take of it.
      const relay = await startRelay({
        ...longHeartbeat, maxPayloadBytes: 8_000_000, slowConsumer: { bytes: 16_000_000, stallMs },
      });
      t.after(() => relay.kill());
      const idle = await idleDescriptors(relay);
      const sender = await joined(relay);
      const sessions = await Promise.all(Array.from({ length: 5 }, () => PollingSession.joined(relay.port)));
      await broadcast(sender, 'large', 7_500_000);
      for (const session of sessions) {
        const connection = await unreadPoll(relay, session);
        const stop = read(connection);
        t.after(() => {
          stop?.();
          connection.destroy();
        });
      }
      sender.destroy();
      const slow = () => relay.log.split('\n').filter((line) => slowConsumerInLog.test(line)).length;
      await until('the end of their sessions', () => slow() === sessions.length, { ms: stallMs + 5000 });
      // Nobody is left who could want the rest of the answer.
      await until('the end of their connections', () => relay.descriptors() <= idle, { ms: 5000 });
    });
  }
});

describe('60 pollers with a backlog of megabytes', { skip }, () => {
  test('share it, and it is given back soon after they are gone', async (t) => {
    const events = 130;
    const bytes = 90_000;
    const relay = await startRelay({ ...longHeartbeat, maxPayloadBytes: 100_000 });
    t.after(() => relay.kill());
    const sessions = [];
    await many(60, 25, async () => sessions.push(await PollingSession.joined(relay.port)));
    const sender = await joined(relay);
    t.after(() => sender.destroy());
    const memory = peak(relay);
    for (let i = 0; i < events; i++) await broadcast(sender, `${i}`, bytes);
    const connections = await Promise.all(sessions.map((session) => unreadPoll(relay, session)));
    t.after(() => connections.forEach((connection) => connection.destroy()));
    await settledKernel(relay);
    memory.look();
    const backlogs = (60 * events * bytes) / MiB;
    t.diagnostic(`${memory.grown().toFixed(0)} MiB where the backlogs are ${backlogs.toFixed(0)}`);
    assert.ok(memory.grown() < 96, `memory grew by ${memory.grown().toFixed(0)} MiB`);

    // Whoever reads gets all of it, in order, in as many answers as it takes.
    const [reader] = sessions;
    connections[0].socket.resume();
    const numbers = [];
    for (let answer = await connections[0].response(); ; answer = await reader.poll()) {
      assert.equal(answer.status, 200);
      numbers.push(...[...answer.body.toString().matchAll(/42\["stream","(\d+)"/g)].map(([, number]) => Number(number)));
      if (numbers.length >= events) break;
    }
    assert.deepEqual(numbers, Array.from({ length: events }, (_, i) => i));

    // A POST `1` is an end that does not depend on reading.
    await many(60, 25, async (i) => {
      await sessions[i].post('1');
      connections[i].destroy();
    });
    await until('the memory back', () => memory.now() < 40, { ms: 10_000 });
  });
});

describe('many stalled clients, each with a backlog of its own', { skip }, () => {
  test('hold the bound of all outboxes together: the slowest are closed, and no reader', async (t) => {
    const totalBytes = 64_000_000;
    const count = 60;
    // A room each: what one waits for is nobody else's.
    const rooms = Array.from({ length: count }, (_, i) => [{ on: `enter ${i}`, join: `room ${i}` }, { on: `to ${i}`, to: { room: `room ${i}` } }]);
    const relay = await startRelay({
      ...withRules(rooms.flat()), ...longHeartbeat, slowConsumer: { bytes: 16_000_000, stallMs: 60_000, totalBytes },
    });
    t.after(() => relay.kill());
    const stalled = [];
    t.after(() => stalled.forEach((ws) => ws.destroy()));
    for (let i = 0; i < count; i++) {
      const ws = await joined(relay);
      stalled.push(ws);
      ws.send(`421["enter ${i}"]`);
      await ws.until(/^431\[/);
      ws.stall();
    }
    const sender = await joined(relay);
    t.after(() => sender.destroy());
    const reader = await joined(relay);
    t.after(() => reader.destroy());
    reader.send('421["enter 0"]');
    await reader.until(/^431\[/);
    const memory = peak(relay);
    const text = 'x'.repeat(900_000);
    let id = 0;
    for (let i = 0; i < count; i++) {
      for (let number = 0; number < 3; number++) {
        sender.send(`42${++id}["to ${i}",${number},"${text}"]`);
        await sender.until(new RegExp(`^43${id}\\[`), 15_000);
        if (i === 0) await reader.until(new RegExp(`^42\\["to 0",${number},`), 15_000);
      }
      memory.look();
    }
    t.diagnostic(`${memory.grown().toFixed(0)} MiB, ${(unsent(relay) / MiB).toFixed(0)} MiB in the kernel`);
    assert.ok(memory.grown() < totalBytes / MiB + 64, `memory grew by ${memory.grown().toFixed(0)} MiB`);
    assert.match(relay.log, slowConsumerInLog);
    // Those who read are there as before.
    sender.send(`42["to 0","at last"]`);
    await reader.until(/^42\["to 0","at last"\]/, 15_000);
  });

  test('take little of the kernel: what waits is in the outbox they share', async (t) => {
    const relay = await startRelay({ ...longHeartbeat, slowConsumer: { bytes: 32_000_000, stallMs: 60_000 } });
    t.after(() => relay.kill());
    const stalled = await Promise.all(Array.from({ length: 20 }, () => joined(relay)));
    t.after(() => stalled.forEach((ws) => ws.destroy()));
    stalled.forEach((ws) => ws.stall());
    const sender = await joined(relay);
    t.after(() => sender.destroy());
    for (let i = 0; i < 60; i++) await broadcast(sender, `${i}`, 100_000);
    const each = unsent(relay) / stalled.length / MiB;
    t.diagnostic(`${each.toFixed(2)} MiB each`);
    assert.ok(each < 1, `the kernel holds ${each.toFixed(2)} MiB for each`);
  });
});

async function joined(relay) {
  const ws = await openWebSocket(relay.port, target);
  ws.send('40');
  await ws.until(/^40/);
  return ws;
}

/** One event of so many bytes to everyone, of whom the sender hears it. */
async function broadcast(sender, name, bytes) {
  sender.send(`42["stream","${name}","${'x'.repeat(bytes)}"]`);
  await sender.until(new RegExp(`^42\\["stream","${name}",`), 15_000);
}

/** A poll on a connection of its own, whose answer stays in the kernel. */
async function unreadPoll(relay, session) {
  const connection = await open(relay.port);
  connection.socket.pause();
  connection.write(requestBytes(session.target()));
  return connection;
}

/** How many files it has open when nobody is there: counted when it has answered somebody, so that all it keeps is open. */
async function idleDescriptors(relay) {
  const connection = await open(relay.port);
  connection.write(requestBytes('/healthz'));
  await connection.response();
  const descriptors = relay.descriptors() - 1;
  connection.destroy();
  return descriptors;
}

/** Waits until the kernel takes no more of what the relay has for those who do not read. */
async function settledKernel(relay) {
  let last = -1;
  let same = 0;
  await until('the kernel to be full', () => {
    const now = unsent(relay);
    same = now === last ? same + 1 : 0;
    last = now;
    return same === 3;
  }, { ms: 10_000, every: 100 });
}

/** How far the relay's memory grows, in MiB. */
function peak(relay) {
  const before = relay.memory();
  let most = before;
  return {
    look: () => (most = Math.max(most, relay.memory())),
    grown: () => (most - before) / MiB,
    now: () => (relay.memory() - before) / MiB,
  };
}

/** Bytes that the kernel keeps for the relay's sockets until their clients take them. */
function unsent({ port }) {
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  const ours = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const queues = lines.map((line) => line.trim().split(/\s+/)).filter((fields) => fields[1]?.endsWith(ours));
  return queues.reduce((sum, fields) => sum + parseInt(fields[4].split(':')[0], 16), 0);
}
