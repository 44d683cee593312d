// What the official conformance suites of both protocols (engine.io-protocol, socket.io-protocol) ask, told as rows of
// ours; under their own heartbeat where they are about it: they wait exactly that long, and then expect the end.
import { setTimeout as delay } from 'node:timers/promises';

const interval = 300;
const timeout = 200;

const row = (name, play, seen, more) => ({ name, play, seen, profile: 'suites', ...more });
const handshakePolling = '?EIO=4&transport=polling';
const handshakeWebSocket = '?EIO=4&transport=websocket';
const beating = { profile: 'suitesHeartbeat' };
const attached = (...numbers) => numbers.map((num) => `{"_placeholder":true,"num":${num}}`).join(',');

/** A WebSocket client in the main namespace, or another. */
const connected = (c, connect = '40') => c.client({ connect });

const engine = [
  row('engine.io: a session opens over polling', (c) => c.http(handshakePolling),
    ['0{"sid":"<id>","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}'], beating),
  row('engine.io: an EIO that is missing or none', async (c) => {
    await c.http('?transport=polling');
    await c.http('?EIO=abc&transport=polling');
  }, ['→ 400']),
  row('engine.io: a transport that is missing or none', async (c) => {
    await c.http('?EIO=4');
    await c.http('?EIO=4&transport=abc');
  }, ['→ 400']),
  row('engine.io: a handshake by another method', async (c) => {
    await c.http(handshakePolling, { method: 'POST' });
    await c.http(handshakePolling, { method: 'PUT' });
  }, ['→ 400']),
  row('engine.io: a session opens over WebSocket', async (c) => {
    const ws = await c.ws(handshakeWebSocket);
    await ws.expect();
  }, ['← 0{"sid":"<id>","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}'], beating),
  row('engine.io: a WebSocket without a transport, or with none', async (c) => {
    await c.ws('?EIO=4');
    await c.ws('?EIO=4&transport=abc');
  }, ['ends']),

  row('engine.io: one text over polling', async (c) => {
    const session = await c.session({ connect: '40' });
    await session.post('42["hello"]');
    await session.get();
  }, ['| ok', '42["hello"]']),
  row('engine.io: several texts over polling', async (c) => {
    const session = await c.session({ connect: '40' });
    await session.post('42["test1"]\x1e42["test2"]\x1e42["test3"]');
    await session.get();
  }, ['| ok', '42["test1"]␞42["test2"]␞42["test3"]']),
  row('engine.io: text and bytes over polling', async (c) => {
    const session = await c.session({ connect: '40' });
    await session.post(`42["hello"]\x1e451-["bytes",${attached(0)}]\x1ebAQIDBA==`);
    await session.get();
  }, ['| ok', '42["hello"]␞451-["bytes"', '␞bAQIDBA==']),
  row('engine.io: what is no packet over polling', async (c) => {
    const session = await c.session();
    await session.post('abc');
    await session.endsSoon();
  }, ['is gone']),
  row('engine.io: a second poll beside a first', async (c) => {
    const session = await c.session();
    const first = await session.waitingPoll('the first');
    await first.stillWaits();
    await session.get('&t=burst');
    await first.answered();
    await session.endsSoon();
  }, ['the first → 200', '| 1', '→ 400', 'is gone']),
  row('engine.io: text and bytes over WebSocket', async (c) => {
    const ws = await connected(c);
    ws.send('42["hello"]', `451-["bytes",${attached(0)}]`, Buffer.from([1, 2, 3, 4]));
    await ws.expect(3);
  }, ['← 42["hello"]', '← binary AQIDBA==']),
  row('engine.io: what is no packet over WebSocket', async (c) => {
    const ws = await c.client();
    ws.send('abc');
    await c.timed('the end', ws.end(), { from: 0, to: interval });
  }, ['the end: on time', '← closed']),

  row('engine.io: three heartbeats over polling', async (c) => {
    const session = await c.session();
    for (let i = 0; i < 3; i++) {
      await session.get();
      await session.post('3');
    }
  }, ['| 2', '| ok'], beating),
  row('engine.io: three heartbeats over WebSocket', async (c) => {
    const ws = await c.client();
    for (let i = 0; i < 3; i++) {
      await ws.expect();
      ws.send('3');
    }
  }, ['← 2'], beating),
  row('engine.io: a silent session over polling is gone exactly after its heartbeat', async (c) => {
    const session = await c.session();
    await delay(interval + timeout);
    const { status } = await c.request(session.query);
    c.note(status === 400 ? 'the end: on time' : `the end: late (a poll was answered ${status})`);
  }, ['the end: on time'], beating),
  row('engine.io: a silent session over WebSocket is gone after its heartbeat', async (c) => {
    const ws = await c.client();
    await c.timed('the end', ws.raw.end(3000), { from: interval, to: interval + timeout + 150 });
  }, ['the end: on time'], beating),

  row('engine.io: a client closes over polling', async (c) => {
    const session = await c.session();
    const poll = await session.waitingPoll();
    await poll.stillWaits();
    await session.post('1');
    await poll.answered();
    await session.endsSoon();
  }, ['| ok', '| 6', 'is gone']),

  row('engine.io: an upgrade, and a message right behind it', async (c) => {
    const session = await c.session({ connect: '40' });
    const ws = await c.ws(session.wsQuery);
    ws.send('2probe');
    await ws.expect();
    await session.get();
    ws.send('5', '42["hello"]');
    await ws.expect();
  }, ['← 3probe', '| 6', '← 42["hello"]']),
  row('engine.io: a poll after an upgrade is refused, and the WebSocket goes on', async (c) => {
    const session = await c.session({ connect: '40' });
    const ws = await c.ws(session.wsQuery);
    ws.send('2probe');
    await ws.expect();
    ws.send('5', '42["here"]');
    await ws.expect();
    await session.get();
    ws.send('42["hello"]');
    await ws.expect();
  }, ['→ 400', '← 42["hello"]']),
  row('engine.io: a second WebSocket after an upgrade is closed, and the first goes on', async (c) => {
    const session = await c.session({ connect: '40' });
    const ws = await c.ws(session.wsQuery);
    ws.send('2probe');
    await ws.expect();
    ws.send('5', '42["here"]');
    await ws.expect();
    const second = await c.ws(session.wsQuery);
    await second?.end();
    ws.send('42["hello"]');
    await ws.expect();
  }, ['← closed', '← 42["hello"]']),
];

