// A client that does nothing wrong while others do: it sends, gets its event back, and measures how long that took.
import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { openWebSocket } from './raw-ws.mjs';

/** Starts a bystander; `await bystander.isUnharmed()` at the end of the attack. */
export async function bystander(t, relay) {
  const ws = await openWebSocket(relay.port, '/socket.io/?EIO=4&transport=websocket');
  t.after(() => ws.destroy());
  ws.send('40');
  await ws.until(/^40/);
  const name = `bystander ${Math.random()}`;
  let running = true;
  let rounds = 0;
  let worst = 0;
  const excuse = excuses(relay);
  const loop = (async () => {
    while (running) {
      excuse();
      const from = performance.now();
      ws.send(`42["${name}",${rounds}]`);
      await comesBack(ws, `42["${name}",${rounds}]`, relay);
      const took = performance.now() - from;
      worst = Math.max(worst, took - excuse());
      rounds += 1;
      await delay(5); // a pace, so that the bystander is not itself the load
    }
  })();
  loop.catch(() => {});
  return {
    /** One more round after the attack, then: was it ever kept waiting? */
    async isUnharmed({ worstMs = 700 } = {}) {
      const before = rounds;
      while (rounds < before + 2) await Promise.race([loop, delay(5)]);
      running = false;
      await loop;
      assert.ok(worst < worstMs, `a bystander waited ${worst | 0} ms, more than ${worstMs}`);
    },
  };
}

/**
 * What a wait owes to the machine and not to the relay, in milliseconds since it was asked last: how long a thread of the relay
 * had work and no processor, and how long this process was busy, with the attack above all.
 */
function excuses(relay) {
  let before = [relay.queued(), performance.eventLoopUtilization()];
  return () => {
    const now = [relay.queued(), performance.eventLoopUtilization()];
    const queued = Math.max(0, ...[...now[0]].map(([thread, ms]) => ms - (before[0].get(thread) ?? ms)));
    const busy = now[1].active - before[1].active;
    before = now;
    // More than that is not believed: who sends without a pause is always busy.
    return Math.min(Math.max(queued, busy), 2000);
  };
}

/** Waits for one event among everyone's, answering the heartbeat meanwhile. */
async function comesBack(ws, event, relay) {
  for (;;) {
    const got = await ws.next(15_000);
    if (got.closed) {
      throw new Error(`the relay closed a bystander (${got.code ?? 'no code'}); the end of its log:\n${relay.log.slice(-1000)}`);
    }
    const text = got.payload.toString();
    if (text === '2') ws.send('3');
    if (text === event) return;
  }
}

/** Lets `attack` run beside a bystander, and holds the relay to its memory: `growthMiB` more at the end, at most. */
export async function survives(t, relay, attack, { growthMiB = 48, worstMs } = {}) {
  const watcher = await bystander(t, relay);
  const before = relay.memory();
  let most = before;
  const sampling = setInterval(() => (most = Math.max(most, relay.memory())), 50);
  try {
    await attack();
  } finally {
    clearInterval(sampling);
  }
  await watcher.isUnharmed({ worstMs });
  most = Math.max(most, relay.memory());
  // Node's heap is no measure: it grows before it collects.
  const limit = (relay.kind === 'reference' ? 10 : 1) * growthMiB;
  const grown = (most - before) / 2 ** 20;
  assert.ok(grown < limit, `memory grew by ${grown.toFixed(1)} MiB, more than ${limit}`);
}

/** Runs `one(i)` for each i below `count`, `width` at a time. */
export async function many(count, width, one) {
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(width, count) }, async () => {
    while (next < count) await one(next++);
  }));
}
