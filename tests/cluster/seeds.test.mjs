// The two seed applications over a mixed fleet: their own hubs on Node, with the adapter, beside relays with the rules that
// their pages of the documentation have; and one server after the other replaced.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Emitter } from '@socket.io/redis-emitter';
import { io } from 'socket.io-client';
import { ALL, emit, key, listen, ops } from '../lib/api.mjs';
import { connected } from '../lib/clients.mjs';
import { request } from '../lib/raw-http.mjs';
import { Redis } from '../lib/redis.mjs';
import { startRelay } from '../lib/relay.mjs';
import { TcpProxy } from '../lib/tcp-proxy.mjs';
import { until } from '../lib/within.mjs';
import { ALL_NODE, NodeServer } from './fleet.mjs';

const page = (name) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
/** The rules as a page has them. */
const rules = (name) => page(name).split('```toml\n').slice(1).map((rest) => rest.split('```')[0]).find((toml) => toml.includes('[[namespace.rule]]'));

const applications = {
  dashboard: { says: 'update', hears: 'update', toml: rules('replacing-a-node-hub.md') },
  photoflow: { says: 'database-change', hears: 'database-changed', toml: rules('replacing-the-vite-plugin.md') },
};
const changes = [
  { table: 'photos', action: 'insert', row: { id: 7, title: 'Größe 💥', tags: ['a', null], size: 1.5e9 } },
  { id: 1, preview: Buffer.from([0, 1, 255]) },
  'text',
  null,
];

