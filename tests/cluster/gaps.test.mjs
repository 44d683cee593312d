// What is lost between relays is counted, and `on_gap = "reset"` has those come back who missed it and nobody else: G is told by F
// what F sent, with a way to Redis for each that is cut, frozen and slow.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { scrape } from '../lib/metrics.mjs';
import { Redis } from '../lib/redis.mjs';
import { startRelay } from '../lib/relay.mjs';
import { TcpProxy } from '../lib/tcp-proxy.mjs';
import { until } from '../lib/within.mjs';
import { ALL_NODE, Fleet, kinds } from './fleet.mjs';

const rules = [{ on: 'stream' }, { on: 'mark' }];
const namespaces = [{ name: '/', rules }, { name: '/chat', rules }];

/** A relay that finds Redis by a way of its own. */
async function start(redis, kind, name, cluster) {
  const way = await TcpProxy.to(redis.port);
  const { adapter, mode } = kind;
  const relay = await startRelay({
    namespaces,
    ops: true,
    unlimited: true,
    cluster: { redis: `redis://127.0.0.1:${way.port}`, adapter, mode, name, outgoing_ms_max: 300, reset_spread_s: 1, ...cluster },
  }, { args: ['--log', 'info'] });
  return Object.assign(relay, { way });
}

const page = (relay) => scrape(relay.opsPort);
const missed = async (relay) => (await page(relay)).sum('fanfare_cluster_missed_total');
const isUp = async (relay) => (await page(relay)).value('fanfare_cluster_up') === 1;
const resets = (relay, namespace) => relay.log.split('\n')
  .filter((line) => line.includes('closing the sockets of a namespace') && line.endsWith(`namespace=${namespace}`)).length;

/** Waits until each was told by the other what it sent. */
async function compared(relay) {
  const lag = async () => /fanfare_cluster_lag_seconds \d/.test((await page(relay)).text);
  await until('a heartbeat', async () => (await page(relay)).value('fanfare_cluster_peers') === 1 && await lag());
  await delay(1200);
}

/** What a client heard of a stream. */
const numbers = ({ heard }) => heard.filter(([name]) => name === 'stream').map(([, number]) => number);

