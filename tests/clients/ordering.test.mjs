// A stream of numbered events while clients come and upgrade: nothing lost, doubled or reordered.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clientsOf, upgraded, variants } from '../lib/clients.mjs';
import { startRelay } from '../lib/relay.mjs';
import { until, within } from '../lib/within.mjs';

const senders = 5;
const eventsAtLeast = 200; // each: 1,000 in all

describe('order', () => {
  for (const variant of variants) {
    test(`1,000 numbered events of ${senders} senders reach clients that connect meanwhile (${variant.title})`, async (t) => {
      const relay = await startRelay();
      t.after(() => relay.kill());
      const { connectMany } = clientsOf(t, variant);
      const sending = await connectMany(senders, relay.url);
      const watching = sending.map(watch);

      // The senders go on until everyone who came meanwhile has upgraded: so the stream covers the upgrade.
      let done = false;
      const streams = sending.map(async (client, sender) => {
        let n = 0;
        while (n < eventsAtLeast || !done) {
          await client.timeout(5000).emitWithAck('update', { sender, n, filler: 'x'.repeat(n % 50) });
          n += 1;
        }
        return n;
      });
      const late = [];
      for (let wave = 0; wave < 3; wave++) {
        const clients = await connectMany(4, relay.url);
        late.push(...clients.map(watch));
        if (!variant.options.transports) await Promise.all(clients.map((client) => upgraded(client)));
        await until('events after the wave', () => late.at(-1).count > 50);
      }
      done = true;
      const totals = await within(20_000, 'end of the streams', Promise.all(streams));

      for (const watched of [...watching, ...late]) {
        await until('the last events', () => totals.every((total, sender) => watched.last[sender] === total - 1));
        assert.deepEqual(watched.faults, []);
      }
      for (const watched of watching) {
        assert.equal(watched.count, totals.reduce((sum, n) => sum + n), 'who was there from the start got all');
      }
    });
  }

  test('a burst without any pause arrives in order at everyone, text and attachments alike', async (t) => {
    const relay = await startRelay();
    t.after(() => relay.kill());
    for (const variant of variants) {
      const [sender, other] = await clientsOf(t, variant).connectMany(2, relay.url);
      const watched = watch(other);
      for (let n = 0; n < 500; n++) sender.emit('update', { sender: 0, n, blob: n % 3 ? n : Buffer.from([n % 256]) });
      await until('the whole burst', () => watched.last[0] === 499);
      assert.deepEqual(watched.faults, []);
      assert.equal(watched.count, 500);
    }
  });
});

/** Checks the numbers a client receives: from the first seen of each sender, each is one more than the last. */
function watch(client) {
  const watched = { last: [], count: 0, faults: [] };
  client.on('update', ({ sender, n, blob }) => {
    const last = watched.last[sender];
    if (last !== undefined && n !== last + 1) watched.faults.push(`${n} after ${last} of sender ${sender}`);
    if (blob?.length !== undefined && blob[0] !== n % 256) watched.faults.push(`the wrong attachment at ${n}`);
    watched.last[sender] = n;
    watched.count += 1;
  });
  return watched;
}
