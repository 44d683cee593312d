// A relay that ends and comes back, as at each deployment: every client that Socket.IO has is back soon after it. What an
// orderly end looks like is final to some of them (a close packet to the Python and C++ clients, a close frame to the Java
// one), so the relay just goes, as a process that dies. Whose language is not here is represented by its wire.
//
// Their pauses are theirs: 1 to 5 s with some chance in it (JavaScript, Python, Java), 5 to 25 s (C++), 1 to 5 s (Rust).
// Here they are set as short as each library lets them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { clientsOf, received, upgraded, variants } from '../lib/clients.mjs';
import { PollingSession } from '../lib/polling.mjs';
import { open, request, requestBytes } from '../lib/raw-http.mjs';
import { openWebSocket } from '../lib/raw-ws.mjs';
import { HUB, startRelay } from '../lib/relay.mjs';
import { stillWaits, until, within } from '../lib/within.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const python = here('../.cache/venv/bin/python');
const rust = here('../.cache/rust-client/debug/fanfare-rust-client');

/** Two seconds, and what a busy machine needs. */
const backWithinMs = 2000 + 3000;

const endings = { SIGTERM: (relay) => relay.stop(), SIGKILL: (relay) => relay.kill() };

/** A client in a process of its own, that says `connected` and `lost`. */
function program(t, command, args) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (bytes) => (said += bytes));
  child.stderr.on('data', (bytes) => (said += bytes));
  const count = () => said.split('\n').filter((line) => line === 'connected').length;
  return {
    connected: (times, ms) =>
      until('a connection', () => count() >= times, { ms }).catch((error) => {
        throw new Error(`${error.message}; it said:\n${said.slice(-1500)}`);
      }),
  };
}

const scripts = {
  'python-socketio, sync': (url, transport) => [python, [here('../python/restart.py'), url, 'sync', transport]],
  'python-socketio, async': (url, transport) => [python, [here('../python/restart.py'), url, 'async', transport]],
  'rust_socketio': (url, transport) => [rust, [url, transport]],
};

/** Ends the relay, starts it again on its port, and says when it listens. */
async function restarted(t, relay, end) {
  await end(relay);
  const second = await startRelay({}, { port: relay.port });
  t.after(() => second.kill());
  return performance.now();
}

for (const [ending, end] of Object.entries(endings)) {
  describe(`after ${ending} and a restart`, { concurrency: 2 }, () => {
    for (const variant of variants) {
      test(`the JavaScript client is back (${variant.title})`, async (t) => {
        const relay = await startRelay({}, { willReturn: true });
        t.after(() => relay.kill());
        const again = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };
        const clients = await clientsOf(t, variant).connectMany(5, relay.url, again);
        if (!variant.options.transports) await Promise.all(clients.map((client) => upgraded(client)));
        const back = clients.map((client) => received(client, 'connect', 30_000));
        const from = await restarted(t, relay, end);
        await within(backWithinMs, 'return of all', Promise.all(back));
        t.diagnostic(`${(performance.now() - from) | 0} ms`);
      });
    }

    for (const [name, command] of Object.entries(scripts)) {
      for (const transport of ['polling', 'websocket', 'default']) {
        test(`${name} is back (${transport})`, async (t) => {
          const relay = await startRelay({}, { willReturn: true });
          t.after(() => relay.kill());
          const client = program(t, ...command(relay.url, transport));
          await client.connected(1, 15_000);
          await delay(300); // an upgrade has no word of its own
          const from = await restarted(t, relay, end);
          await client.connected(2, backWithinMs);
          t.diagnostic(`${(performance.now() - from) | 0} ms`);
        });
      }
    }
  });
}

const skip = HUB === 'reference' && 'the reference says goodbye where it is closed; a process that dies does not';
const target = '/socket.io/?EIO=4&transport=websocket';

/** Everything the relay writes from now on, until the connection ends. */
function lastBytes(socket) {
  let bytes = Buffer.alloc(0);
  socket.removeAllListeners('data');
  socket.on('data', (more) => (bytes = Buffer.concat([bytes, more])));
  const over = new Promise((resolve) => socket.once('close', resolve).once('end', resolve));
  return within(5000, 'end of the connection', over).then(() => bytes.toString('latin1'));
}

