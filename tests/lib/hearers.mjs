// Official clients that hear a numbered stream, in a process of their own: each must get 0, 1, 2, … and stay connected.
//
//   const hearers = await hearing(t, relay, 10, { transports: ['websocket'] });
//   await hearers.heard();                             // [{ count, faults: ['…'] }], a row for each client
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { io } from 'socket.io-client';
import { event } from './within.mjs';

/** Starts them; returns when all are connected. The stream's events are `["tick", number, …]`. */
export async function hearing(t, relay, count, options) {
  const child = fork(fileURLToPath(import.meta.url), [relay.url, String(count), JSON.stringify(options)]);
  t.after(() => child.kill('SIGKILL'));
  await event(child, 'message', 15_000);
  return {
    async heard() {
      child.send('what?');
      return (await event(child, 'message', 30_000))[0];
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [url, count, options] = process.argv.slice(2);
  const clients = Array.from({ length: Number(count) }, () => {
    const client = io(url, { forceNew: true, reconnection: false, ...JSON.parse(options) });
    const heard = { count: 0, faults: [] };
    client.on('tick', (number) => {
      if (number !== heard.count && heard.faults.length < 3) heard.faults.push(`${number} after ${heard.count - 1}`);
      heard.count = number + 1;
    });
    client.on('disconnect', (reason) => heard.faults.push(`disconnected after ${heard.count}: ${reason}`));
    return { client, heard };
  });
  await Promise.all(clients.map(({ client }) => new Promise((resolve, reject) => {
    client.on('connect', resolve).on('connect_error', reject);
  })));
  process.on('message', () => process.send(clients.map(({ heard }) => heard)));
  process.on('disconnect', () => process.exit());
  process.send('connected');
}
