// What an Admin UI costs those who are served: 10,000 idle clients, and a fan-out to 200 others that is timed, with and without
// somebody who looks, turn by turn. `FANFARE_BIN=… node load/admin.mjs`; some two minutes, 20,000 open files.
import { setTimeout as delay } from 'node:timers/promises';
import { io } from 'socket.io-client';
import { adminToml, credentials } from '../lib/admin.mjs';
import { crowd } from '../lib/crowd.mjs';
import { startRelay } from '../lib/relay.mjs';
import { event } from '../lib/within.mjs';

const IDLE = Number(process.env.IDLE ?? 10_000);
const [ROUNDS, SECONDS, RATE, HEARERS] = [5, 8, 25, 200];

const ends = [];
const t = { after: (end) => ends.push(end) };
const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

const toml = `${adminToml()}[[namespace]]\nname = "/"\n[[namespace]]\nname = "/idle"\n`;
const relay = await startRelay({ unlimited: true, toml });
try {
  await crowd(t, relay, IDLE, { connect: '40/idle,' });
  const connect = async () => {
    const socket = io(relay.url, { forceNew: true, transports: ['websocket'] });
    await event(socket, 'connect', 30_000);
    return socket;
  };
  const hearers = [];
  for (let count = 0; count < HEARERS; count++) hearers.push(await connect());
  const times = [];
  hearers.forEach((socket) => socket.on('x', (from) => times.push(performance.now() - from)));
  const phase = async (look) => {
    const admin = look ? io(`${relay.url}/admin`, { forceNew: true, auth: credentials }) : undefined;
    if (admin) await event(admin, 'server_stats', 10_000);
    times.length = 0;
    const cpu = relay.cpuSeconds();
    for (let count = 0; count < SECONDS * RATE; count++) {
      hearers[count % HEARERS].emit('x', performance.now());
      await delay(1000 / RATE);
    }
    await delay(500);
    const used = relay.cpuSeconds() - cpu;
    admin?.disconnect();
    const sorted = times.slice().sort((one, other) => one - other);
    return { heard: sorted.length, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), used };
  };
  await phase(false);
  console.log(`${IDLE} idle clients; ${RATE} events a second to ${HEARERS}, ${SECONDS} s a turn; milliseconds`);
  for (let round = 0; round < ROUNDS; round++) {
    for (const look of round % 2 ? [true, false] : [false, true]) {
      const { heard, p50, p99, used } = await phase(look);
      console.log(`${look ? 'somebody looks' : 'nobody looks  '}  heard ${heard}  p50 ${p50.toFixed(2)}  p99 ${p99.toFixed(2)}  relay's processor ${used.toFixed(2)} s`);
    }
  }
  hearers.forEach((socket) => socket.disconnect());
} finally {
  ends.forEach((end) => end());
  await relay.kill();
}
