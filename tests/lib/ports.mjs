// Ports for servers that cannot let the kernel choose.
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * A port that was free a moment ago, and so were those that are this much higher. None is one that the kernel gives to a
 * connection that goes out (from 32,768 on): that would take it while its server is being started again, and who connects
 * to it meanwhile could reach itself.
 */
export async function freePort(...higher) {
  for (;;) {
    const port = randomInt(10_000, 32_000 - Math.max(0, ...higher));
    const tried = [0, ...higher].map((by) => isFree(port + by));
    if ((await Promise.all(tried)).every(Boolean)) return port;
  }
}

const isFree = (port) => new Promise((resolve) => {
  const server = createServer();
  server.on('error', () => resolve(false)).listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
});
