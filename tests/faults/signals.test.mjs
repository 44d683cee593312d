// Signals: which end the relay, how urgently, and which do not.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';
import { open, request, requestBytes } from '../lib/raw-http.mjs';
import { many } from '../lib/bystander.mjs';
import { openWebSocket } from '../lib/raw-ws.mjs';
import { FANFARE_BIN, HUB, clientDir, startRelay } from '../lib/relay.mjs';
import { stillWaits, until, within } from '../lib/within.mjs';

const skip = HUB === 'reference' && 'a relay of its own';

describe('a signal', { skip }, () => {
  const lines = { SIGHUP: /reloaded: /, SIGUSR1: /a signal that means nothing here/, SIGUSR2: /a signal that means nothing here/ };
  for (const [signal, line] of Object.entries(lines)) {
    test(`${signal} is a line in the log, and the relay lives`, async (t) => {
      const relay = await startRelay();
      t.after(() => relay.kill());
      relay.child.kill(signal);
      await until('a line about it', () => line.test(relay.log));
      assert.equal((await request(relay.port, '/healthz')).status, 200);
      assert.equal((await relay.stop()).code, 0);
    });
  }

  for (const signal of ['SIGTERM', 'SIGINT']) {
    test(`${signal}, once more, ends the wait for clients`, async (t) => {
      const relay = await startRelay({ drain: { waitS: 0, spreadS: 0, deadlineS: 60 }, clientDir });
      t.after(() => relay.kill());
      await stuck(t, relay);
      relay.child.kill(signal);
      await until('the first line', () => /stopping/.test(relay.log));
      assert.ok(await stillWaits(relay.exited));
      relay.child.kill(signal);
      const { code } = await within(5000, 'end', relay.exited);
      assert.equal(code, 0);
      assert.match(relay.log, /told again to stop/);
    });
  }

  test('that is the third ends the process at once with status 1', async (t) => {
    // Its log is a pipe that nobody reads, so that it waits a second at its end.
    const child = spawn(FANFARE_BIN, ['--listen', '127.0.0.1:0', '--log', 'trace', '--rule', 'known'], { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    const exited = new Promise((resolve) => child.on('exit', (code) => resolve(code)));
    const port = await within(10_000, 'listening line', new Promise((resolve) => {
      child.stdout.once('data', (line) => resolve(Number(/:(\d+)\s/.exec(line)[1])));
    }));
    const ws = await openWebSocket(port, '/socket.io/?EIO=4&transport=websocket');
    ws.send('40');
    await ws.until(/^40/);
    // A pipe holds 64 KiB, the line of a session's end is over 200 bytes.
    await many(600, 20, async () => {
      const other = await openWebSocket(port, '/socket.io/?EIO=4&transport=websocket');
      other.send('1');
      await other.end();
    });
    for (let i = 0; i < 3; i++) {
      child.kill('SIGTERM');
      await stillWaits(exited, 50); // signals that arrive together count once
    }
    assert.equal(await within(700, 'end', exited), 1);
  });

  test('of a terminal that is closed ends the relay as SIGTERM does', async (t) => {
    // Python opens a terminal of its own for its child, and closes it once the child listens.
    const script = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], '--listen', '127.0.0.1:0'])
seen = b''
while b'listening on' not in seen:
    seen += os.read(terminal, 1000)
os.close(terminal)
_, status = os.waitpid(pid, 0)
print(os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status))
`;
    const child = spawn('python3', ['-c', script, FANFARE_BIN], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    const [out] = await within(15_000, 'end of the relay', new Promise((resolve) => {
      child.stdout.once('data', (bytes) => resolve([String(bytes)]));
    }));
    assert.equal(out.trim(), '0');
  });
});

/** A client that a shutdown waits for: it does not read the answers to its requests. */
async function stuck(t, relay) {
  const connection = await open(relay.port);
  t.after(() => connection.destroy());
  connection.socket.pause();
  // More than the kernel's buffers take.
  for (let i = 0; i < 100; i++) connection.write(requestBytes('/socket.io/socket.io.js'));
  await until('answers that wait', async () => {
    const before = connection.socket.bytesRead;
    return await stillWaits(relay.exited, 200) && connection.socket.bytesRead === before;
  });
}