for (const kind of [kinds[0], kinds[1]]) {
  describe(`gaps in a ${kind.title} fleet of relays`, { skip: ALL_NODE && 'of relays' }, () => {
    const isClassic = kind.adapter === 'classic';
    // What is the same in either and takes long is tried in one.
    const skip = !isClassic && 'tried in a classic fleet';
    let fleet;
    let F;
    let G;
    before(async () => {
      const redis = await Redis.start();
      // F counts; what is looked at is what G does about what F lost.
      [F, G] = await Promise.all([start(redis, kind, 'F', { on_gap: 'count' }), start(redis, kind, 'G', { on_gap: 'reset' })]);
      fleet = Object.assign(Object.create(Fleet.prototype), { kind, redis, prefix: 'socket.io', servers: { F, G }, people: [], urls: {}, cluster: {} });
      await fleet.whole(2);
      await Promise.all([compared(F), compared(G)]);
    });
    afterEach(() => fleet?.disperse());
    after(async () => {
      F?.way.stop();
      G?.way.stop();
      await fleet?.stop();
    });

    /** Clients at both, in both namespaces; those at G say how often they came. */
    async function people() {
      const all = {
        speaker: await fleet.client('F'),
        chatting: await fleet.client('F', { namespace: '/chat' }),
        root: await fleet.client('G', { reconnection: true, reconnectionDelay: 10 }),
        chat: await fleet.client('G', { namespace: '/chat', reconnection: true, reconnectionDelay: 10 }),
      };
      for (const person of [all.root, all.chat]) {
        person.times = 0;
        person.socket.on('disconnect', () => (person.times += 1));
      }
      return all;
    }

    /** Publishes until the other side hears again, and waits until heartbeats have told what there was to tell. */
    async function heardAgain({ speaker, root }) {
      let number = 0;
      await until('the next event', async () => {
        speaker.socket.emit('stream', `again ${number += 1}`);
        await delay(50);
        return numbers(root).includes(`again ${number}`);
      }, { ms: 15_000 });
      await delay(1500);
    }

    test('what F cannot send is missed at G, in its namespace, and those clients come back', { timeout: 60_000 }, async () => {
      const all = await people();
      const before = await missed(G);
      F.way.cut();
      await until('the loss to be noticed', async () => !(await isUp(F)), { ms: 15_000 });
      const already = numbers(all.root).length;
      for (let number = 0; number < 20; number += 1) all.speaker.socket.emit('stream', number);
      await until('all to be dropped', async () => (await page(F)).value('fanfare_cluster_dropped_total', 'reason="not_joined"') >= 20);
      assert.equal(await missed(G), before, 'nobody can know it yet');
      F.way.well();
      await until('it to be joined again', () => isUp(F), { ms: 15_000 });
      await until('it to be told', async () => await missed(G) > before);
      await until('them to come back', () => all.root.times === 1 && all.root.socket.connected);
      await heardAgain(all);
      assert.equal(await missed(G) - before, 20);
      assert.deepEqual(numbers(all.root).slice(already).filter(Number.isInteger), []);
      assert.deepEqual([all.root.times, all.chat.times], [1, 0], 'nothing of /chat was missed');
      assert.deepEqual([all.speaker.left, all.chatting.left], [undefined, undefined], 'F counts');
      assert.equal(resets(G, '/'), 1);
    });

    test('without a loss nothing is counted and nobody is sent away: busy, slow, and frozen for a while', { timeout: 60_000 }, async () => {
      const all = await people();
      const [before, surplus] = [await missed(G), (await page(G)).value('fanfare_cluster_surplus_total')];
      let number = 0;
      const busy = async (ms) => {
        for (const end = Date.now() + ms; Date.now() < end; await delay(5)) {
          all.speaker.socket.emit('stream', number);
          all.chatting.socket.emit('stream', number);
          number += 1;
        }
      };
      await busy(1500);
      G.way.slow(20_000);
      F.way.slow(20_000);
      await busy(1500);
      G.way.well();
      F.way.well();
      G.way.freeze();
      await busy(1500);
      G.way.well();
      await until('all of it', () => numbers(all.root).length >= number && numbers(all.chat).length >= number, { ms: 15_000 });
      await delay(1500);
      for (const person of [all.root, all.chat]) {
        assert.deepEqual(numbers(person), [...Array(number).keys()]);
        assert.equal(person.times, 0);
      }
      const after = await page(G);
      assert.equal(after.sum('fanfare_cluster_missed_total'), before, after.text);
      assert.equal(after.value('fanfare_cluster_surplus_total'), surplus, after.text);
    });

    test('what is said while F hears nothing is missed, to the last message', { timeout: 60_000 }, async () => {
      const [speaker, stays] = [await fleet.client('G', { reconnection: true }), await fleet.client('F')];
      const before = await missed(F);
      let number = 0;
      let goes = true;
      const busy = (async () => {
        for (; goes; await delay(10)) speaker.socket.emit('stream', number++);
      })();
      for (const spoil of isClassic ? ['cut', 'freeze'] : ['cut']) {
        await delay(300);
        F.way[spoil]();
        await until(`the loss by ${spoil} to be noticed`, async () => !(await isUp(F)), { ms: 15_000 });
        F.way.well();
        await until('it to be joined again', () => isUp(F), { ms: 15_000 });
      }
      goes = false;
      await busy;
      // What was said before may have been said before it had joined.
      speaker.socket.emit('stream', number++);
      await until('the last', () => numbers(stays).includes(number - 1));
      await delay(1500);
      const heard = numbers(stays);
      assert.deepEqual(heard, [...new Set(heard)], 'something came twice');
      const after = await page(F);
      assert.ok(heard.length < number, 'nothing was lost');
      assert.equal(after.sum('fanfare_cluster_missed_total') - before, number - heard.length, after.text);
      assert.equal(after.value('fanfare_cluster_surplus_total'), 0, after.text);
      assert.equal(stays.left, undefined, 'F counts');
    });

    test('who was deaf has all its clients come back, since nobody counts for Node servers', { skip, timeout: 60_000 }, async () => {
      const all = await people();
      G.way.cut();
      await until('the loss to be noticed', async () => !(await isUp(G)), { ms: 15_000 });
      const from = resets(G, '/');
      G.way.well();
      // One that was reset a moment ago rests for half a minute; it is not forgotten.
      await until('all to come back', () => all.root.times > 0 && all.chat.times > 0, { ms: 40_000 });
      // Clients may see it before the log is read.
      await until('it to be said', () => resets(G, '/') > from);
      assert.equal(resets(G, '/') - from, 1);
      assert.deepEqual([all.speaker.left, all.chatting.left], [undefined, undefined]);
    });

    test('F reads too slowly, and Redis cuts it off: what it missed is counted', { skip, timeout: 60_000 }, async () => {
      const [speaker, stays] = [await fleet.client('G', { reconnection: true }), await fleet.client('F')];
      const before = await missed(F);
      const { redis } = fleet;
      const joins = async () => (await page(F)).value('fanfare_cluster_reconnects_total');
      const joined = await joins();
      const limit = (await redis.ask('CONFIG', 'GET', 'client-output-buffer-limit'));
      await redis.ask('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 1000000 500000 1');
      F.way.slow(200_000);
      const text = 'x'.repeat(100_000);
      let number = 0;
      await until('Redis to be tired of it', async () => {
        for (let times = 0; times < 5; times += 1) speaker.socket.emit('stream', number++, text);
        await delay(100);
        // It may be back before anybody looks.
        return !await isUp(F) || await joins() > joined;
      }, { ms: 30_000 });
      F.way.well();
      await redis.ask('CONFIG', 'SET', 'client-output-buffer-limit', Array.isArray(limit) ? limit[1] : Object.values(limit)[0]);
      await until('it to be joined again', () => isUp(F), { ms: 15_000 });
      const mark = number;
      await until('F to hear again', () => {
        speaker.socket.emit('stream', number++);
        return numbers(stays).some((heard) => heard >= mark);
      }, { ms: 20_000, every: 100 });
      await until('the last', () => numbers(stays).includes(number - 1), { ms: 20_000 });
      await delay(1500);
      const heard = numbers(stays);
      assert.ok(heard.length < number, 'nothing was lost');
      const after = await page(F);
      const unsent = (await page(G)).sum('fanfare_cluster_dropped_total');
      assert.equal(after.sum('fanfare_cluster_missed_total') - before, number - heard.length, `${unsent} unsent\n${after.text}`);
    });

    test('F stops and starts, in order and not: no gap', { timeout: 60_000 }, async () => {
      const before = await missed(G);
      const settled = resets(G, '/');
      const stays = await fleet.client('G');
      for (const signal of ['SIGTERM', 'SIGKILL']) {
        const speaker = await fleet.client('F');
        for (let number = 0; number < 50; number += 1) speaker.socket.emit('stream', `${signal} ${number}`);
        await until('all of it', () => numbers(stays).filter((text) => text.startsWith(signal)).length === 50);
        fleet.servers.F.way.stop();
        fleet.servers.F.child.kill(signal);
        await fleet.servers.F.exited;
        // From here on it keeps what it could not send yet, also on a busy machine.
        fleet.servers.F = F = await start(fleet.redis, kind, 'F', { on_gap: 'count', outgoing_ms_max: 10_000 });
        await fleet.whole(2, 10_000);
        await compared(F);
      }
      assert.equal(await missed(G), before);
      assert.equal(resets(G, '/'), settled);
      assert.equal(stays.left, undefined);
    });

    test('what a relay has no room for is missed once, whoever said it', { timeout: 60_000 }, async () => {
      const H = await start(fleet.redis, kind, 'H', { on_gap: 'reset', incoming_bytes_max: 65_536 });
      fleet.servers.H = H;
      try {
        await fleet.whole(3);
        await until('a heartbeat', async () => (await page(H)).value('fanfare_cluster_peers') === 2);
        await delay(1500);
        const others = await fleet.client('H', { namespace: '/chat' });
        const [speaker, there] = [await fleet.client('F'), await fleet.client('G')];
        const flood = async (many, publish) => {
          const from = { missed: await missed(H), received: (await page(H)).value('fanfare_cluster_received_total') };
          const listener = await fleet.client('H');
          await publish(many);
          await until('all to be read', async () => (await page(H)).value('fanfare_cluster_received_total') - from.received >= many, { ms: 20_000 });
          // Who is sent away meanwhile has heard of it what there was until then: whose connection ends hears no more.
          const reset = until('it to be sent away', () => listener.left !== undefined, { ms: 10_000 });
          await delay(1500);
          const after = await page(H);
          const dropped = after.value('fanfare_cluster_dropped_total', 'reason="incoming"');
          return { missed: after.sum('fanfare_cluster_missed_total') - from.missed, dropped, reset, text: after.text };
        };
        const text = 'x'.repeat(8_000);
        const first = await flood(500, async (many) => {
          // In one pipeline to Redis, as fast as it goes.
          for (let number = 0; number < many; number += 1) speaker.socket.emit('stream', number, text);
          await until('G to have heard all', () => numbers(there).length === many, { ms: 20_000 });
        });
        assert.ok(first.dropped > 0, first.text);
        assert.equal(first.missed, first.dropped, first.text);
        await first.reset;
        if (isClassic) {
          const body = JSON.stringify(['emitter', { type: 2, data: ['stream', 1, text], nsp: '/' }, { rooms: [], except: [], flags: {} }]);
          const client = await fleet.redis.client();
          const second = await flood(500, (many) => Promise.all(Array.from({ length: many }, () => client.publish('socket.io#/#', body))));
          assert.ok(second.dropped > first.dropped, second.text);
          assert.equal(second.missed, second.dropped - first.dropped, second.text);
          assert.ok((await page(H)).value('fanfare_cluster_missed_total', 'peer="other"') === second.missed);
        }
        assert.equal(others.left, undefined, 'nothing of /chat was dropped');
        assert.equal((await page(H)).value('fanfare_cluster_surplus_total'), 0);
      } finally {
        H.way.stop();
        await H.kill();
        delete fleet.servers.H;
      }
    });
  });
}
