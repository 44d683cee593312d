// The limit of open files: raised as far as it may be, and beyond it nobody is left hanging.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { request } from '../lib/raw-http.mjs';
import { FANFARE_BIN, HUB } from '../lib/relay.mjs';
import { until, within } from '../lib/within.mjs';

const skip = HUB === 'reference' && 'it is the relay that raises its limit';

async function start(t, limits) {
  const script = `${limits}; exec "$0" --listen 127.0.0.1:0`;
  const child = spawn('/bin/bash', ['-c', script, FANFARE_BIN], { stdio: ['ignore', 'pipe', 'pipe'] });
  const relay = { child, log: '' };
  t.after(() => child.kill('SIGKILL'));
  child.stderr.on('data', (bytes) => (relay.log += bytes));
  const [line] = await within(10_000, 'listening line', once(child.stdout, 'data'));
  relay.port = Number(/:(\d+)\s/.exec(line)[1]);
  return relay;
}

describe('the limit of open files', { skip }, () => {
  test('is raised to what the system allows', async (t) => {
    const relay = await start(t, 'ulimit -S -n 256');
    const [, soft, hard] = /^Max open files +(\d+) +(\d+)/m.exec(readFileSync(`/proc/${relay.child.pid}/limits`, 'utf8'));
    assert.equal(soft, hard);
    assert.ok(Number(soft) > 256);
  });

  test('that is below limits.sessions_max is a warning', async (t) => {
    const relay = await start(t, 'ulimit -n 256');
    await until('the warning', () => /WARN .*limits\.sessions_max cannot be reached.*open_files_max=256 sessions_max=100000/.test(relay.log));
  });

  test('when it is reached turns new connections away at once, with a line in five seconds', async (t) => {
    const relay = await start(t, 'ulimit -n 64');
    const held = [];
    t.after(() => held.forEach((socket) => socket.destroy()));
    const answers = [];
    for (let i = 0; i < 120; i++) {
      const socket = connect(relay.port, '127.0.0.1');
      socket.on('error', () => {});
      held.push(socket);
      await once(socket, 'connect');
      answers.push(new Promise((resolve) => {
        let text = '';
        socket.on('data', (bytes) => (text += bytes));
        socket.on('close', () => resolve(text));
      }));
    }
    // Those beyond the limit are told, or closed; none waits.
    let closed = 0;
    answers.forEach((answer) => answer.then(() => closed++));
    await until('an end for those beyond the limit', () => closed >= 56);
    const [told] = await Promise.all(answers.slice(-1));
    assert.match(told, /^(HTTP\/1\.1 503 [^]*retry-after: \d+|$)/);
    await until('a line about it', () => /cannot accept connections/.test(relay.log));
    assert.ok(relay.log.match(/cannot accept connections/g).length <= 2, relay.log);
    // With room again it serves on.
    held.forEach((socket) => socket.destroy());
    await until('room', async () => (await request(relay.port, '/healthz').catch(() => ({}))).status === 200);
  });
});
