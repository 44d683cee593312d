// What peers may ask of a relay, and want of its clients: beyond any measure, and the relay and its clients are unharmed.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { survives } from '../lib/bystander.mjs';
import { crowd } from '../lib/crowd.mjs';
import { scrape } from '../lib/metrics.mjs';
import { openWebSocket } from '../lib/raw-ws.mjs';
import { Redis } from '../lib/redis.mjs';
import { startRelay } from '../lib/relay.mjs';
import { until, within } from '../lib/within.mjs';
import { ALL_NODE } from './fleet.mjs';

const REQUESTS = 'socket.io-request#/#';
const ANSWERS = 'socket.io-response#/#';
const everyone = { rooms: [], except: [] };
const CROWD = Number(process.env.CROWD ?? 500);

describe('peers', { skip: ALL_NODE && 'of relays' }, () => {
  let redis;
  let relay;
  let taps;
  // What is tried is a relay's measure, not Redis': on a busy machine it would cut off one that reads 46 MB at its pace.
  before(async () => (redis = await Redis.start({ args: ['--client-output-buffer-limit', 'pubsub', '256mb', '256mb', '60'] })));
  after(async () => void (await redis?.stop()));
  afterEach(async () => {
    taps?.splice(0).forEach((tap) => tap.destroy());
    await relay?.kill();
    relay = undefined;
  });

  async function start(rules = [{ on: '*' }]) {
    taps = [];
    relay = await startRelay({ namespaces: [{ name: '/', rules }], ops: true, unlimited: true, cluster: { redis: redis.url } });
    await until('it is counted', async () => (await redis.ask('PUBSUB', 'NUMSUB', REQUESTS))[1] === 1);
  }

  /** Hears what is said on a channel, without being counted as a server. */
  async function tap(pattern, hear) {
    const client = (await redis.client()).duplicate();
    client.on('error', () => {});
    await client.connect();
    await client.pSubscribe(pattern, hear);
    taps.push(client);
  }

  const dropped = async (reason) => (await scrape(relay.opsPort)).value('fanfare_cluster_dropped_total', `reason="${reason}"`);
  const publish = async (messages) => {
    const client = await redis.client();
    await Promise.all(messages.map(([channel, body]) => client.publish(channel, typeof body === 'string' ? body : JSON.stringify(body))));
  };

  test('ten thousand questions a second', { timeout: 90_000 }, async (t) => {
    await start();
    await crowd(t, relay, CROWD);
    let answers = 0;
    await tap(`${ANSWERS}*`, () => (answers += 1));
    const kinds = [{ type: 5, opts: everyone }, { type: 1 }, { type: 0, rooms: [] }, { type: 0, rooms: [], count: true }, { type: 6, data: ['x'] }];
    await survives(t, relay, async () => {
      for (let batch = 0; batch < 30; batch += 1) {
        const from = performance.now();
        await publish(Array.from({ length: 1000 }, (_, n) => [REQUESTS, { uid: `u${n}`, requestId: `${batch} ${n}`, ...kinds[n % kinds.length] }]));
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, 100 - (performance.now() - from))));
      }
    }, { growthMiB: 96, worstMs: 1500 });
    // Whoever asks when it is over is answered at once.
    await until('an answer', async () => {
      const before = answers;
      await publish([[REQUESTS, { uid: 'late', requestId: 'late', type: 0, rooms: [], count: true }]]);
      await new Promise((resolve) => setTimeout(resolve, 100));
      return answers > before;
    }, { ms: 10_000 });
    assert.ok(answers > 1000, `${answers} answers`);
  });

  test('one socket in a million rooms', { timeout: 90_000 }, async (t) => {
    await start();
    const ws = await openWebSocket(relay.port, '/socket.io/?EIO=4&transport=websocket');
    t.after(() => ws.destroy());
    ws.send('40');
    await ws.until(/^40/);
    await survives(t, relay, async () => {
      for (let part = 0; part < 200; part += 1) {
        const rooms = Array.from({ length: 5000 }, (_, n) => `room ${part} ${n}`);
        await publish([[REQUESTS, { uid: 'peer', type: 2, opts: everyone, rooms }]]);
      }
      // The bystander is a second one.
      await until('they are refused', async () => (await dropped('rooms')) === 2 * (1_000_000 - 1000), { ms: 30_000 });
    }, { growthMiB: 64, worstMs: 1500 });
    assert.match(relay.log, /other nodes want clients to be in more rooms/);
    assert.equal(relay.log.match(/in more rooms/g).length, 1);
  });

  test('fifty who fetch all sockets at once', { timeout: 110_000 }, async (t) => {
    await start();
    await crowd(t, relay, CROWD);
    const rooms = Array.from({ length: 100 }, (_, n) => `a room of number ${n}`);
    await publish([[REQUESTS, { uid: 'peer', type: 2, opts: everyone, rooms }]]);
    const found = new Map();
    await tap(`${ANSWERS}*`, (body) => found.set(/"requestId":"([^"]*)"/.exec(body)[1], body.length));
    await survives(t, relay, async () => {
      await publish(Array.from({ length: 50 }, (_, n) => [REQUESTS, { uid: `u${n}`, requestId: `all ${n}`, type: 5, opts: everyone }]));
      // Each is answered or, being too late, is not.
      await until('the last', async () => found.size + (await dropped('requests')) + (await dropped('answers')) >= 50, { ms: 60_000 });
    }, { growthMiB: 128, worstMs: 2000 });
    t.diagnostic(`${found.size} of 50 were answered, by ${[...found.values()].at(0)} bytes each`);
    assert.equal(await dropped('too_much'), 0, 'no event lost its place to them');
    assert.ok(found.size > 0);
  });

  test('answers to what nobody asked, and larger than was asked for', { timeout: 110_000 }, async (t) => {
    await start([{ on: '*' }, { on: 'counted', count: 'cluster' }]);
    const id = 'x'.repeat(20);
    const ids = JSON.stringify(Array.from({ length: 100_000 }, (_, n) => `${n}`.padStart(20, '0')));
    await survives(t, relay, async () => {
      for (let batch = 0; batch < 20; batch += 1) {
        await publish(Array.from({ length: 500 }, (_, n) => [ANSWERS, { requestId: `${n}`, rooms: [id, id, id] }]));
        await publish([[ANSWERS, `{"requestId":"nobody's","sockets":${ids}}`]]);
      }
      // A peer that is counted, and answers too much, too often.
      const peer = (await redis.client()).duplicate();
      peer.on('error', () => {});
      await peer.connect();
      taps.push(peer);
      await peer.subscribe(REQUESTS, (body) => {
        const { uid, requestId } = JSON.parse(body);
        const answer = `{"requestId":${JSON.stringify(requestId)},"sockets":${ids}}`;
        void publish(Array.from({ length: 20 }, () => [`${ANSWERS}${uid}#`, answer]));
      });
      const ws = await openWebSocket(relay.port, '/socket.io/?EIO=4&transport=websocket');
      t.after(() => ws.destroy());
      ws.send('40');
      await ws.until(/^40/);
      for (let round = 0; round < 3; round += 1) {
        ws.send(`42${round}["counted"]`);
        const answer = JSON.parse((await within(10_000, 'an answer', ws.until(/^43/))).toString().replace(/^43\d+/, ''));
        assert.equal(answer[0].cluster, 'sent');
        assert.ok(answer[0].recipients >= 100_000, JSON.stringify(answer));
      }
    }, { growthMiB: 160, worstMs: 2000 });
    assert.ok((await scrape(relay.opsPort)).value('fanfare_cluster_up') === 1);
  });
});
