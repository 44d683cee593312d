// What no client must be told, whoever says it: rows 26 and 27.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { encode } from 'notepack.io';
import { scrape } from '../lib/metrics.mjs';
import { Redis } from '../lib/redis.mjs';
import { startRelay } from '../lib/relay.mjs';
import { until } from '../lib/within.mjs';
import { ALL_NODE, Fleet, kinds } from './fleet.mjs';

const opts = { rooms: [], except: [], flags: {} };
const event = (packet, more = opts) => encode(['stranger', packet, more]);
const hex = (text) => Buffer.from(text, 'hex');
const json = (value) => Buffer.from(JSON.stringify(value));

const good = event({ type: 2, data: ['good', 1, Buffer.from([1])], nsp: '/' });

const wrongEvents = [
  ...[0, 1, 3, 4, 6, 99, '2x', null, -1, 2.5].map((type) => event({ type, data: ['x'], nsp: '/' })),
  event({ data: ['x'], nsp: '/' }),
  ...['text', [], null, {}, [{}], [null], [[]]].map((data) => event({ type: 2, data, nsp: '/' })),
  ...['connect', 'disconnect', 'connect_error', 'disconnecting', 'newListener', 'removeListener']
    .map((name) => event({ type: 2, data: [name, 1], nsp: '/' })),
  event({ type: 2, data: ['x', ...Array.from({ length: 11 }, () => Buffer.from([1]))], nsp: '/' }),
  event({ type: 2, data: ['x', Buffer.from([1]), { _placeholder: true, num: 7 }], nsp: '/' }),
  event({ type: 2, data: ['x'], nsp: '/other' }),
  event({ type: 2, data: ['x'], nsp: null }),
  hex(''), hex('c0'), hex('c1'), hex('90'), hex('91a0'), hex('ddffffffff'), hex('dfffffffff'), hex('c6ffffffff'),
  hex('93a0c0c0'), hex('81a0a0'), Buffer.from('{'), Buffer.from('['), Buffer.from('[[[[[[[['), Buffer.alloc(70_000, 0x91),
  Buffer.from('not a message at all'),
];
const wrongRequests = [
  hex('c0'), hex(''), hex('ddffffffff'), Buffer.from('{'), Buffer.from('{}'), json([]), json(null), json('x'), json(7),
  ...[{ type: 5 }, { type: 5, requestId: 'x' }, { type: 7, requestId: 'x' }, { type: 3, opts }, { type: 2, opts },
    { type: 6, data: 'text' }, { type: 6, data: ['error'] }, { type: 6, data: [] }, { type: 99 }, { type: -1 }, { type: 'x' },
    { type: 2, opts: { rooms: 5 }, rooms: [5] }, { type: 4, opts: 7 }].map((message) => json({ uid: 'stranger', ...message })),
  encode({ uid: 'stranger', requestId: 'x', type: 7, opts }),
  encode({ uid: 'stranger', requestId: 'x', type: 7, packet: { type: 0, data: ['x'], nsp: '/' }, opts }),
];
const wrongAnswers = [hex('c0'), Buffer.from('{'), json({}), json({ requestId: 'x', sockets: 5 }), json({ type: 8, requestId: 'x' }), encode({ type: 9 })];

const beat = (more) => JSON.stringify({ v: 1, uid: 'stranger', start: 1, beat: 1, every: 1000, sent: { '/': 1 }, ...more });
const wrongHeartbeats = [
  hex(''), hex('c0'), hex('c1'), Buffer.alloc(70_000, 0x5b), Buffer.from('{'), Buffer.from('[]'), Buffer.from('null'), Buffer.from('7'),
  Buffer.from('"text"'), Buffer.from('{}'), Buffer.from('not a heartbeat'), Buffer.alloc(300_000, 0x20), Buffer.from([0xff, 0xfe]),
  Buffer.from(beat({}).replace('stranger', '\xff'), 'latin1'), event({ type: 2, data: ['x'], nsp: '/' }),
  ...[0, -1, 1.5, '1', null, 2 ** 32].map((v) => beat({ v })),
  ...['', 'u'.repeat(129), 7, null, {}].map((uid) => beat({ uid })),
  ...['', 'n'.repeat(129), 7].map((name) => beat({ name })),
  ...[-1, 1.5, '1', null, 2 ** 53 + 2, 1e300].flatMap((number) => ['start', 'beat', 'every'].map((key) => beat({ [key]: number }))),
  ...[null, [], 'x', 7, { '/': -1 }, { '/': 1.5 }, { '/': '1' }, { '/': null }, { '/': 2 ** 53 + 2 }].map((sent) => beat({ sent })),
  beat({ sent: Object.fromEntries(Array.from({ length: 501 }, (_, n) => [`/${n}`, n])) }),
  ...['hello', 'bye', 'partial'].flatMap((key) => [1, 'yes', null].map((flag) => beat({ [key]: flag }))),
  ...Array.from({ length: beat({}).length }, (_, length) => beat({}).slice(0, length)),
];

