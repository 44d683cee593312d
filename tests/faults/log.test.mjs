// The log's reader is somebody else's program: it may be slow, stuck, gone, or its disk full. The relay serves on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { describe, test } from 'node:test';
import { many } from '../lib/bystander.mjs';
import { request } from '../lib/raw-http.mjs';
import { openWebSocket } from '../lib/raw-ws.mjs';
import { FANFARE_BIN, HUB, endsAtOnce } from '../lib/relay.mjs';
import { until, within } from '../lib/within.mjs';

const target = '/socket.io/?EIO=4&transport=websocket';
const skip = HUB === 'reference' && 'it has no log';

/** Starts fanfare by a shell, which puts its outputs where `redirect` says; as pipes they are left to the test to read. */
async function start(t, redirect, flags = []) {
  const args = ['-c', `exec "$0" "$@" ${redirect}`, FANFARE_BIN, '--listen', '127.0.0.1:0', ...flags];
  const child = spawn('/bin/sh', args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...endsAtOnce } });
  const exited = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
  t.after(() => child.kill('SIGKILL'));
  return { child, exited, port: await portOf(child.pid) };
}

/** The port a process listens on, as the kernel knows it: for when it cannot say so itself. */
async function portOf(pid) {
  return await until('a listening socket', () => {
    const inodes = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n').slice(1)
      .map((line) => line.trim().split(/\s+/)).filter((fields) => fields[3] === '0A');
    const own = socketsOf(pid);
    const mine = inodes.find((fields) => own.has(fields[9]));
    return mine && parseInt(mine[1].split(':')[1], 16);
  }, { ms: 10_000 });
}

function socketsOf(pid) {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ''; // closed meanwhile
    }
  });
  return new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]).filter(Boolean));
}

async function leave(port) {
  const ws = await openWebSocket(port, target);
  ws.send('1');
  await ws.end();
}

async function serves(port) {
  const { status } = await within(3000, 'answer to /healthz', request(port, '/healthz'));
  assert.equal(status, 200);
  const ws = await openWebSocket(port, target);
  ws.send('40');
  await ws.until(/^40/);
  ws.send('42["still","here"]');
  await ws.until(/^42\["still","here"\]/);
  ws.destroy();
}

async function ends({ child, exited }, ms) {
  const from = performance.now();
  child.kill('SIGTERM');
  const { code } = await within(15_000, 'end after SIGTERM', exited);
  assert.equal(code, 0);
  const took = performance.now() - from;
  assert.ok(took < ms, `${took | 0} ms`);
}

describe('a log', { skip }, () => {
  test('that nobody reads holds up neither clients nor the end', async (t) => {
    const relay = await start(t, ''); // both outputs are pipes, and nothing reads either
    // A pipe holds 64 KiB, a line is some 200 bytes.
    await many(600, 20, () => leave(relay.port));
    await serves(relay.port);
    await ends(relay, 5000);
  });

  test('that is read again says how many lines were lost', async (t) => {
    const relay = await start(t, '', ['--log', 'debug', '--rule', 'known']);
    const ws = await openWebSocket(relay.port, target);
    ws.send('40');
    await ws.until(/^40/);
    // Each is a line of 60 kB, of which the pipe holds one and the queue seventeen.
    for (let i = 0; i < 36; i++) ws.send(`421["${'x'.repeat(60_000)}"]`);
    for (let i = 0; i < 36; i++) await ws.until(/^431/); // more refusals, and it is closed
    ws.destroy();
    let log = '';
    relay.child.stderr.on('data', (bytes) => (log += bytes));
    await until('the number of lines that were lost', () => /WARN .* log lines were lost: .* lines=\d\d\b/.test(log));
    await ends(relay, 5000);
  });

  for (const [what, redirect] of [
    ['on a full disk', '>/dev/full 2>/dev/full'],
    ['that is closed', '>&- 2>&-'],
    ['on a pipe whose reader is gone', ''],
  ]) {
    test(`${what} is no reason not to serve`, async (t) => {
      const relay = await start(t, redirect);
      relay.child.stdout.destroy();
      relay.child.stderr.destroy();
      await many(50, 10, () => leave(relay.port));
      await serves(relay.port);
      await ends(relay, 5000);
    });
  }
});

describe('fanfare check', { skip }, () => {
  for (const redirect of ['>/dev/full 2>/dev/full', '>&- 2>&-', '| true']) {
    test(`into ${redirect} ends as it should`, async () => {
      const script = `"$0" check --listen 127.0.0.1:0 ${redirect}`;
      const child = spawn('/bin/bash', ['-c', `set -o pipefail; ${script}`, FANFARE_BIN], { stdio: 'ignore' });
      const code = await within(5000, 'end of the check', new Promise((resolve) => child.on('exit', resolve)));
      assert.equal(code, 0);
    });
  }
});
