// What goes wrong with Redis and on the way to it: rows 20 to 22 and 25, and ways that are cut, frozen or open at one end.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { scrape } from '../lib/metrics.mjs';
import { Redis } from '../lib/redis.mjs';
import { TcpProxy } from '../lib/tcp-proxy.mjs';
import { until } from '../lib/within.mjs';
import { ALL_NODE, Fleet, kinds } from './fleet.mjs';
import { locally, numbers, trouble } from './trouble.mjs';

for (const kind of kinds.slice(0, 2)) {
  trouble(kind, (fleetOf) => {
    test('25: a neighbour sends 40 MB in two seconds', { timeout: 60_000 }, async () => {
      const fleet = fleetOf();
      const people = await fleet.crowd('/', ['websocket']);
      const body = JSON.stringify('x'.repeat(99_000));
      // To a room of somebody at F: each of these has to be read there.
      const listener = people.find(({ name }) => name === 'F');
      await fleet.servers.A.run(async (io, [text, id]) => {
        for (let number = 0; number < 400; number += 1) {
          io.to(id).emit('flood', number, text);
          if (number % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }, [JSON.parse(body), listener.socket.id], 30_000);
      // Whatever is said before may be dropped like the flood itself.
      let page;
      await until('the end of the flood', async () => {
        page = await scrape(fleet.servers.F.opsPort);
        const heard = listener.heard.filter(([name]) => name === 'flood').length;
        return heard + page.sum('fanfare_cluster_dropped_total') >= 400;
      }, { ms: 20_000, every: 50 });
      // So may what is said while the others read it, which hear it as well where there is one channel for all.
      const sender = people.find(({ name }) => name === 'A');
      await until('everybody to hear again', () => {
        sender.socket.emit('update', 'over');
        return people.every(({ heard }) => heard.some(([name, word]) => name === 'update' && word === 'over'));
      }, { every: 50 });
      await fleet.settled(people);
      assert.deepEqual(people.map(({ left }) => left), people.map(() => undefined));
      assert.equal(page.value('fanfare_cluster_up'), 1);
    });
  });
}

describe('the way to Redis', { skip: ALL_NODE && 'Node servers do not hold up' }, () => {
  let fleet;
  let way;
  let redis;
  before(async () => {
    redis = await Redis.start();
    way = await TcpProxy.to(redis.port);
    fleet = await Fleet.start(kinds[0], { redis, urls: { F: `redis://127.0.0.1:${way.port}` } });
  });
  afterEach(() => fleet?.disperse());
  after(async () => {
    await fleet?.stop();
    way?.stop();
  });

  const ways = {
    'is cut': () => way.cut(),
    'is frozen for longer than it waits': () => way.freeze(),
    'is open at our end only': () => way.halfOpen(),
  };
  for (const [what, spoil] of Object.entries(ways)) {
    test(`${what}, and is well again`, { timeout: 60_000 }, async () => {
      const [one, other, remote] = [await fleet.client('F'), await fleet.client('F'), await fleet.client('G')];
      const local = locally(one, other);
      const { opsPort } = fleet.servers.F;
      const before = (await scrape(opsPort)).value('fanfare_cluster_reconnects_total');
      spoil();
      await until('the loss to be noticed', async () => (await scrape(opsPort)).value('fanfare_cluster_up') === 0, { ms: 15_000, every: 100 });
      way.well();
      await until('it to be joined again', async () => (await scrape(opsPort)).value('fanfare_cluster_up') === 1, { ms: 10_000, every: 100 });
      assert.ok((await scrape(opsPort)).value('fanfare_cluster_reconnects_total') > before);
      await local.isQuick();
      await fleet.whole(4, 15_000);
      remote.heard.length = 0;
      one.socket.emit('stream', 'after');
      await until('the next event', () => numbers(remote).includes('after'));
      assert.deepEqual([one.left, other.left, remote.left], [undefined, undefined, undefined]);
    });
  }
});