const socketio = [
  row('socket.io: CONNECT to the main namespace, with a payload and without', async (c) => {
    await connected(c);
    await connected(c, '40{"token":"123"}');
  }, ['← 40{"sid":"<id>"}']),
  row('socket.io: CONNECT to a custom namespace, with a payload and without', async (c) => {
    await connected(c, '40/custom,');
    await connected(c, '40/custom,{"token":"abc"}');
    await connected(c, '40/custom');
  }, ['← 40/custom,{"sid":"<id>"}']),
  row('socket.io: CONNECT to a namespace that is not there', (c) => connected(c, '40/random'),
    ['← 44/random,{"message":"Invalid namespace"}']),
  row('socket.io: what is no packet instead of CONNECT', async (c) => {
    const ws = await c.client();
    ws.send('4abc');
    await c.timed('the end', ws.end(), { from: 0, to: interval });
  }, ['the end: on time', '← closed']),
  row('socket.io: no CONNECT at all', async (c) => {
    const ws = await c.client();
    const pongs = setInterval(() => ws.send('3'), 100);
    await ws.raw.end(4000).then(() => c.note('closed'), (error) => c.note(error.message));
    clearInterval(pongs);
  }, ['closed'], { profile: 'suitesConnectSoon' }),
  row('socket.io: after DISCONNECT only the heartbeat is heard', async (c) => {
    const ws = await connected(c);
    ws.send('41');
    await ws.expect();
  }, ['← 2'], beating),
  row('socket.io: leaving one namespace does not leave the other', async (c) => {
    const ws = await connected(c);
    ws.send('40/custom');
    await ws.expect();
    ws.send('41/custom', '42["message","message to main namespace"]');
    await ws.expect();
  }, ['40/custom,', '← 42["message","message to main namespace"]']),
  row('socket.io: a text', async (c) => {
    const ws = await connected(c);
    ws.send('42["message",1,"2",{"3":[true]}]');
    await ws.expect();
  }, ['← 42["message",1,"2",{"3":[true]}]']),
  row('socket.io: two attachments', async (c) => {
    const ws = await connected(c);
    ws.send(`452-["message",${attached(0, 1)}]`, Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6]));
    await ws.expect(3);
  }, [`← 452-["message",${attached(0, 1)}]`, '← binary AQID', '← binary BAUG']),
  ...[['an unknown type', '4abc'], ['a payload that is none', '42{}'], ['an ack id that is none', '42abc["message",1]']].map(([name, packet]) =>
    row(`socket.io: ${name} closes`, async (c) => {
      const ws = await connected(c);
      ws.send(packet);
      await c.timed('the end', ws.end(), { from: 0, to: interval });
    }, ['the end: on time', '← closed'])),
];

/** What the suites show only now and then: many sessions at once, and a time-out long enough that a part of it tells. */
const spread = [
  row('no silent session over polling outlives interval and time-out', async (c) => {
    const ends = Array.from({ length: 8 }, async () => {
      const session = await c.session();
      const from = performance.now();
      while (!(await c.request(session.query.replace('EIO=4', 'EIO=3'))).body.includes('"code":1')) await delay(10);
      return performance.now() - from;
    });
    const last = Math.max(...(await Promise.all(ends)));
    c.note(`the last: ${last < 2000 + 2000 + 90 ? 'on time' : `late (${last | 0} ms)`}`);
  }, ['the last: on time']),
  row('no first ping comes after the interval', async (c) => {
    const pings = Array.from({ length: 8 }, async () => {
      const ws = await c.client();
      const from = performance.now();
      await ws.raw.until(/^2$/, 8000);
      return performance.now() - from;
    });
    const last = Math.max(...(await Promise.all(pings)));
    c.note(`the last: ${last < 2000 + 90 ? 'on time' : `late (${last | 0} ms)`}`);
  }, ['the last: on time']),
].map((one) => ({ ...one, profile: 'steadyHeartbeat' }));

export const suites = [...engine, ...socketio, ...spread];
