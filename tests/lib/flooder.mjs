// One client, or several, that send as much as they are let, in a process of their own and of low priority: what others
// wait for is then the relay's order of things, and not who got the processor.
//
//   const flood = await flooding(t, relay, 'events over WebSocket', 2);    // the ways are below
//   flood.stop();
import { fork } from 'node:child_process';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { PollingSession } from './polling.mjs';
import { open, requestBytes } from './raw-http.mjs';
import { frame, opcode, openWebSocket, upgrade } from './raw-ws.mjs';
import { event } from './within.mjs';

const target = '/socket.io/?EIO=4&transport=websocket';

/** Starts `count` flooders of one way; returns when they flood. */
export async function flooding(t, relay, way, count = 1) {
  const child = fork(fileURLToPath(import.meta.url), [String(relay.port), way, String(count)]);
  t.after(() => child.kill('SIGKILL'));
  await event(child, 'message', 15_000);
  return { stop: () => child.kill('SIGKILL') };
}

/** Each floods until its process is killed. `begun` is called when it does. */
const ways = {
  'events over WebSocket': (port, begun) => frames(port, `42["noise","${'x'.repeat(80)}"]`, begun),
  'acks over WebSocket': (port, begun) => frames(port, '421["to-sender"]', begun),
  'joins over WebSocket': (port, begun) => frames(port, ['42["enter"]', '42["exit"]'], begun),
  'refused CONNECTs over WebSocket': (port, begun) => frames(port, '40/nope,', begun, { connect: false }),
  'CONNECT and DISCONNECT over WebSocket': (port, begun) => frames(port, ['41', '40'], begun),
  'pings and pongs over WebSocket': (port, begun) =>
    frames(port, [frame('ping', { op: opcode.ping }), frame('3'), frame('6')], begun),

  'events over polling': (port, begun) => posts(port, '42["noise"]', begun),
  'acks over polling': (port, begun) => posts(port, '421["to-sender"]', begun),
  'refused CONNECTs over polling': (port, begun) => posts(port, '40/nope,', begun),

  handshakes: (port, begun) => requests(port, '/socket.io/?EIO=4&transport=polling', begun),
  'requests that are refused': (port, begun) => requests(port, '/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA', begun),
  'upgrades given up': async (port, begun) => {
    const session = await PollingSession.joined(port);
    begun();
    for (;;) {
      const { ws } = await upgrade(port, session.target('websocket')).catch(() => ({}));
      if (!ws) continue;
      ws.send('2probe');
      await ws.next().catch(() => {});
      ws.reset();
    }
  },
};

export const allWays = Object.keys(ways);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  os.setPriority(10);
  const [port, way, count] = process.argv.slice(2);
  process.on('disconnect', () => process.exit());
  let waiting = Number(count);
  const begun = () => --waiting === 0 && process.send('floods');
  for (let i = 0; i < Number(count); i++) forever(() => ways[way](Number(port), begun));
}

/** Whoever is closed for what it does comes back and goes on. */
async function forever(one) {
  for (;;) await one().catch(() => {});
}

/** The same frames again and again, as fast as they are taken; what comes is read and dropped. */
async function frames(port, packets, begun, { connect = true } = {}) {
  const ws = await openWebSocket(port, target);
  if (connect) {
    ws.send('40');
    await ws.until(/^40/);
  }
  const bytes = Buffer.concat([packets].flat().map((packet) => (Buffer.isBuffer(packet) ? packet : frame(packet))));
  const piece = Buffer.concat(Array(Math.ceil(64_000 / bytes.length)).fill(bytes));
  ws.socket.removeAllListeners('data');
  ws.socket.resume();
  begun();
  while (!ws.closed && !ws.socket.destroyed) await ws.flush(piece);
}

/** Bodies full of one packet, one after the other, beside a poll that takes what there is. */
async function posts(port, packet, begun) {
  const session = await PollingSession.joined(port);
  const body = Buffer.from(Array(Math.floor(900_000 / (packet.length + 1))).fill(packet).join('\x1e'));
  let lives = true;
  const poll = async () => {
    while (lives) lives = (await session.poll({ ms: 60_000 }).catch(() => ({}))).status === 200;
  };
  poll();
  begun();
  while (lives) lives = (await session.post(body)).status === 200;
}

/** One request after the other, sixteen of them on their way. */
async function requests(port, path, begun) {
  const connection = await open(port);
  const piece = Buffer.concat(Array(16).fill(requestBytes(path)));
  begun();
  while (!connection.ended) {
    connection.write(piece);
    for (let i = 0; i < 16; i++) await connection.response();
  }
}