for (const [application, { says, hears, toml }] of Object.entries(applications)) {
  describe(`${application} over a mixed fleet`, () => {
    let redis;
    before(async () => (redis = await Redis.start()));
    after(() => redis?.stop());

    const startNode = async (t) => {
      const server = await NodeServer.start({ application, redis: redis.url }, 'seed-hub.mjs');
      t.after(() => server.kill());
      return server;
    };
    const startFanfare = async (t) => {
      if (ALL_NODE) return await startNode(t);
      const relay = await startRelay({ toml: ops + listen + key('all', ALL) + toml, cluster: { redis: redis.url } });
      t.after(() => relay.kill());
      await until('readiness', async () => (await request(relay.opsPort, '/readyz')).status === 200);
      return relay;
    };
    const counted = (count) => until(`${count} servers`, async () => {
      const reply = await redis.ask('PUBSUB', 'NUMSUB', 'socket.io-request#/#');
      return Number(Array.isArray(reply) ? reply[1] : Object.values(reply)[0]) === count;
    });
    /** A client that keeps what it hears, under whatever name. */
    const client = async (t, url, options) => {
      const socket = io(url, { forceNew: true, reconnection: false, ...options });
      t.after(() => socket.disconnect());
      socket.heard = [];
      socket.onAny((...heard) => socket.heard.push(heard));
      await connected(socket);
      return socket;
    };
    /** Everybody has heard this since the last time, and nothing else. */
    const allHear = async (sockets, expected) => {
      await until('it', () => sockets.every(({ heard }) => heard.length >= expected.length)).catch(() => {});
      sockets.forEach(({ heard }, index) => assert.deepEqual(heard.splice(0), expected, `client ${index}`));
    };
    const mixed = async (t) => {
      const servers = await Promise.all([startNode(t), startNode(t), startFanfare(t), startFanfare(t)]);
      await counted(4);
      const sockets = [];
      for (const { url } of servers) {
        for (const transports of [['websocket'], ['polling']]) sockets.push(await client(t, url, { transports }));
      }
      return { servers, sockets };
    };

    test('each client\'s changes reach the clients of all servers, once', async (t) => {
      const { sockets } = await mixed(t);
      for (const socket of sockets) {
        for (const change of changes) socket.emit(says, change);
        await allHear(sockets, changes.map((change) => [hears, change]));
      }
    });

    test('programs that only emit reach them too', async (t) => {
      const { servers, sockets } = await mixed(t);
      const emitter = new Emitter(await redis.client());
      emitter.emit(hears, changes[1]);
      await allHear(sockets, [[hears, changes[1]]]);
      // Into a room go one of a Node server and one of a relay; out of it again; and away.
      const [one, other] = [sockets[0], sockets[4]];
      const rest = sockets.filter((socket) => socket !== one && socket !== other);
      emitter.in([one.id, other.id]).socketsJoin('album:7');
      emitter.to('album:7').emit(hears, 'in the album');
      emitter.except('album:7').emit(hears, 'outside');
      await allHear([one, other], [[hears, 'in the album']]);
      await allHear(rest, [[hears, 'outside']]);
      emitter.in('album:7').socketsLeave('album:7');
      emitter.to('album:7').emit(hears, 'nobody');
      emitter.emit(hears, 'everybody');
      await allHear(sockets, [[hears, 'everybody']]);
      emitter.in(other.id).disconnectSockets();
      await until('its end', () => !other.connected);
      if (ALL_NODE) return;
      // What `App.socket` was to be for.
      const { status, body } = await emit(servers[2], { event: hears, args: [changes[0]] });
      assert.deepEqual([status, body], [200, { recipients: 1, cluster: 'sent' }]);
      await allHear(sockets.filter((socket) => socket !== other), [[hears, changes[0]]]);
    });

    test('servers are replaced one by one, and who moves misses only what was said while it was away', { timeout: 60_000 }, async (t) => {
      const [first, second] = [await startNode(t), await startNode(t)];
      await counted(2);
      // The balancer: who comes anew is sent to the server that is to stay.
      const balancers = [await TcpProxy.to(first.port), await TcpProxy.to(second.port)];
      t.after(() => balancers.forEach((balancer) => balancer.stop()));
      const back = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 100 };
      const urls = balancers.map(({ port }) => `http://127.0.0.1:${port}`);
      const watchers = [];
      for (const url of urls) {
        watchers.push(await client(t, url, back), await client(t, url, { ...back, transports: ['polling'] }));
      }
      for (const watcher of watchers) {
        // Where it was away.
        watcher.on('connect', () => watcher.heard.push('back'));
      }
      let number = 0;
      const talkers = [await client(t, urls[0], back), await client(t, urls[1], back)];
      const say = (talker) => talker.emit(says, [talkers.indexOf(talker), number += 1]);
      const timer = setInterval(() => talkers.forEach(say), 4);
      t.after(() => clearInterval(timer));
      const heardALot = () => until('some of it', () => watchers.every(({ heard }) => heard.length > 100));

      // Node, Node to Fanfare, Node; to Fanfare, Fanfare; and back to Node, Fanfare; and, for comparison, from Node to Node.
      const steps = [[0, startFanfare], [1, startFanfare], [0, startNode], [0, startNode]];
      const servers = [first, second];
      for (const [place, startNext] of steps) {
        await heardALot();
        const next = await startNext(t);
        await counted(3);
        watchers.forEach(({ heard }) => heard.splice(0));
        await heardALot();
        balancers[place].target = next.port;
        if (servers[place].stop) await servers[place].stop();
        else await servers[place].kill();
        servers[place] = next;
        await counted(2);
        const moved = watchers.filter((_, index) => Math.floor(index / 2) === place);
        await until('their return', () => moved.every(({ connected, heard }) => connected && heard.includes('back')));
        const since = watchers.map(({ heard }) => heard.length);
        await until('more', () => watchers.every(({ heard }, index) => heard.length > since[index] + 100));
        for (const [index, { heard }] of watchers.entries()) {
          const all = heard.splice(0);
          assert.deepEqual(all.filter((heard) => heard === 'back').length, moved.includes(watchers[index]) ? 1 : 0);
          // Of each talker: in order, each once, and none missing but where this client, or the talker, was away.
          for (const talker of talkers.keys()) {
            const parts = [[]];
            for (const entry of all) {
              if (entry === 'back') parts.push([]);
              else if (entry[1][0] === talker) parts.at(-1).push(entry[1][1]);
            }
            const numbers = parts.flat();
            assert.deepEqual(numbers, [...new Set(numbers)].sort((one, other) => one - other), `watcher ${index}: order`);
            if (talker === place) continue;
            for (const part of parts) {
              const steps = part.slice(1).map((number, at) => number - part[at]);
              assert.ok(steps.every((step) => step === 2), `watcher ${index} has a gap: ${steps}`);
            }
          }
        }
      }
    });
  });
}
