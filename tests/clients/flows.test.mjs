// The two applications that the relay takes Node's place for, with their clients as they are.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clientsOf, received, upgraded, variants } from '../lib/clients.mjs';
import { sharedRelay } from '../lib/relay.mjs';
import { bothApplications, withRules } from '../lib/settings.mjs';

describe('the applications', () => {
  const hub = sharedRelay({ before, after }, withRules(bothApplications));

  for (const variant of variants) {
    describe(variant.title, () => {
      test('an update of the dashboard reaches every client and its sender', async (t) => {
        const clients = await clientsOf(t, variant).connectMany(3, hub.url);
        const all = clients.map((client) => received(client, 'update'));
        const update = { section: 'news', items: [{ id: 7, title: 'Größe' }], at: 1.5 };
        clients[0].emit('update', update);
        for (const seen of all) assert.deepEqual(await seen, [update]);
      });

      test('a database-change of PhotoFlow arrives everywhere as database-changed', async (t) => {
        const clients = await clientsOf(t, variant).connectMany(3, hub.url);
        const all = clients.map((client) => received(client, 'database-changed'));
        const change = { type: 'task-created', task: { id: 'a1', labels: ['x', null], done: false } };
        clients[1].emit('database-change', change);
        for (const seen of all) assert.deepEqual(await seen, [change]);
      });

      test('a database-change never arrives under its own name', async (t) => {
        const { connectMany } = clientsOf(t, variant);
        const [sender, other] = await connectMany(2, hub.url);
        other.on('database-change', () => assert.fail('relayed under the name it was sent with'));
        const renamed = received(other, 'database-changed');
        sender.emit('database-change', {});
        await renamed;
      });

      test('the connection carries events after its transport has settled', async (t) => {
        const [sender, other] = await clientsOf(t, variant).connectMany(2, hub.url);
        if (!variant.options.transports) await Promise.all([sender, other].map((client) => upgraded(client)));
        const expected = variant.options.transports?.[0] ?? 'websocket';
        assert.equal(sender.io.engine.transport.name, expected);
        const seen = received(other, 'update');
        sender.emit('update', 'settled');
        assert.deepEqual(await seen, ['settled']);
      });
    });
  }

  test('clients on different transports and of different versions see each other', async (t) => {
    const clients = await Promise.all(variants.map((variant) => clientsOf(t, variant).connect(hub.url)));
    for (const sender of clients) {
      const all = clients.map((client) => received(client, 'update'));
      sender.emit('update', sender.id, Buffer.from([1, 2, 3]));
      for (const seen of all) {
        const [id, bytes] = await seen;
        assert.equal(id, sender.id);
        assert.deepEqual([...bytes], [1, 2, 3]);
      }
    }
  });
});

describe('a relay without a rule', () => {
  const hub = sharedRelay({ before, after }, withRules([]));

  for (const variant of variants) {
    test(`relays every event to all under its own name (${variant.title})`, async (t) => {
      const clients = await clientsOf(t, variant).connectMany(2, hub.url);
      for (const name of ['update', 'anything at all', 'error', 'ünïcødé 🎉', '__proto__']) {
        const all = clients.map((client) => received(client, name));
        clients[0].emit(name, name);
        for (const seen of all) assert.deepEqual(await seen, [name]);
      }
    });
  }
});
