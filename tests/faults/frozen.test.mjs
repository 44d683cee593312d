// The relay itself is late: suspended, swapped out, starved of its processor. What its clients did in time lies in the
// kernel then. It is read before anybody is judged.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PollingSession } from '../lib/polling.mjs';
import { open, requestBytes } from '../lib/raw-http.mjs';
import { openWebSocket } from '../lib/raw-ws.mjs';
import { HUB, startRelay } from '../lib/relay.mjs';
import { within } from '../lib/within.mjs';

const skip = HUB === 'reference' && 'the reference judges first';
const target = '/socket.io/?EIO=4&transport=websocket';
const heartbeat = { pingIntervalMs: 500, pingTimeoutMs: 1200 };

/** Longer than a ping may stay unanswered, and than interval and time-out together. */
const frozenMs = 2000;

async function suspended(relay, meanwhile = () => {}) {
  relay.freeze();
  await meanwhile();
  await delay(frozenMs); // it is the time itself that is meant
  relay.thaw();
}

async function joined(relay, connect = '40') {
  const ws = await openWebSocket(relay.port, target);
  if (connect) {
    ws.send(connect);
    await ws.until(/^40/);
  }
  return ws;
}

describe('a relay that was suspended longer than its heartbeat', { skip, concurrency: 2 }, () => {
  test('keeps the WebSocket clients whose pongs lie in the kernel', async (t) => {
    const relay = await startRelay(heartbeat);
    t.after(() => relay.kill());
    const clients = await Promise.all(Array.from({ length: 30 }, () => joined(relay)));
    t.after(() => clients.forEach((ws) => ws.destroy()));
    // All are pinged, the relay stops, and only then do they answer.
    await Promise.all(clients.map((ws) => ws.until(/^2$/)));
    await suspended(relay, () => clients.forEach((ws) => ws.send('3')));
    for (let i = 0; i < 2; i++) {
      await Promise.all(clients.map(async (ws) => {
        await ws.until(/^2$/);
        ws.send('3');
      }));
    }
    assert.ok(clients.every(({ closed }) => !closed));
  });

  test('keeps the polling clients whose pongs and polls lie in the kernel', async (t) => {
    const relay = await startRelay(heartbeat);
    t.after(() => relay.kill());
    const clients = await Promise.all(Array.from({ length: 20 }, async () => {
      const session = await PollingSession.joined(relay.port);
      const [polls, posts] = await Promise.all([open(relay.port), open(relay.port)]);
      t.after(() => [polls, posts].forEach((connection) => connection.destroy()));
      return {
        begin: () => polls.write(requestBytes(session.target())),
        answer: () => posts.write(requestBytes(session.target(), { method: 'POST', body: '3' })),
        told: async () => {
          const { status, body } = await polls.response();
          assert.equal(`${status} ${body}`, '200 2');
        },
        heard: async () => assert.equal((await posts.response()).status, 200),
      };
    }));
    clients.forEach((client) => client.begin());
    await Promise.all(clients.map((client) => client.told()));
    await suspended(relay, () => clients.forEach((client) => {
      client.answer();
      client.begin();
    }));
    await Promise.all(clients.map((client) => client.heard()));
    for (let i = 0; i < 2; i++) {
      await Promise.all(clients.map(async (client) => {
        await client.told();
        client.answer();
        client.begin();
        await client.heard();
      }));
    }
  });

  test('closes the one who did not answer, as if nothing had been', async (t) => {
    const relay = await startRelay(heartbeat);
    t.after(() => relay.kill());
    const [silent, lively] = [await joined(relay), await joined(relay)];
    t.after(() => [silent, lively].forEach((ws) => ws.destroy()));
    await Promise.all([silent, lively].map((ws) => ws.until(/^2$/)));
    await suspended(relay, () => lively.send('3'));
    await silent.end(heartbeat.pingIntervalMs + heartbeat.pingTimeoutMs + 3000);
    await lively.until(/^2$/);
  });

  test('takes the CONNECT that came in time', async (t) => {
    const relay = await startRelay({ connectTimeoutMs: 800 });
    t.after(() => relay.kill());
    const clients = await Promise.all(Array.from({ length: 10 }, () => joined(relay, null)));
    t.after(() => clients.forEach((ws) => ws.destroy()));
    await suspended(relay, () => clients.forEach((ws) => ws.send('40')));
    await Promise.all(clients.map((ws) => ws.until(/^40/)));
    await Promise.all(clients.map(async (ws) => assert.ok(await ws.quiet(1000), 'it was closed after all')));
  });

  test('takes the end of an upgrade that came in time', async (t) => {
    const relay = await startRelay({ upgradeTimeoutMs: 800 });
    t.after(() => relay.kill());
    const clients = await Promise.all(Array.from({ length: 10 }, async () => {
      const session = await PollingSession.joined(relay.port);
      const ws = await openWebSocket(relay.port, session.target('websocket'));
      t.after(() => ws.destroy());
      ws.send('2probe');
      await ws.until(/^3probe$/);
      return ws;
    }));
    await suspended(relay, () => clients.forEach((ws, i) => {
      ws.send('5');
      ws.send(`42["after",${i}]`);
    }));
    await Promise.all(clients.map((ws, i) => within(5000, 'the event', ws.until(new RegExp(`^42\\["after",${i}\\]`)))));
  });

  test('takes the rest of a body that came in time', async (t) => {
    const relay = await startRelay(heartbeat);
    t.after(() => relay.kill());
    const session = await PollingSession.joined(relay.port);
    const connection = await open(relay.port);
    t.after(() => connection.destroy());
    const bytes = requestBytes(session.target(), { method: 'POST', body: '42["whole"]' });
    connection.write(bytes.subarray(0, -4));
    const poll = session.poll();
    assert.equal((await poll).body.toString(), '2');
    await suspended(relay, () => {
      connection.write(bytes.subarray(-4));
      connection.write(requestBytes(session.target(), { method: 'POST', body: '3' }));
    });
    assert.equal((await connection.response()).status, 200);
    assert.equal((await connection.response()).status, 200);
    assert.match((await session.poll()).body.toString(), /^42\["whole"\]/);
  });
});
