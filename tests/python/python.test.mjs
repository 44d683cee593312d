// The Python client, in a process of its own; what it saw comes back as JSON.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startRelay } from '../lib/relay.mjs';
import { bothApplications, withRules } from '../lib/settings.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const python = here('../.cache/venv/bin/python');

async function played(t, transport, scenario, settings) {
  const hub = await startRelay({ ...withRules(bothApplications), ...settings }); // its own: the scenarios count who is there
  t.after(() => hub.kill());
  // The time-out ends the process: nothing of a hanging client stays behind.
  const { stdout } = await promisify(execFile)(python, [here('client.py'), hub.url, transport, scenario], {
    timeout: 30_000,
  });
  return JSON.parse(stdout);
}

describe('python-socketio', { concurrency: 2 }, () => {
  for (const transport of ['polling', 'websocket']) {
    test(`sees both applications' events with equal payloads, over ${transport}`, async (t) => {
      assert.deepEqual(await played(t, transport, 'flows'), [
        ['update', { nested: [{ a: null }, 1.5, true] }],
        ['update', 'Größe 漢 🎉'],
        ['database-changed', { type: 'task-created', id: 1 }],
        ['update', { bytes: [0, 1, 30, 128, 255] }],
        ['update', { photo: { bytes: [...Buffer.from('one')] }, more: [{ bytes: [...Buffer.from('two')] }] }],
        ['update', 'several', 2, null],
        ['update'],
      ]);
    });

    test(`is acknowledged and refused, over ${transport}`, async (t) => {
      const [ok, refused] = await played(t, transport, 'acks');
      assert.deepEqual(ok, { status: 'ok', recipients: 1 });
      assert.equal(refused.status, 'error');
    });

    test(`leaves when it wants to, over ${transport}`, async (t) => {
      assert.deepEqual(await played(t, transport, 'leaving'), [['disconnect', 'client disconnect']]);
    });

    test(`is refused an unknown namespace, over ${transport}`, async (t) => {
      const [error] = await played(t, transport, 'unknown_namespace');
      assert.match(error, /Invalid namespace|failed to connect/);
    });

    // Over WebSocket it names the host that it connects to as its origin.
    test(`gets in beside a list of pages, over ${transport}`, async (t) => {
      const listed = { corsOrigins: ['https://app.example.com'] };
      assert.deepEqual(await played(t, transport, 'leaving', listed), [['disconnect', 'client disconnect']]);
    });

    test(`sends and receives 500 kB, over ${transport}`, async (t) => {
      assert.deepEqual(await played(t, transport, 'large'), ['update', 500_000]);
    });
  }
});
