// Behind a real nginx as it is by default: without `proxy_http_version 1.1` it speaks HTTP/1.0 to the relay, WebSockets too.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { clientsOf, received, upgraded, variants } from '../lib/clients.mjs';
import { open } from '../lib/raw-http.mjs';
import { sharedRelay } from '../lib/relay.mjs';
import { event, until } from '../lib/within.mjs';

const ours = fileURLToPath(new URL('../.cache/nginx/usr/sbin/nginx', import.meta.url));
const nginx = process.env.NGINX ?? (existsSync(ours) ? ours : 'nginx');

const handsOnUpgrades = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';

/** Starts nginx in front of a relay; gives its URL. */
function proxied({ before, after }, hub, headers) {
  const proxy = {};
  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fanfare-nginx-'));
    const port = await freePort();
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`);
    writeFileSync(join(folder, 'nginx.conf'), `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
      events { worker_connections 256; }
      http {
        access_log off; ${temporary.join(' ')}
        server {
          listen 127.0.0.1:${port};
          location / { proxy_pass http://127.0.0.1:${hub.port}; proxy_set_header Host $http_host; ${headers} }
        }
      }`);
    proxy.folder = folder;
    const child = (proxy.child = spawn(nginx, ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: ['ignore', 'inherit', 'inherit'] }));
    process.on('exit', () => child.kill('SIGKILL'));
    await until('nginx listens', () => open(port).then((connection) => (connection.destroy(), true), () => false));
    proxy.url = `http://127.0.0.1:${port}`;
  });
  after(async () => {
    const gone = proxy.child && event(proxy.child, 'exit');
    proxy.child?.kill('SIGKILL');
    await gone;
    if (proxy.folder) rmSync(proxy.folder, { recursive: true, force: true });
  });
  return proxy;
}

/** nginx cannot let the kernel choose. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await event(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function talks(client) {
  const echo = received(client, 'update');
  const ack = await client.timeout(5000).emitWithAck('update', { n: 1, bytes: Buffer.from([1, 2, 3]) });
  assert.equal(ack.status ?? 'ok', 'ok');
  const [update] = await echo;
  assert.equal(update.n, 1);
  assert.deepEqual([...update.bytes], [1, 2, 3]);
}

describe('behind nginx without proxy_http_version 1.1', () => {
  const hub = sharedRelay({ before, after });
  const proxy = proxied({ before, after }, hub, handsOnUpgrades);
  for (const variant of variants) {
    test(`a client gets through (${variant.title})`, async (t) => {
      const client = await clientsOf(t, variant).connect(proxy.url);
      if (!variant.options.transports) await upgraded(client);
      await talks(client);
    });
  }
});

describe('behind nginx that hands on no upgrades', () => {
  const hub = sharedRelay({ before, after });
  const proxy = proxied({ before, after }, hub, '');
  for (const variant of variants.filter(({ options }) => options.transports?.[0] !== 'websocket')) {
    test(`a client stays on polling (${variant.title})`, async (t) => {
      const client = await clientsOf(t, variant).connect(proxy.url);
      await talks(client);
      assert.equal(client.io.engine.transport.name, 'polling');
    });
  }
});