const shardedBody = (type, data, more) => ({ type, data, uid: 'a6185c21924bd6ed', nsp: '/', ...more });
const goodSharded = json(shardedBody(3, { packet: { type: 2, data: ['good', 1] }, opts }));
const goodBinary = encode(shardedBody(3, { packet: { type: 2, data: ['good', 1, Buffer.from([1])] }, opts }));
const wrongSharded = [
  ...[
    ...[0, 1, 3, 4, 6, 99, '2x', null, -1, 2.5].map((type) => shardedBody(3, { packet: { type, data: ['x'] }, opts })),
    ...['text', [], null, {}, [{}], [null], [[]]].map((data) => shardedBody(3, { packet: { type: 2, data }, opts })),
    ...['connect', 'disconnect', 'connect_error', 'newListener'].map((name) => shardedBody(3, { packet: { type: 2, data: [name] }, opts })),
    ...[undefined, null, 7, 'text', [], {}, { packet: 7, opts }, { packet: null, opts }].map((data) => shardedBody(3, data)),
    ...[0, 1, 2, 13, 99, -1, 'x', null, 2.5].map((type) => shardedBody(type, {})),
    ...[4, 5, 6, 7, 8, 9, 10, 11, 12].flatMap((type) => [shardedBody(type, 7), shardedBody(type, null), shardedBody(type, []), shardedBody(type, { opts: 7, rooms: 7 })]),
    shardedBody(7, { opts, requestId: { a: 1 } }), shardedBody(9, { packet: 'text' }), shardedBody(9, { packet: ['error'], requestId: [] }),
    [], null, 'x', 7, {}, { type: 3 }, { uid: 'x', type: 3 }, shardedBody(3, { packet: { type: 2, data: ['x'] }, opts }, { nsp: 7 }),
  ].map(json),
  encode(shardedBody(3, { packet: { type: 2, data: ['x', ...Array.from({ length: 11 }, () => Buffer.from([1]))] }, opts })),
  encode(shardedBody(3, { packet: { type: 2, data: ['x', Buffer.from([1]), { _placeholder: true, num: 7 }] }, opts })),
  hex(''), hex('c0'), hex('c1'), hex('80'), hex('81a0a0'), hex('dfffffffff'), hex('ddffffffff'), hex('c6ffffffff'),
  Buffer.from('{'), Buffer.from('['), Buffer.from('{{{{{{{{'), Buffer.alloc(70_000, 0x81), Buffer.from('not a message at all'),
];

