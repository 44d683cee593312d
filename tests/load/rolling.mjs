// A rolling restart under load: two relays behind nginx, official clients, events all the while. Takes about two minutes:
//   FANFARE_BIN=target/release/fanfare node tests/load/rolling.mjs [CLIENTS]
// Fails if the relay that stays gets its new clients in a crowd, delivers later than before, or a client stays away.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { io } from 'socket.io-client';
import { many } from '../lib/bystander.mjs';
import { scrape } from '../lib/metrics.mjs';
import { freePort } from '../lib/ports.mjs';
import { open } from '../lib/raw-http.mjs';
import { startRelay } from '../lib/relay.mjs';
import { until } from '../lib/within.mjs';

const CLIENTS = Number(process.argv[2] ?? 5000);
const EVENTS_PER_S = 40;
const LISTENERS = 100; // of each relay's events: all of the clients would measure this process, not the relay
const drain = { waitS: 3, spreadS: 20, deadlineS: 30 };
const settings = {
  drain,
  ops: true,
  namespaces: [{ name: '/', rules: [{ on: 'enter', join: 'lobby' }, { on: 'tick', to: { room: 'lobby' } }] }],
};

const relays = [await startRelay(settings, { willReturn: true }), await startRelay(settings, { willReturn: true })];
const proxy = await nginx(relays.map(({ port }) => port));
const clients = [];
await many(CLIENTS, 50, async () => {
  const client = io(`http://127.0.0.1:${proxy.port}`, { transports: ['websocket'], forceNew: true });
  clients.push(client);
  await new Promise((resolve) => client.once('connect', resolve));
});
const away = () => clients.filter(({ connected }) => !connected).length;
console.log(`${CLIENTS} clients: ${await sessions(relays[0])} and ${await sessions(relays[1])}`);

try {
  for (const leaving of [0, 1]) {
    const probe = await probed(relays[1 - leaving]);
    await delay(2_000);
    await probe.p99(); // nothing of its beginning
    await delay(10_000);
    const before = await probe.p99();
    const moved = await sessions(relays[leaving]);
    const stopped = relays[leaving].stop(60_000);
    const rates = await opened(relays[1 - leaving], stopped);
    assert.equal((await stopped).code, 0);
    const during = await probe.p99();
    await probe.stop();
    relays[leaving] = await startRelay(settings, { port: relays[leaving].port });
    await until('all are back', () => away() === 0, { ms: 60_000 });
    const [most, mean] = [Math.max(...rates), moved / drain.spreadS];
    console.log(`relay ${leaving}: ${moved} moved, at most ${most} in a second (mean ${mean | 0}); p99 ${before.toFixed(1)} → ${during.toFixed(1)} ms`);
    console.log(`  a second each: ${rates.join(' ')}`);
    assert.ok(most <= 2 * mean, 'they came in a crowd');
    assert.ok(during <= Math.max(1.3 * before, before + 2), 'the other relay delivered later');
  }
  const lost = Math.max(await sessions(relays[0]), 1);
  await relays[0].kill();
  const from = performance.now();
  await until('a loss', () => away() > 0);
  await until('all are back', () => away() === 0, { ms: 60_000 });
  console.log(`killed: ${lost} back after ${(performance.now() - from) | 0} ms`);
} finally {
  clients.forEach((client) => client.disconnect());
  await proxy.stop();
  await Promise.all(relays.map((relay) => relay.kill()));
}
process.exit(0);

async function sessions(relay) {
  return (await scrape(relay.opsPort)).sum('fanfare_sessions');
}

/** How many connections a relay opens in each second until `end`, and some more. */
async function opened(relay, end) {
  let ended = false;
  end.then(() => (ended = true));
  const rates = [];
  let last = (await scrape(relay.opsPort)).sum('fanfare_sessions_opened_total');
  for (let rest = 6; rest > 0; rest -= ended ? 1 : 0) {
    await delay(1000);
    const now = (await scrape(relay.opsPort)).sum('fanfare_sessions_opened_total');
    rates.push(now - last);
    last = now;
  }
  return rates;
}

/** Events on a relay, and how long they take. */
async function probed({ url }) {
  const worker = new Worker(new URL('probe.mjs', import.meta.url), { workerData: { url, listeners: LISTENERS, eventsPerS: EVENTS_PER_S } });
  const said = async () => (await once(worker, 'message'))[0];
  await said();
  const p99 = () => {
    worker.postMessage('p99');
    return said();
  };
  return { p99, stop: () => worker.terminate() };
}

/** nginx, which asks the other one where a relay refuses. */
async function nginx(ports) {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-nginx-'));
  const port = await freePort();
  const own = fileURLToPath(new URL('../.cache/proxies/usr', import.meta.url));
  const program = existsSync(`${own}/sbin/nginx`) ? `${own}/sbin/nginx` : 'nginx';
  const libraries = existsSync(`${own}/lib`) ? readdirSync(`${own}/lib`).filter((name) => name.endsWith('-linux-gnu')).map((name) => `${own}/lib/${name}`) : [];
  writeFileSync(join(folder, 'config'), `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
    worker_rlimit_nofile 65536; events { worker_connections 20000; }
    http { access_log off; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')}
      upstream relays { ${ports.map((port) => `server 127.0.0.1:${port} max_fails=0;`).join(' ')} }
      server { listen 127.0.0.1:${port} backlog=4096;
        location / {
          proxy_pass http://relays; proxy_http_version 1.1; proxy_read_timeout 60s; proxy_next_upstream error timeout http_503;
          proxy_set_header Host $http_host; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
        } } }`);
  const env = { PATH: process.env.PATH, ...(libraries.length > 0 && { LD_LIBRARY_PATH: libraries.join(':') }) };
  const child = spawn(program, ['-p', folder, '-c', join(folder, 'config')], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  process.on('exit', () => child.kill('SIGKILL'));
  await until('nginx listens', () => open(port).then((connection) => (connection.destroy(), true), () => false));
  const gone = new Promise((resolve) => child.on('exit', resolve));
  const stop = () => {
    child.kill('SIGKILL');
    return gone.then(() => rmSync(folder, { recursive: true, force: true }));
  };
  return { port, stop };
}
