// Whether what a relay says of itself is true, whatever became of its clients.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { scrape } from '../lib/metrics.mjs';
import { PollingSession } from '../lib/polling.mjs';
import { open, request, requestBytes } from '../lib/raw-http.mjs';
import { frame, opcode, openWebSocket } from '../lib/raw-ws.mjs';
import { HUB, startRelay } from '../lib/relay.mjs';
import { until, within } from '../lib/within.mjs';

const skip = HUB === 'reference' && 'it has no metrics';
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const CONNECTIONS = 50_000;
// Whoever has the time (`make test-full`) says how much of it, and then all of them have to be through.
const CHURN_MS = Number(process.env.CHURN_S ?? 40) * 1000;
const AT_ONCE = 100;

const websocket = '/socket.io/?EIO=4&transport=websocket';
const polling = '/socket.io/?EIO=4&transport=polling';

describe('metrics', { skip }, () => {
  test('are true after every way in which a session can end', { timeout: CHURN_MS + 75_000 }, async (t) => {
    const settings = {
      pingIntervalMs: 4000,
      pingTimeoutMs: 2000,
      maxPayloadBytes: 5000,
      slowConsumer: { bytes: 100_000, stallMs: 700 },
      toml: `
        [ops]
        listen = ["127.0.0.1:0"]
        [auth.webhook]
        url = "http://127.0.0.1:9/"
        [[namespace]]
        name = "/"
        rule = [
          { on = "all" }, { on = "enter", join = "a" }, { on = "go", join = "b" }, { on = "echo", to = "sender" },
        ]
        [[namespace]]
        name = '/e"\\'
        rule = [{ on = "*" }]
        [[namespace]]
        name = "/asked"
        auth = "required"
        rule = [{ on = "*" }]
      `,
    };
    const relay = await startRelay(settings, { args: ['--log', 'warn'] });
    t.after(() => relay.kill());
    const fresh = await scrape(relay.opsPort);
    assert.equal(fresh.value('fanfare_sockets', 'namespace="/e\\"\\\\"'), 0);

    const expected = await churn(t, relay, fresh);
    const kept = await keep(relay.port);
    const page = await until('the truth', async () => {
      const page = await scrape(relay.opsPort);
      return page.sum('fanfare_sessions') + page.sum('fanfare_sockets') === kept.length + 15 && page;
    }, { ms: 20_000 }).catch(async () => await scrape(relay.opsPort));

    assert.deepEqual(page.by('fanfare_sessions'), { polling: 5, websocket: 15 });
    assert.equal(page.value('fanfare_sockets', 'namespace="/"'), 15);
    assert.equal(page.value('fanfare_rooms', 'namespace="/"'), 2);
    assert.deepEqual(page.by('fanfare_sessions_closed_total'), expected.closed);
    assert.equal(page.sum('fanfare_sessions_opened_total'), expected.opened + kept.length);
    // But for events: how many more of them were read of one that is closed for them is a matter of time.
    assert.deepEqual(page.by('fanfare_refusals_total', /stage="(http|connect)"/), expected.refused);
    assert.equal(page.value('fanfare_auth_seconds_count'), expected.closed.unavailable);
    t.diagnostic(`${expected.opened} connections; ${JSON.stringify(expected.closed)}`);

    await deliveriesAreCounted(relay, kept.filter(({ ws }) => ws).map(({ ws }) => ws), page);

    await until('an answer of each to a ping', async () => {
      return (await scrape(relay.opsPort)).value('fanfare_ping_rtt_seconds_count') >= kept.length;
    }, { ms: 10_000 });

    for (const { leave } of kept) leave();
    const after = await until('the end of all', async () => {
      const page = await scrape(relay.opsPort);
      // Of a session that has ended a lane hears a moment later.
      return page.sum('fanfare_sessions') + page.sum('fanfare_sockets') === 0 && page;
    }, { ms: 20_000 });
    for (const name of ['fanfare_rooms', 'fanfare_outbox_sessions']) {
      assert.deepEqual(after.by(name), {}, name);
    }
    assert.equal(after.value('fanfare_outbox_bytes'), 0);
    assert.equal(after.sum('fanfare_sessions_opened_total'), after.sum('fanfare_sessions_closed_total'));
    await leavingIsCounted(relay, after);
    await until('no open file', async () => {
      const open = (await scrape(relay.opsPort)).value('process_open_fds');
      return open <= fresh.value('process_open_fds') + 2;
    }, { ms: 20_000 });
  });

  test('pass promtool, and so do the example rules', async (t) => {
    const relay = await startRelay({ ops: true });
    t.after(() => relay.kill());
    await request(relay.opsPort, '/nowhere');
    const { text } = await scrape(relay.opsPort);
    const promtool = findPromtool();
    execFileSync(promtool, ['check', 'metrics'], { input: text, stdio: ['pipe', 'pipe', 'inherit'] });
    execFileSync(promtool, ['check', 'rules', here('../../docs/examples/alerts.yml')], { stdio: ['ignore', 'pipe', 'inherit'] });
  });

  test('are not on the clients\' port, and say that a relay is ready until it drains', async (t) => {
    const relay = await startRelay({ ops: true, drain: { waitS: 1, spreadS: 0, deadlineS: 3 } });
    t.after(() => relay.kill());
    assert.equal((await request(relay.port, '/metrics')).status, 404);
    assert.equal((await request(relay.port, '/readyz')).status, 404);
    assert.equal((await request(relay.opsPort, '/readyz')).body.toString(), 'ready\n');
    const held = await opened(relay.port);
    held.socket.allowHalfOpen = true;
    relay.child.kill('SIGTERM');
    await until('word that it drains', async () => {
      const answer = await request(relay.opsPort, '/readyz');
      return answer.status === 503 && answer.body.toString() === 'draining\n';
    }, { every: 5 });
    assert.equal((await request(relay.opsPort, '/healthz')).status, 200);
    held.destroy();
  });
});

