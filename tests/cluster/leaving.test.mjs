// A relay leaves its fleet in order, and comes back: nobody waits for it, and who stays misses nothing.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { scrape } from '../lib/metrics.mjs';
import { until } from '../lib/within.mjs';
import { ALL_NODE, Fleet, kinds } from './fleet.mjs';

for (const kind of kinds.slice(0, 2)) {
  describe(`leaving a ${kind.title} fleet`, { skip: ALL_NODE && 'of relays' }, () => {
    let fleet;
    before(async () => (fleet = await Fleet.start(kind)));
    after(() => fleet?.stop());

    test('it is counted no more, says goodbye, and is there again', { timeout: 60_000 }, async () => {
      const people = [];
      for (const name of ['A', 'B', 'F']) people.push(await fleet.client(name));
      const { A, F, G } = fleet.servers;
      await until('each other', async () => (await scrape(F.opsPort)).value('fanfare_cluster_peers') === 1);
      await A.run((io) => {
        let number = 0;
        globalThis.talking = setInterval(() => io.emit('stream', number++), 2);
      });
      const talked = () => until('some of it', () => people.every(({ heard }) => heard.length > 20));
      await talked();
      const { code } = await G.stop();
      assert.equal(code, 0);
      assert.equal(await fleet.count(), 3);
      const from = performance.now();
      const found = await A.run(async (io) => (await io.fetchSockets()).length);
      assert.equal(found, 3);
      assert.ok(performance.now() - from < 1000);
      await until('the farewell', () => /another node is gone.*how=Left/.test(F.log));
      await fleet.add('G');
      await fleet.whole(4);
      await until('each other again', async () => (await scrape(F.opsPort)).value('fanfare_cluster_peers') === 1);
      await A.run((io) => void clearInterval(globalThis.talking));
      await fleet.settled();
      for (const { heard, title } of people) {
        const numbers = heard.map(([, number]) => number);
        assert.deepEqual(numbers, numbers.map((_, index) => numbers[0] + index), `${title} has a gap`);
      }
      const page = await scrape(F.opsPort);
      assert.equal(page.sum('fanfare_cluster_missed_total'), 0, page.text);
      assert.equal(page.sum('fanfare_cluster_dropped_total'), 0, page.text);
    });
  });
}
