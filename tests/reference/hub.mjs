// The same relay on Node: the official server with the relay's rules on top. The suites were developed
// against it, and it stays the other side of every comparison.
//   node hub.mjs --settings FILE.json --listen 127.0.0.1:0      (settings: see ../lib/settings.mjs)
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { Server } from 'socket.io';
import msgpackParser from 'socket.io-msgpack-parser';
import { defaults } from '../lib/settings.mjs';
import { relayEvents } from './rules.mjs';

const { values } = parseArgs({
  options: { settings: { type: 'string' }, listen: { type: 'string', default: '127.0.0.1:0' } },
});
const settings = values.settings ? JSON.parse(readFileSync(values.settings, 'utf8')) : defaults;

const http = createServer((request, response) => {
  response.writeHead(request.url === '/healthz' ? 200 : 404).end();
});
const io = new Server(http, {
  path: settings.path,
  pingInterval: settings.pingIntervalMs,
  pingTimeout: settings.pingTimeoutMs,
  upgradeTimeout: settings.upgradeTimeoutMs,
  connectTimeout: settings.connectTimeoutMs,
  maxHttpBufferSize: settings.maxPayloadBytes,
  serveClient: settings.clientDir !== undefined,
  cors: corsOptions(settings),
  ...(settings.parser === 'msgpack' && { parser: msgpackParser }),
});
for (const { name, rules } of settings.namespaces) relayEvents(io.of(name), rules);

const [host, port] = values.listen.split(':');
http.listen(Number(port), host, () => {
  console.log(`listening on http://${host}:${http.address().port}`);
});

process.on('SIGTERM', () => {
  // Over a socket that its client does not read, Node would wait for ever; the relay must not, so neither does this.
  setTimeout(() => process.exit(0), 1000).unref();
  io.close(() => process.exit(0));
});

function corsOptions({ corsOrigins, corsCredentials }) {
  if (corsOrigins.length === 0) return undefined;
  return { origin: corsOrigins.includes('*') ? '*' : corsOrigins, credentials: corsCredentials };
}
