// Who gets what: the scopes of a rule, and namespaces.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clientsOf, received, recorded, settled, variants } from '../lib/clients.mjs';
import { sharedRelay, startRelay } from '../lib/relay.mjs';
import { everyScope, withRules } from '../lib/settings.mjs';

describe('the scope of a rule', () => {
  const hub = sharedRelay({ before, after }, withRules([...everyScope, { on: 'mark' }]));

  /** Sends `name` from the first of three clients, and tells which of them got it. */
  async function reached(t, variant, name, prepare = () => {}) {
    const clients = await clientsOf(t, variant).connectMany(3, hub.url);
    await prepare(clients);
    const events = clients.map(recorded);
    clients[0].emit(name, 1);
    // The mark takes the same way as the event, so nothing can still be under way when everyone has it.
    const marks = clients.map((client) => received(client, 'mark'));
    await settled(clients[0], 'mark');
    await Promise.all(marks);
    return events.map((list) => list.filter(([seen]) => seen === name).length);
  }

  for (const variant of variants) {
    describe(variant.title, () => {
      test('all: everyone gets it once, the sender included', async (t) => {
        assert.deepEqual(await reached(t, variant, 'to-all'), [1, 1, 1]);
      });
      test('others: everyone but the sender gets it', async (t) => {
        assert.deepEqual(await reached(t, variant, 'to-others'), [0, 1, 1]);
      });
      test('sender: only the sender gets it', async (t) => {
        assert.deepEqual(await reached(t, variant, 'to-sender'), [1, 0, 0]);
      });
      test('room: nobody outside the room gets it', async (t) => {
        assert.deepEqual(await reached(t, variant, 'to-room'), [0, 0, 0]);
      });
      test('room: who entered gets it until leaving, the sender only if it entered too', async (t) => {
        const enter = async (client) => await client.timeout(5000).emitWithAck('enter');
        const exit = async (client) => await client.timeout(5000).emitWithAck('exit');
        assert.deepEqual(await reached(t, variant, 'to-room', async ([, second]) => {
          await enter(second);
          await enter(second); // twice is once
        }), [0, 1, 0]);
        assert.deepEqual(await reached(t, variant, 'to-room', async ([first, second, third]) => {
          for (const client of [first, second, third]) await enter(client);
          await exit(third);
        }), [1, 1, 0]);
      });
    });
  }

  // Over WebSocket only: between two polls a client is never ready, and losing the event is then right.
  for (const variant of variants.filter(({ options }) => options.transports?.[0] === 'websocket')) {
    test(`a volatile event reaches clients that keep up (${variant.title})`, async (t) => {
      const clients = await clientsOf(t, variant).connectMany(2, hub.url);
      await settled(clients[1], 'mark');
      const seen = received(clients[1], 'volatile');
      clients[0].emit('volatile', 'now');
      assert.deepEqual(await seen, ['now']);
    });
  }

  test('a rule for every event takes what no other rule names', async (t) => {
    const relay = await startRelay(withRules([{ on: 'named', emit: 'renamed' }, { on: '*' }]));
    t.after(() => relay.kill());
    const client = await clientsOf(t).connect(relay.url);
    for (const [sent, expected] of [['named', 'renamed'], ['other', 'other']]) {
      const seen = received(client, expected);
      client.emit(sent, sent);
      assert.deepEqual(await seen, [sent]);
    }
  });
});

describe('namespaces', () => {
  const hub = sharedRelay({ before, after }, {
    namespaces: [{ name: '/', rules: [] }, { name: '/photos', rules: [{ on: 'change', emit: 'changed' }] }],
  });

  for (const variant of variants) {
    describe(variant.title, () => {
      test('an event stays inside its namespace', async (t) => {
        const { connect } = clientsOf(t, variant);
        const [root, photos] = [await connect(hub.url), await connect(`${hub.url}/photos`)];
        root.onAny((name) => assert.notEqual(name, 'changed'));
        const seen = received(photos, 'changed');
        photos.emit('change', 1);
        assert.deepEqual(await seen, [1]);
        await settled(root, 'mark');
      });

      test('one connection carries several namespaces', async (t) => {
        const { connect } = clientsOf(t, variant);
        const root = await connect(hub.url);
        const photos = root.io.socket('/photos');
        t.after(() => photos.disconnect());
        if (!photos.connected) await received(photos, 'connect');
        assert.notEqual(root.id, photos.id);
        const seen = received(photos, 'changed');
        photos.emit('change', 'same connection');
        assert.deepEqual(await seen, ['same connection']);
        photos.disconnect();
        await settled(root, 'mark');
      });

      test('an unknown namespace is refused with "Invalid namespace"', async (t) => {
        const client = clientsOf(t, variant).start(`${hub.url}/nope`);
        const [error] = await received(client, 'connect_error');
        assert.equal(error.message, 'Invalid namespace');
      });
    });
  }
});