describe('at SIGTERM a connection just ends', { skip }, () => {
  const sessions = {
    'a WebSocket in a namespace': async (relay) => {
      const ws = await openWebSocket(relay.port, target);
      ws.send('40');
      await ws.until(/^40/);
      return ws.socket;
    },
    'a WebSocket that has joined nothing': async (relay) => {
      const ws = await openWebSocket(relay.port, target);
      await ws.until(/^0/);
      return ws.socket;
    },
    'a poll that waits': async (relay) => {
      const session = await PollingSession.joined(relay.port);
      const connection = await open(relay.port);
      connection.write(requestBytes(session.target()));
      await stillWaits(connection.closed(1000).catch(() => {}));
      return connection.socket;
    },
    'a WebSocket after an upgrade': async (relay) => {
      const session = await PollingSession.joined(relay.port);
      const ws = await openWebSocket(relay.port, session.target('websocket'));
      ws.send('2probe');
      await ws.until(/^3probe$/);
      ws.send('5');
      ws.send('42["here"]');
      await ws.until(/^42\["here"\]/);
      return ws.socket;
    },
    'a candidate that has been probed': async (relay) => {
      const session = await PollingSession.joined(relay.port);
      const ws = await openWebSocket(relay.port, session.target('websocket'));
      ws.send('2probe');
      await ws.until(/^3probe$/);
      return ws.socket;
    },
  };

  for (const [what, begin] of Object.entries(sessions)) {
    test(`${what}: no close packet, no close frame, no answer`, async (t) => {
      const relay = await startRelay();
      t.after(() => relay.kill());
      const socket = await begin(relay);
      t.after(() => socket.destroy());
      const last = lastBytes(socket);
      const { code, ms } = await relay.stop();
      assert.equal(code, 0);
      assert.equal(await last, '');
      assert.ok(ms < 2000, `${ms | 0} ms`);
    });
  }

  test('a client between two polls is told nothing that is final', async (t) => {
    const relay = await startRelay();
    t.after(() => relay.kill());
    const session = await PollingSession.joined(relay.port);
    const stopped = relay.stop();
    const told = await session.poll().then(({ status, body }) => `${status} ${body}`, (error) => error.message);
    assert.doesNotMatch(told, /(^|\x1e| )1$/);
    const { ms } = await stopped;
    assert.ok(ms < 2000, `${ms | 0} ms`);
  });

  const holders = {
    'a handshake that was never used': async (relay) => {
      await PollingSession.start(relay.port);
    },
    'a client that joined and never polls': async (relay) => {
      await PollingSession.joined(relay.port);
    },
    'a handshake that was never used and has timed out': async (relay) => {
      await PollingSession.start(relay.port);
      await delay(2 * quick.connectTimeoutMs); // its end is told to nobody
    },
    'a client over polling that was closed for what it sent': async (relay) => {
      const session = await PollingSession.joined(relay.port);
      await session.post('42["connect"]');
    },
    'a request whose head does not end': async (relay, t) => {
      const connection = await open(relay.port);
      t.after(() => connection.destroy());
      connection.write(`GET ${target} HTTP/1.1\r\nhost:`);
      await request(relay.port, '/healthz'); // it has come by now
    },
    'a poll whose long answer is not read': async (relay, t) => {
      const session = await PollingSession.joined(relay.port);
      await session.post(`42["large","${'x'.repeat(7_900_000)}"]`);
      const connection = await open(relay.port);
      t.after(() => connection.destroy());
      connection.socket.pause();
      connection.write(requestBytes(session.target()));
      await request(relay.port, '/healthz');
    },
    'a WebSocket that reads nothing': async (relay, t) => {
      const ws = await openWebSocket(relay.port, target);
      t.after(() => ws.destroy());
      ws.stall();
    },
  };
  const quick = { connectTimeoutMs: 300, maxPayloadBytes: 8_000_000 };

  for (const [what, begin] of Object.entries(holders)) {
    test(`${what} does not hold it up`, async (t) => {
      const relay = await startRelay(quick);
      t.after(() => relay.kill());
      await begin(relay, t);
      const { code, ms } = await relay.stop();
      assert.equal(code, 0);
      assert.ok(ms < 2000, `${ms | 0} ms`);
    });
  }
});
