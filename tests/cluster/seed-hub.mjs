// One of the two seed applications' hubs as it is, but for the adapter that a fleet needs. Its parent hears the port by IPC.
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { createServer as createVite } from 'vite';
import { hubInside } from '../vite/plugins.mjs';

const { application, redis } = JSON.parse(process.argv[2]);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const publisher = createClient({ url: redis });
const subscriber = publisher.duplicate();
for (const client of [publisher, subscriber]) client.on('error', () => {});
await Promise.all([publisher.connect(), subscriber.connect()]);
const adapter = createAdapter(publisher, subscriber);

const started = {
  /** docs/replacing-a-node-hub.md */
  async dashboard() {
    const http = createServer();
    const io = new Server(http, { adapter });
    io.on('connection', (socket) => {
      socket.on('update', (message) => io.emit('update', message));
    });
    await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
    return http;
  },
  /** docs/replacing-the-vite-plugin.md */
  async photoflow() {
    const vite = await createVite({
      configFile: false,
      root: here('../vite/app'),
      cacheDir: here(`../.cache/vite-${process.pid}`),
      logLevel: 'error',
      plugins: [hubInside({ adapter })],
      server: { host: '127.0.0.1', port: 0 },
      optimizeDeps: { noDiscovery: true },
    });
    await vite.listen();
    return vite.httpServer;
  },
};

process.on('disconnect', () => process.exit());
const http = await started[application]();
process.send({ port: http.address().port });
