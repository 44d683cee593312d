// What a client of a relay is told of the whole fleet: `count = "cluster"`, also while a server is frozen (row 24).
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { within } from '../lib/within.mjs';
import { ALL_NODE, Fleet, kinds } from './fleet.mjs';

for (const kind of kinds.slice(0, 2)) {
  describe(`counting in a ${kind.title} fleet`, { skip: ALL_NODE && 'of relays' }, () => {
    let fleet;
    before(async () => (fleet = await Fleet.start(kind, { cluster: { request_timeout_ms: 1000 } })));
    afterEach(() => fleet?.disperse());
    after(() => fleet?.stop());

    test('24: recipients of all nodes are counted, and it is said who did not answer in time', async () => {
      const people = await fleet.crowd();
      const sender = people.find(({ name }) => name === 'F').socket;
      const ask = (name) => within(3000, 'an answer', sender.emitWithAck(name, 1));
      assert.deepEqual(await ask('update'), { status: 'ok', recipients: 2, cluster: 'sent' });
      assert.deepEqual(await ask('counted'), { status: 'ok', recipients: 8, cluster: 'sent' });
      assert.deepEqual(await ask('counted-others'), { status: 'ok', recipients: 7, cluster: 'sent' });
      assert.deepEqual(await ask('counted-room'), { status: 'ok', recipients: 0, cluster: 'sent' });
      fleet.servers.B.freeze();
      try {
        const from = performance.now();
        assert.deepEqual(await ask('counted'), { status: 'ok', recipients: 6, cluster: 'sent', missing: 1 });
        assert.ok(performance.now() - from < 2000);
      } finally {
        fleet.servers.B.thaw();
      }
    });
  });
}
