// What a client's handlers hear of connecting and parting: the same as from Node, scenario by scenario. The
// reference plays each scenario first, and what it makes a client hear is what the relay must.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { clientsOf, received, recorded, settled, upgraded, variants } from '../lib/clients.mjs';
import { startReference, startRelay } from '../lib/relay.mjs';
import { event, until } from '../lib/within.mjs';

// Quick, but not so quick that a busy machine misses a beat.
const quickHeartbeat = { pingIntervalMs: 600, pingTimeoutMs: 1000 };

/**
 * Each plays one client's life at a relay and returns when its story is over. The story is what the handlers
 * heard. `polling` scenarios that differ by transport need no word here: the reference differs alike.
 */
const scenarios = [
  {
    name: 'the client disconnects',
    play: async ({ client }) => {
      client.disconnect();
    },
  },
  {
    name: 'the relay is told to end (SIGTERM)',
    play: async ({ client, relay }) => {
      const gone = received(client, 'disconnect');
      await pollWaits(client, relay);
      await relay.stop();
      await gone;
    },
    // The reference tells a poll that waits by a close packet. If the poll was still on its way (nobody outside can see
    // when it has arrived), another take shows what it does. The relay tells nobody: a connection that just ends is a
    // loss to every client, in whatever language, and it comes back.
    isMissed: (heard, variant) => isPolling(variant) && heard.at(-1) === 'disconnect: transport error',
    differs: (heard, variant) => (isPolling(variant) ? [...heard.slice(0, -1), 'disconnect: transport error'] : heard),
  },
  {
    name: 'the relay is killed',
    play: async ({ client, relay }) => {
      const gone = received(client, 'disconnect');
      await relay.kill();
      await gone;
    },
  },
  {
    name: 'the relay hangs longer than the heartbeat allows',
    settings: quickHeartbeat,
    play: async ({ client, relay }) => {
      const gone = received(client, 'disconnect');
      relay.freeze();
      await gone;
      relay.thaw();
    },
  },
  {
    name: 'the client does not answer heartbeats',
    // Longer than an upgrade takes: the reference forgets a ping that the upgrade overtakes, and then never closes. It is also
    // by how much the client would be late to notice by itself.
    settings: { pingIntervalMs: 3000, pingTimeoutMs: 1000 },
    play: async ({ client }) => {
      const gone = received(client, 'disconnect');
      const engine = client.io.engine;
      const send = engine.sendPacket ?? engine._sendPacket;
      const mute = function (type, ...rest) {
        if (type !== 'pong') return send.call(this, type, ...rest);
      };
      engine.sendPacket = mute;
      engine._sendPacket = mute;
      await gone;
    },
  },
  {
    name: 'the client sends what is no packet',
    play: async ({ client, relay }) => {
      await pollWaits(client, relay);
      const gone = received(client, 'disconnect');
      client.io.engine.write('2[broken');
      await gone;
    },
    // A post may overtake the poll that was sent before it. The next poll is not waited for, to tell the client.
    isMissed: (heard, variant) => isPolling(variant) && heard.at(-1) === 'disconnect: transport error',
  },
  {
    name: 'the client sends more than the relay accepts',
    settings: { maxPayloadBytes: 10_000 },
    play: async ({ client }) => {
      const gone = received(client, 'disconnect');
      client.emit('update', 'x'.repeat(20_000));
      await gone;
    },
  },
  {
    name: 'the client leaves and comes back',
    play: async ({ client }) => {
      const back = received(client, 'connect');
      client.disconnect();
      client.connect();
      await back;
      client.disconnect();
    },
  },
];

/**
 * A polling client that is between two polls when the relay ends hears another reason than one that waits in a
 * poll. Requests made after its poll have been answered when the poll has arrived.
 */
async function pollWaits(client, relay) {
  const { transport } = client.io.engine;
  if (transport.name !== 'polling') return;
  await until('a poll', () => transport._polling ?? transport.polling);
  for (let i = 0; i < 3; i++) await fetch(`${relay.url}/healthz`, { headers: { connection: 'close' } });
}

/** Everything a user's handlers hear, with the words that are the relay's doing. */
function story(client) {
  const heard = [];
  client.on('connect', () => heard.push('connect'));
  client.on('disconnect', (reason) => heard.push(`disconnect: ${reason}`));
  client.on('connect_error', (error) => heard.push(`connect_error: ${error.message}, ${JSON.stringify(error.data)}`));
  return heard;
}

const isPolling = ({ options }) => options.transports?.[0] === 'polling';

