// Events on a relay and how long they take, in a thread that does nothing else. `workerData`: { url, listeners, eventsPerS }.
// Says `ready`; asked `p99`, says that in milliseconds since it was asked last.
import { parentPort, workerData } from 'node:worker_threads';
import { io } from 'socket.io-client';
import { many } from '../lib/bystander.mjs';

const { url, listeners, eventsPerS } = workerData;
const connected = [];
await many(listeners, 20, async () => {
  const client = io(url, { transports: ['websocket'], forceNew: true });
  await new Promise((resolve) => client.once('connect', resolve));
  client.emit('enter');
  connected.push(client);
});

let times = [];
connected[0].on('tick', (at) => times.push(performance.now() - at));
setInterval(() => connected[1].emit('tick', performance.now()), 1000 / eventsPerS);

parentPort.on('message', () => {
  const sorted = times.sort((a, b) => a - b);
  times = [];
  parentPort.postMessage(sorted[Math.floor(sorted.length * 0.99)]);
});
parentPort.postMessage('ready');
