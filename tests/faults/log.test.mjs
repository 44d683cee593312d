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
async function start(t, redirect, flags = [], env = {}) {
  const args = ['-c', `exec "$0" "$@" ${redirect}`, FANFARE_BIN, '--listen', '127.0.0.1:0', ...flags];
  const child = spawn('/bin/sh', args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...endsAtOnce, ...env } });
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

/** Sends events that are refused: fewer than it is closed for. */
async function refused(port, events) {
  const ws = await openWebSocket(port, target);
  ws.send('40');
  await ws.until(/^40/);
  for (let i = 0; i < events; i++) ws.send(`421["unknown ${i}"]`);
  for (let i = 0; i < events; i++) await ws.until(/^431/);
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
    const relay = await start(t, '', [], { FANFARE_LOG_QUEUE_BYTES_MAX: '65536' });
    // The pipe holds 64 KiB, the queue and the thread that writes as much each: some 800 lines.
    await many(1500, 20, () => leave(relay.port));
    let log = '';
    relay.child.stderr.on('data', (bytes) => (log += bytes));
    const isLost = /WARN .* log lines were lost: .* lost=(\d+)\b/g;
    await until('the number of lines that were lost', () => log.match(isLost));
    // Each is a line, or one of those that were lost: some perhaps since the first of these was written.
    const told = () => {
      const lost = [...log.matchAll(isLost)].reduce((sum, [, lines]) => sum + Number(lines), 0);
      return log.match(/ session closed /g).length + lost;
    };
    await until('all of them', () => told() >= 1500).catch((error) => assert.fail(`${error.message}: ${told()}`));
    // A busy machine has a few lines of its own to lose: a client that was late, say.
    assert.ok(told() <= 1505, `${told()} lines for 1500 clients`);
    await ends(relay, 5000);
  });

  test('of everything, which nobody reads, makes no event late', async (t) => {
    const relay = await start(t, '', ['--log', 'trace', '--rule', 'known']);
    const from = performance.now();
    await many(100, 10, () => refused(relay.port, 30));
    const took = performance.now() - from;
    assert.ok(took < 10_000, `3000 refusals took ${took | 0} ms`);
    await ends(relay, 5000);
  });

  test('is not filled by what a client repeats, and says how much it left out', async (t) => {
    const relay = await start(t, '', ['--log', 'debug', '--rule', 'known']);
    let log = '';
    relay.child.stderr.on('data', (bytes) => (log += bytes));
    await many(100, 10, () => refused(relay.port, 30));
    await until('word of what was left out', () => /DEBUG fanfare::relay: lines left out like="event refused"/.test(log));
    await ends(relay, 5000);
    const shown = log.match(/: event refused /g).length;
    const leftOut = [...log.matchAll(/lines left out like="event refused" left_out=(\d+)/g)];
    assert.equal(shown + leftOut.reduce((sum, [, lines]) => sum + Number(lines), 0), 3000);
    assert.ok(shown < 400, `${shown} lines`);
    assert.equal(log.match(/ session closed /g).length, 100, 'the end of each is there');
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
