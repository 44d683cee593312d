// A Redis Cluster of three with Node servers at it, and a master that fails and is followed by its replica.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { scrape } from '../lib/metrics.mjs';
import { Redis, Sentinel } from '../lib/redis.mjs';
import { startRelay } from '../lib/relay.mjs';
import { until } from '../lib/within.mjs';
import { ALL_NODE, Fleet, kinds } from './fleet.mjs';

/** Three masters that know each other and have all slots. */
async function redisCluster() {
  const masters = await Promise.all([0, 1, 2].map(() => Redis.start({
    args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-require-full-coverage', 'no'],
    hasBus: true,
  })));
  const bounds = [[0, 5460], [5461, 10922], [10923, 16383]];
  for (const [index, master] of masters.entries()) {
    await master.ask('CLUSTER', 'ADDSLOTSRANGE', ...bounds[index].map(String));
    if (index > 0) await master.ask('CLUSTER', 'MEET', '127.0.0.1', String(masters[0].port));
  }
  for (const master of masters) {
    await until('a cluster', async () => {
      const info = await master.ask('CLUSTER', 'INFO');
      return /cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info) && /cluster_slots_assigned:16384/.test(info);
    }, { ms: 20_000 });
  }
  return masters;
}

/** A fleet at a Redis Cluster: what is counted is counted over its masters. */
class WideFleet extends Fleet {
  async count(namespace = '/') {
    let sum = 0;
    for (const master of this.masters) {
      const [command, channel] = this.kind.adapter === 'sharded'
        ? ['SHARDNUMSUB', this.channel('event', namespace)]
        : ['NUMSUB', this.channel('request', namespace)];
      sum += Number((await master.ask('PUBSUB', command, channel).catch(() => [0, 0]))[1]);
    }
    return sum;
  }

  async subscribed() {}
}

for (const kind of kinds.slice(0, 2)) {
  describe(`a ${kind.title} fleet at a Redis Cluster`, () => {
    let masters;
    let fleet;
    before(async () => {
      masters = await redisCluster();
      fleet = Object.assign(Object.create(WideFleet.prototype), {
        kind, redis: masters[0], masters, prefix: 'socket.io', servers: {}, people: [], cluster: {},
        urls: Object.fromEntries(['A', 'B', 'F', 'G'].map((name) => [name, masters.map(({ url }) => url)])),
      });
      await Promise.all(['A', 'B', 'F', 'G'].map((name) => fleet.add(name)));
      await fleet.whole(4, 15_000);
    });
    afterEach(() => fleet?.disperse());
    after(async () => {
      await fleet?.stop();
      await Promise.all((masters ?? []).slice(1).map((master) => master.stop()));
    });

    test('relays, and answers', async () => {
      const people = await fleet.crowd();
      for (const sender of people) {
        sender.socket.emit('update', sender.title, Buffer.from([1]));
        // A Node server publishes each message through any master: there is no order that a mark could rely on.
        await until('it', () => people.every(({ heard }) => heard.length > 0));
        await fleet.hears(people, [['update', sender.title, Buffer.from([1])]]);
      }
      const found = await fleet.servers.A.run(async (io) => (await io.fetchSockets()).map(({ id }) => id));
      assert.deepEqual(found.sort(), people.map(({ socket }) => socket.id).sort());
    });
  });
}

describe('a master that fails', { skip: ALL_NODE && 'of relays' }, () => {
  test('is left for its successor', { timeout: 60_000 }, async (t) => {
    const master = await Redis.start();
    t.after(() => master.stop());
    const replica = await Redis.start({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
    t.after(() => replica.stop());
    await until('a replica', async () => /master_link_status:up/.test(await replica.ask('INFO', 'replication')), { ms: 15_000 });
    const sentinel = await Sentinel.start(master.port);
    t.after(() => sentinel.stop());
    await until('a sentinel that knows both', async () => /slaves=1/.test(await sentinel.ask('INFO', 'sentinel')), { ms: 20_000 });

    const namespaces = [{ name: '/', rules: [{ on: 'mark' }, { on: 'update' }] }];
    const redis = `redis+sentinel://127.0.0.1:${sentinel.port}/mine`;
    const start = () => startRelay({ namespaces, ops: true, unlimited: true, cluster: { redis, at_start: 'fail' } });
    const servers = { F: await start(), G: await start() };
    const fleet = Object.assign(Object.create(Fleet.prototype), {
      kind: kinds[0], redis: master, prefix: 'socket.io', servers, people: [], urls: {}, cluster: {},
    });
    t.after(() => Promise.all(Object.values(servers).map((relay) => relay.kill())));
    t.after(() => fleet.disperse());
    const people = await fleet.crowd();
    people[0].socket.emit('update', 1);
    await fleet.hears(people, [['update', 1]]);

    await master.kill();
    // A sentinel ends the connections of whom it makes a master, this one's too.
    const role = () => replica.ask('INFO', 'replication').catch((error) => `${error}`);
    await until('another master', async () => /role:master/.test(await role()), { ms: 20_000 });
    for (const relay of Object.values(servers)) {
      await until('it to be joined again', async () => {
        const page = await scrape(relay.opsPort);
        return page.value('fanfare_cluster_up') === 1 && page.value('fanfare_cluster_reconnects_total') > 0;
      }, { ms: 15_000, every: 100 });
    }
    fleet.heard();
    people[0].socket.emit('update', 2);
    await fleet.hears(people, [['update', 2]]);
  });
});
