// A hundred reloads, half of them broken, while clients send as fast as they can: nobody is lost, and no event is judged half
// by the old rules and half by the new.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skip } from '../lib/access.mjs';
import { clientsOf } from '../lib/clients.mjs';
import { scrape } from '../lib/metrics.mjs';
import { ops, ready, reload } from '../lib/reload.mjs';
import { startRelay } from '../lib/relay.mjs';
import { until } from '../lib/within.mjs';

/**
 * One of two worlds. In each, everybody is in a room of its own kind, only who is in it may send to it, and the event has the
 * world's name. An event that is judged by the rules of one world while its sender is in the rooms of the other is refused as
 * `not_member`, or reaches nobody; one that is judged by neither, or by both, comes under no name, or twice.
 */
const world = (name) => ({
  unlimited: true,
  toml: `${ops}
[[namespace]]
name = "/"
rooms = ["${name}-all:", "${name}-own:{socket.id}"]
[[namespace.rule]]
on = "x"
emit = "${name}"
to = { room = "${name}-own:{socket.id}" }
require_member = true
[[namespace.rule]]
on = "only ${name}"
to = { room = "${name}-all:" }
require_member = true
`,
});
const clients = 20;

test('a hundred reloads under load lose nobody and mix nothing', { skip, timeout: 110_000 }, async (t) => {
  const relay = await startRelay(world('one'));
  t.after(() => relay.kill());
  const { connectMany } = clientsOf(t, { io: (await import('socket.io-client')).io, options: { transports: ['websocket'] } });
  const all = await connectMany(clients, relay.url);
  const wrong = [];
  let events = 0;
  let took = [];
  let running = true;
  const loop = async (client) => {
    let own = [];
    client.on('disconnect', (why) => wrong.push(`lost: ${why}`));
    client.onAny((name, value) => own.push([name, value]));
    for (let i = 0; running; i++) {
      own = [];
      const from = performance.now();
      const answer = await client.timeout(20_000).emitWithAck('x', i);
      took.push(performance.now() - from);
      events += 1;
      // Its own copy, once, under the name of one of the worlds: it was in the room that the event went to.
      const fits = answer.status === 'ok' && answer.recipients === 1 && own.length === 1 && own[0][1] === i && ['one', 'two'].includes(own[0][0]);
      if (!fits) wrong.push(JSON.stringify([answer, own]));
    }
  };
  const loops = all.map(loop);
  const quantile = (times, q) => times.sort((a, b) => a - b)[Math.floor(times.length * q)] ?? 0;
  const during = async (what) => {
    took = [];
    await what();
    return { p50: quantile(took, 0.5), p99: quantile(took, 0.99), events: took.length };
  };
  await during(() => until('warm', () => took.length >= 2_000, { ms: 30_000 }));
  // The same work for this process, in both: it is as busy as the relay.
  const rounds = (act) => during(async () => {
    for (let i = 0; i < 100; i++) {
      await act(i);
      const before = events;
      await until('some events', () => events >= before + 200 || wrong.length > 0, { ms: 20_000, every: 2 });
    }
  });
  const without = await rounds(async () => {
    relay.configure(world('one'));
    assert.equal((await ready(relay))[0], 200);
  });
  let taken = 0;
  const withReloads = await rounds(async (i) => {
    const next = world(['two', 'one'][Math.floor(i / 2) % 2]);
    relay.configure(i % 2 ? { ...next, toml: `${next.toml}nonsense = 1\n` } : next);
    const { status } = await reload(relay);
    assert.equal(status, i % 2 ? 422 : 200);
    taken += status === 200;
  });
  running = false;
  await Promise.all(loops);
  assert.deepEqual(wrong.slice(0, 5), []);
  assert.equal(taken, 50);
  // The last world holds for everybody.
  const answers = await Promise.all(all.map((client) => client.timeout(10_000).emitWithAck('only one', 1)));
  assert.deepEqual(new Set(answers.map(({ status, recipients }) => `${status} ${recipients}`)), new Set([`ok ${clients}`]));
  const page = await scrape(relay.opsPort);
  assert.equal(page.value('fanfare_events_total', 'namespace="/",rule="x"'), events);
  const shown = ({ p50, p99, events: of }) => `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms of ${of}`;
  t.diagnostic(`without reloads ${shown(without)}; with a hundred ${shown(withReloads)}`);
  // Two cores for all of it, and this test is their user too: it is written, read and parsed here as well.
  assert.ok(withReloads.p99 < 3 * without.p99 + 20, `${shown(without)}; ${shown(withReloads)}`);
});