/** Has it leave with some clients, and stay empty. */
async function leavingIsCounted(relay, before) {
  const sessions = [];
  for (let number = 0; number < 20; number++) {
    sessions.push(await (number < 15 ? opened(relay.port) : PollingSession.start(relay.port)));
  }
  assert.equal((await request(relay.opsPort, '/drain', { method: 'POST' })).status, 200);
  const after = await until('the end of all by a drain', async () => {
    const page = await scrape(relay.opsPort);
    return page.sum('fanfare_sessions') === 0 && page;
  }, { ms: 20_000 });
  const closed = { ...before.by('fanfare_sessions_closed_total'), shutdown: 20 };
  assert.deepEqual(after.by('fanfare_sessions_closed_total'), closed);
  assert.equal(after.sum('fanfare_sessions_opened_total'), after.sum('fanfare_sessions_closed_total'));
  for (const session of sessions) session.destroy?.();
}

/** Sends events from one of them to all, and compares. */
async function deliveriesAreCounted(relay, clients, before) {
  const received = Promise.all(clients.map(async (client) => {
    for (let count = 0; count < 100; count++) await client.until(/^42\["all"/);
  }));
  const event = frame('42["all","x"]');
  for (let count = 0; count < 100; count++) clients[0].write(event);
  await received;
  const after = await scrape(relay.opsPort);
  const more = (name, labels) => after.value(name, labels) - before.value(name, labels);
  assert.equal(more('fanfare_deliveries_total', 'namespace="/"'), 100 * clients.length);
  const between = (value, least, most) => assert.ok(value >= least && value <= most, `${value} of ${least} to ${most}`);
  // Whoever answers pings meanwhile sends and receives some bytes, too.
  between(more('fanfare_received_bytes_total', 'transport="websocket"'), 100 * event.length, 100 * event.length + 50 * clients.length);
  const frameLength = event.length - 4;
  between(more('fanfare_sent_bytes_total', 'transport="websocket"'), 100 * frameLength * clients.length, 101 * frameLength * clients.length);
  await until('deliveries in the histogram', async () => {
    const after = await scrape(relay.opsPort);
    return after.value('fanfare_delivery_seconds_count') === after.sum('fanfare_deliveries_total');
  });
}

/** Clients that stay: five that poll, five that moved on from it, ten over a WebSocket from the start. */
async function keep(port) {
  const kept = [];
  for (let number = 0; number < 15; number++) {
    const ws = number < 5 ? await upgraded(port) : await openWebSocket(port, websocket);
    ws.send('40');
    await ws.until(/^40{/);
    if (number < 7) ws.send('42["enter"]');
    if (number > 4 && number < 9) ws.send('42["go"]');
    answerPings(ws);
    kept.push({ ws, leave: () => ws.destroy() });
  }
  for (let number = 0; number < 5; number++) {
    const session = await PollingSession.start(port);
    const over = (async () => {
      for (;;) {
        const answer = await session.poll({}).catch(() => undefined);
        if (answer?.status !== 200 || /(^|\x1e)[16]/.test(answer.body)) return;
        if (answer.body.includes('2')) await session.post('3');
      }
    })();
    over.catch(() => {});
    kept.push({ leave: () => void session.post('1').catch(() => {}) });
  }
  return kept;
}

/** Answers pings as they come, whoever takes the other frames. */
function answerPings(ws) {
  ws.socket.on('data', () => {
    const pings = ws.frames.filter(({ payload }) => payload.toString() === '2');
    ws.frames = ws.frames.filter((one) => !pings.includes(one));
    for (const _ of pings) ws.send('3');
  });
}

async function upgraded(port) {
  const session = await PollingSession.start(port);
  const ws = await openWebSocket(port, session.target('websocket'));
  ws.send('2probe');
  await ws.until(/^3probe$/);
  ws.send('5');
  return ws;
}

/** Opens and ends sessions in every way, and says what became of them. */
async function churn(t, relay, fresh) {
  const { port } = relay;
  const expected = { opened: 0, closed: {}, refused: {} };
  const count = (what, key) => (what[key] = (what[key] ?? 0) + 1);
  const ways = Object.entries({ ...byWebSocket, ...byPolling });
  const end = Date.now() + CHURN_MS;
  let begun = 0;
  const one = async () => {
    while (begun < CONNECTIONS && Date.now() < end) {
      const number = begun++;
      const [way, run] =
        number % 5000 === 7 ? ['slow_consumer', slow]
        : number % 500 === 3 ? ['ping_timeout', silent]
        : number % 500 === 11 ? ['unavailable', unknown]
        : ways[number % ways.length];
      const [reason, stage] = way.split(' ')[0].split(':');
      try {
        await run(port);
      } catch (error) {
        throw new Error(`${way}: ${error.message}`, { cause: error });
      }
      if (reason === 'refused') count(expected.refused, stage);
      else {
        expected.opened++;
        count(expected.closed, reason);
        // Of two polls at once one is answered 400.
        if (reason === 'overlap') count(expected.refused, 'bad_request');
        if (reason === 'unavailable') count(expected.refused, 'unavailable');
      }
    }
  };
  const churning = Promise.all(Array.from({ length: AT_ONCE }, one));
  churning.catch(() => {});
  // Meanwhile, too, as many are open as were opened and not closed; and counters only go up.
  let before = fresh;
  let isOver = false;
  churning.finally(() => (isOver = true)).catch(() => {});
  let slowest = 0;
  while (!isOver) {
    const page = await scrape(relay.opsPort);
    const [opened, closed] = [page.sum('fanfare_sessions_opened_total'), page.sum('fanfare_sessions_closed_total')];
    assert.equal(opened - closed, page.sum('fanfare_sessions'));
    for (const [sample, value] of before.samples) {
      if (/_(total|count|bucket)\b/.test(sample)) assert.ok(page.samples.get(sample) >= value, `${sample} went down`);
    }
    before = page;
    slowest = Math.max(slowest, page.sum('fanfare_sessions'));
    await delay(100);
  }
  await churning;
  if (process.env.CHURN_S) assert.equal(expected.opened + sum(expected.refused, 'transport_unknown', 'session_unknown'), CONNECTIONS);
  t.diagnostic(`up to ${slowest} at once`);
  return expected;
}

const sum = (counts, ...keys) => keys.reduce((sum, key) => sum + (counts[key] ?? 0), 0);

/** A WebSocket whose open packet has come. */
async function opened(port) {
  const ws = await openWebSocket(port, websocket);
  await ws.until(/^0{/);
  return ws;
}

const leavingBy = (how) => async (port) => {
  const ws = await opened(port);
  how(ws);
  if (!ws.socket.destroyed) await ws.end(20_000);
  ws.destroy();
};

const byWebSocket = {
  'transport_close by a close frame': leavingBy((ws) => ws.write(frame(Buffer.from([3, 232]), { op: opcode.close }))),
  'transport_close by a close packet': leavingBy((ws) => ws.send('1')),
  'transport_close by going': leavingBy((ws) => ws.destroy()),
  'transport_error by a reset': leavingBy((ws) => ws.reset()),
  'transport_error by a frame without a mask': leavingBy((ws) => ws.write(frame('2', { mask: false }))),
  'parse_error': leavingBy((ws) => ws.send('x')),
  'too_large': leavingBy((ws) => ws.send('4'.repeat(6000))),
  'violation': leavingBy((ws) => ws.send('42["all"]')),
  'transport_close of one that joined': async (port) => {
    const ws = await opened(port);
    ws.send('40');
    await ws.until(/^40{/);
    ws.send('42["enter"]');
    ws.destroy();
  },
  'dropped for what was refused': async (port) => {
    const ws = await opened(port);
    ws.send('40');
    await ws.until(/^40{/);
    ws.write(Buffer.concat(Array.from({ length: 60 }, () => frame('42["nobody"]'))));
    await ws.end(20_000);
    ws.destroy();
  },
  'transport_close of one that moved from polling': async (port) => (await upgraded(port)).destroy(),
};

const byPolling = {
  'transport_close by a close packet in a post': async (port) => {
    const session = await PollingSession.start(port);
    await session.post('1');
  },
  'transport_error by a poll that is given up': async (port) => {
    const session = await PollingSession.start(port);
    const poll = await open(port);
    // Behind the request, which so comes whole.
    poll.socket.end(requestBytes(session.target()));
    await poll.closed(20_000);
  },
  'overlap': async (port) => {
    const session = await PollingSession.start(port);
    const polls = [session.poll(), session.poll()];
    await Promise.allSettled(polls);
  },
  'refused:transport_unknown': async (port) => void (await request(port, '/socket.io/?EIO=4&transport=x')),
  'refused:session_unknown': async (port) => void (await request(port, `${polling}&sid=${'a'.repeat(20)}`)),
};

/** Does not answer a ping. */
async function silent(port) {
  const ws = await opened(port);
  await ws.end(20_000);
  ws.destroy();
}

/** Is held, since nobody who is asked answers, and sent away. */
async function unknown(port) {
  const ws = await opened(port);
  answerPings(ws);
  ws.send('40/asked,');
  await ws.end(20_000);
  ws.destroy();
}

/** Asks for more than it reads. */
async function slow(port) {
  const ws = await opened(port);
  ws.send('40');
  await ws.until(/^40{/);
  const over = new Promise((resolve) => ws.socket.once('close', resolve));
  ws.stall();
  const event = frame(`42["echo","${'x'.repeat(4900)}"]`);
  const some = Buffer.concat(Array.from({ length: 100 }, () => event));
  const writing = setInterval(() => ws.write(some), 20);
  await within(20_000, 'end of a slow one', over).finally(() => clearInterval(writing));
}

function findPromtool() {
  const found = [process.env.PROMTOOL, here('../.cache/proxies/usr/bin/promtool')].find((path) => path && existsSync(path));
  if (found) return found;
  try {
    return execFileSync('sh', ['-c', 'command -v promtool'], { encoding: 'utf8' }).trim();
  } catch {
    throw new Error('no promtool: tests/setup.sh fetches it (Debian: the package prometheus), or set PROMTOOL');
  }
}