for (const kind of kinds.slice(1)) {
  describe(`garbage on the channels of a ${kind.title} fleet`, { skip: ALL_NODE && 'it ends Node servers, or their clients' }, () => {
    let redis;
    let fleet;
    before(async () => {
      redis = await Redis.start();
      const namespaces = [{ name: '/', rules: [{ on: 'mark' }, { on: 'enter', join: 'lobby' }] }];
      const { adapter, mode } = kind;
      const start = (name) => startRelay({ namespaces, ops: true, unlimited: true, cluster: { redis: redis.url, adapter, mode, name } });
      const servers = { F: await start('F'), G: await start('G') };
      fleet = Object.assign(Object.create(Fleet.prototype), { kind, redis, prefix: 'socket.io', servers, people: [], urls: {}, cluster: {} });
      await fleet.whole(2);
    });
    after(() => fleet?.stop());

    test('26: what is wrong is dropped and counted, and the next good event is heard', { timeout: 60_000 }, async () => {
      const people = await fleet.crowd();
      await fleet.join(people, 'lobby');
      const { opsPort } = fleet.servers.F;
      const before = (await scrape(opsPort)).sum('fanfare_cluster_malformed_total');
      // That of all, those of rooms, and each node's own.
      const channels = await redis.ask('PUBSUB', 'SHARDCHANNELS', 'socket.io#/#*');
      assert.ok(channels.length >= (kind.mode === 'static' ? 3 : 4), channels.join());
      const prefixes = [goodSharded, goodBinary].flatMap((whole) => Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length)));
      const all = channels.flatMap((channel) => [...wrongSharded, ...prefixes].map((body) => [channel, body]));
      for (const [index, [channel, body]] of all.entries()) {
        await redis.publishSharded(channel, body);
        // After some: whatever they did, they did to this.
        if (index % 10 === 9) await redis.publishSharded('socket.io#/#', index % 20 === 9 ? goodSharded : goodBinary);
      }
      await redis.publishSharded('socket.io#/#', goodSharded);
      const count = Math.floor(all.length / 10) + 1;
      await until('the good ones', () => people.every(({ heard }) => heard.length >= count), { ms: 20_000 });
      await fleet.settled();
      for (const { heard, left, title } of people) {
        assert.equal(left, undefined, title);
        assert.deepEqual([...new Set(heard.map(([name]) => name))], ['good'], title);
        assert.equal(heard.length, count, title);
      }
      const page = await scrape(opsPort);
      assert.ok(page.sum('fanfare_cluster_malformed_total') - before > wrongSharded.length, page.text);
      assert.equal(page.value('fanfare_cluster_up'), 1);
      fleet.disperse();
    });
  });
}