/** The scenario's story at the reference; of one that can miss its moment, another take. The relay has one. */
async function playedAtReference(t, variant, scenario) {
  for (let takes = 5; ; takes--) {
    const heard = await takeAt(startReference, t, variant, scenario);
    if (takes === 1 || !scenario.isMissed?.(heard, variant)) return heard;
  }
}

async function takeAt(start, t, variant, { settings, play }) {
  const relay = await start(settings);
  t.after(() => relay.kill());
  const client = clientsOf(t, variant).start(relay.url);
  const heard = story(client);
  await received(client, 'connect');
  if (!variant.options.transports) await upgraded(client);
  await play({ client, relay });
  await relay.kill();
  return heard;
}

// The scenarios wait more than they work: several at once.
describe('the handlers hear what they hear from Node when', { concurrency: 3 }, () => {
  for (const variant of variants) {
    describe(variant.title, () => {
      for (const scenario of scenarios) {
        test(`${scenario.name}`, async (t) => {
          const [ours, reference] = await Promise.all([
            takeAt(startRelay, t, variant, scenario),
            playedAtReference(t, variant, scenario),
          ]);
          assert.equal(reference[0], 'connect');
          assert.ok(reference.length > 1, 'the scenario tells something');
          assert.deepEqual(ours, scenario.differs?.(reference, variant) ?? reference);
        });
      }

      test('nobody listens', async (t) => {
        const port = await unusedPort();
        const client = clientsOf(t, variant).start(`http://127.0.0.1:${port}`);
        const [error] = await received(client, 'connect_error');
        assert.match(error.message, /websocket error|xhr poll error/);
      });

      test('the path is another', async (t) => {
        const [ours, reference] = await Promise.all([startRelay, startReference].map(async (start) => {
          const relay = await start();
          t.after(() => relay.kill());
          const client = clientsOf(t, variant).start(relay.url, { path: '/elsewhere/' });
          const [error] = await received(client, 'connect_error');
          return error.message;
        }));
        assert.equal(ours, reference);
      });
    });
  }
});

describe('a restart of the relay', () => {
  for (const variant of variants) {
    test(`is survived by clients that reconnect on their own (${variant.title})`, async (t) => {
      const first = await startRelay({}, { willReturn: true });
      const again = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 };
      const clients = await clientsOf(t, variant).connectMany(3, first.url, again);
      const ids = clients.map((client) => client.id);
      const gone = clients.map((client) => received(client, 'disconnect'));
      await first.stop();
      for (const reason of await Promise.all(gone)) assert.notEqual(reason[0], 'io server disconnect');

      const back = clients.map((client) => received(client, 'connect'));
      const second = await startRelay({}, { port: first.port });
      t.after(() => second.kill());
      await Promise.all(back);
      clients.forEach((client, i) => assert.notEqual(client.id, ids[i], 'a new session has a new id'));
      const seen = clients.map((client) => received(client, 'update'));
      clients[0].emit('update', 'after the restart');
      for (const args of await Promise.all(seen)) assert.deepEqual(args, ['after the restart']);
    });
  }

  test('delivers once what a client emitted while the relay was away', async (t) => {
    const first = await startRelay({}, { willReturn: true });
    const again = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 };
    const client = await clientsOf(t).connect(first.url, again);
    const events = recorded(client);
    const gone = received(client, 'disconnect');
    await first.stop();
    await gone;
    client.emit('update', 'written while away');
    const second = await startRelay({}, { port: first.port });
    t.after(() => second.kill());
    await received(client, 'update');
    await settled(client, 'mark');
    assert.deepEqual(events.filter(([name]) => name === 'update'), [['update', 'written while away']]);
  });

  test('leaves its port free at once', async () => {
    const first = await startRelay({}, { willReturn: true });
    await first.stop();
    const second = await startRelay({}, { port: first.port });
    assert.equal(second.port, first.port);
    await second.kill();
  });
});

describe('a heartbeat', { concurrency: 3 }, () => {
  for (const variant of variants) {
    test(`keeps an idle client over many intervals (${variant.title})`, async (t) => {
      const relay = await startRelay({ pingIntervalMs: 100, pingTimeoutMs: 5000 });
      t.after(() => relay.kill());
      const client = await clientsOf(t, variant).connect(relay.url);
      client.on('disconnect', (reason) => assert.fail(`disconnected: ${reason}`));
      let pings = 0;
      client.io.on('ping', () => pings++);
      await until('ten heartbeats', () => pings >= 10);
      assert.ok(client.connected);
      client.off('disconnect');
    });
  }
});

async function unusedPort() {
  const server = createServer().listen(0, '127.0.0.1');
  await event(server, 'listening');
  const { port } = server.address();
  server.close();
  await event(server, 'close');
  return port;
}