describe('garbage', { skip: ALL_NODE && 'it ends Node servers, or their clients' }, () => {
  let redis;
  let relays;
  let fleet;
  before(async () => {
    // Relays only: Node servers would not survive it.
    redis = await Redis.start();
    const namespaces = [{ name: '/', rules: [{ on: 'mark' }] }];
    const start = (name) => startRelay(
      { namespaces, ops: true, unlimited: true, cluster: { redis: redis.url, name } },
      { args: ['--log', 'info'] },
    );
    relays = { F: await start('F'), G: await start('G') };
    fleet = Object.assign(Object.create(Fleet.prototype), {
      kind: kinds[0], redis, prefix: 'socket.io', servers: relays, people: [], urls: {}, cluster: {},
    });
    await fleet.whole(2);
  });
  after(async () => {
    await fleet?.stop();
  });

  test('26: what is wrong is dropped and counted, and the next good event is heard', { timeout: 60_000 }, async () => {
    const people = await fleet.crowd();
    const before = (await scrape(relays.F.opsPort)).sum('fanfare_cluster_malformed_total');
    const all = [
      ...wrongEvents.map((body) => ['socket.io#/#', body]),
      ...wrongRequests.map((body) => ['socket.io-request#/#', body]),
      ...wrongAnswers.map((body) => ['socket.io-response#/#', body]),
      ...Array.from({ length: good.length }, (_, length) => ['socket.io#/#', good.subarray(0, length)]),
      ...Array.from({ length: good.length }, (_, length) => ['socket.io-request#/#', good.subarray(0, length)]),
      ...Array.from({ length: good.length }, (_, length) => ['socket.io-response#/#', good.subarray(0, length)]),
    ];
    for (const [channel, body] of all) {
      await redis.publish(channel, body);
      // After each: whatever it did, it did to this.
      await redis.publish('socket.io#/#', good);
    }
    await until('the good ones', () => people.every(({ heard }) => heard.length >= all.length), { ms: 20_000 });
    await fleet.settled();
    for (const { heard, left, title } of people) {
      assert.equal(left, undefined, title);
      assert.deepEqual([...new Set(heard.map(([name]) => name))], ['good'], title);
      assert.equal(heard.length, all.length, title);
    }
    const page = await scrape(relays.F.opsPort);
    assert.ok(page.sum('fanfare_cluster_malformed_total') - before > wrongEvents.length, page.text);
    fleet.disperse();
  });

  test('26: nor is a heartbeat that is wrong one, and the next right one is', { timeout: 60_000 }, async () => {
    const people = await fleet.crowd();
    const { opsPort } = relays.F;
    const before = await scrape(opsPort);
    const malformed = async () => (await scrape(opsPort)).value('fanfare_cluster_malformed_total', 'reason="heartbeat"');
    const from = await malformed();
    for (const body of wrongHeartbeats) await redis.publish('socket.io-fanfare#', body);
    await until('all to be read', async () => await malformed() - from === wrongHeartbeats.length)
      .catch(async () => assert.fail(`${await malformed() - from} of ${wrongHeartbeats.length}`));
    const between = await scrape(opsPort);
    assert.equal(between.value('fanfare_cluster_peers'), 1, 'nobody came');
    assert.equal(between.sum('fanfare_cluster_missed_total'), before.sum('fanfare_cluster_missed_total'));
    await redis.publish('socket.io-fanfare#', beat({ sent: { '/': 2 ** 53 } }));
    await redis.publish('socket.io-fanfare#', beat({ beat: 2, bye: true, sent: { '/': 2 ** 53 } }));
    await until('it to have come and gone', () => /another node is gone uid=stranger/.test(relays.F.log));
    await fleet.hears(people, []);
    assert.deepEqual(people.map(({ left }) => left), people.map(() => undefined));
    fleet.disperse();
  });

  test('nodes that are made up fill no log, and who sends under our uid is told of once', { timeout: 60_000 }, async () => {
    const people = await fleet.crowd();
    const { opsPort } = relays.F;
    const from = relays.F.log.length;
    const client = await redis.client();
    const forge = (count, make) => Promise.all(Array.from({ length: count }, (_, n) => client.publish('socket.io-fanfare#', make(n))));
    await forge(3000, (n) => beat({ uid: 'forged', start: n + 2, hello: true }));
    await forge(3000, (n) => beat({ uid: `forged ${n}`, bye: true }));
    await forge(1200, (n) => beat({ uid: `made up ${n}`, every: 60_000 }));
    await until('the last', async () => (await scrape(opsPort)).value('fanfare_cluster_peers_ignored_total') >= 150);
    await until('it to be said', () => /come and go faster than it is told left_out=\d{3}/.test(relays.F.log), { ms: 10_000 });
    // Who sends as F: by messages and by heartbeats.
    const uid = / another node is there uid=(\S+) name=F/.exec(relays.G.log)[1];
    for (let n = 0; n < 100; n += 1) {
      await redis.publish('socket.io#/#', JSON.stringify([uid, { type: 2, data: ['forged'], nsp: '/' }, opts]));
      await redis.publish('socket.io-fanfare#', beat({ uid, start: n + 2 }));
    }
    await until('that to be said', () => /another node sends under this node's uid/.test(relays.F.log.slice(from)));
    const lines = relays.F.log.slice(from).split('\n');
    assert.ok(lines.length < 250, lines.join('\n'));
    assert.equal(lines.filter((line) => line.includes('ERROR')).length, 1, 'once');
    assert.equal((await scrape(opsPort)).sum('fanfare_cluster_missed_total'), 0);
    // G hears what is forged: that is what being able to publish there means.
    await fleet.hears(people.filter(({ name }) => name === 'F'), []);
    assert.deepEqual(people.map(({ left }) => left), people.map(() => undefined));
    fleet.disperse();
  });

  test('27: other fleets and channels that resemble ours are nothing to us', { timeout: 60_000 }, async () => {
    const people = await fleet.crowd();
    const log = relays.F.log.length;
    const channels = ['socket.io#/other#', 'socket.io#/', 'socket.io', 'socket.io2#/#', 'my:socket.io#/#', 'socket.io-request#/other#',
      'socket.io#', 'socket.io#/#x#y', 'socket.io-response#/#nobody#', 'socket.io-requests#/#', 'Socket.IO#/#'];
    for (const channel of channels) await redis.publish(channel, good);
    await fleet.hears(people, []);
    assert.deepEqual(relays.F.log.slice(log).split('\n').filter((line) => /cluster|redis/i.test(line)), []);
    fleet.disperse();
  });
});
