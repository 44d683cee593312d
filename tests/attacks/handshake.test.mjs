// ATTACKS.md, "Handshake and HTTP", as far as it can be done from outside. Every count and time is bounded, and
// everything stays on the loopback.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { many, survives } from '../lib/bystander.mjs';
import { PollingSession } from '../lib/polling.mjs';
import { open, request, requestBytes } from '../lib/raw-http.mjs';
import { frame, openWebSocket, upgrade, upgradeHeaders } from '../lib/raw-ws.mjs';
import { HUB, sharedRelay, startRelay } from '../lib/relay.mjs';
import { until } from '../lib/within.mjs';

const base = '/socket.io/';
const polling = `${base}?EIO=4&transport=polling`;
const websocket = `${base}?EIO=4&transport=websocket`;
const text = { 'content-type': 'text/plain;charset=UTF-8' };

describe('session ids', () => {
  const hub = sharedRelay({ before, after }, { connectTimeoutMs: 2000 });

  test('2,000 of them are different and no letter is guessable', async () => {
    const sids = [];
    await many(40, 8, async () => {
      const connection = await open(hub.port);
      for (let i = 0; i < 50; i++) {
        connection.write(requestBytes(polling));
        sids.push(JSON.parse((await connection.response()).body.toString().slice(1)).sid);
      }
      connection.destroy();
    });
    assert.equal(new Set(sids).size, sids.length);
    for (const sid of sids) assert.match(sid, /^[A-Za-z0-9_-]{20}$/);
    for (let at = 0; at < 20; at++) {
      const letters = new Set(sids.map((sid) => sid[at]));
      // The reference puts a counter into its last letters; 2,000 draws from 64 letters miss none by chance.
      if (HUB === 'fanfare') assert.equal(letters.size, 64, `letter ${at} takes ${letters.size} values`);
    }
  });

  test('the public socket id is not the secret session id', async () => {
    const ws = await openWebSocket(hub.port, websocket);
    const { sid } = JSON.parse((await ws.until(/^0/)).slice(1));
    ws.send('40');
    const connected = JSON.parse((await ws.until(/^40/)).slice(2));
    ws.destroy();
    assert.notEqual(connected.sid, sid);
    const { status } = await request(hub.port, `${polling}&sid=${connected.sid}`);
    assert.equal(status, 400);
  });
});

describe('a request that is not what it should be', () => {
  const hub = sharedRelay({ before, after });

  test('without CORS configured a foreign origin gets no CORS header, nor does a preflight', async () => {
    for (const options of [{ headers: { origin: 'http://evil.test' } }, { method: 'OPTIONS', headers: { origin: 'http://evil.test' } }]) {
      const { headers } = await request(hub.port, polling, options);
      assert.deepEqual(Object.keys(headers).filter((name) => name.startsWith('access-control')), []);
    }
  });

  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'prototype']) {
    test(`the transport ${name} is refused with and without a sid, by HTTP and by upgrade`, async () => {
      const { sid } = await PollingSession.start(hub.port);
      for (const rest of ['', `&sid=${sid}`, `&sid=${name}`]) {
        const target = `${base}?EIO=4&transport=${name}${rest}`;
        assert.equal((await request(hub.port, target)).status, 400);
        assert.equal((await request(hub.port, target, { method: 'POST', body: '40' })).status, 400);
        assert.equal((await upgrade(hub.port, target)).answer.status, 400);
      }
    });
  }

  test('malformed and very long parameters never make a session', async (t) => {
    const long = 'a'.repeat(60_000);
    const targets = [
      `${polling}&sid=${long}`, `${base}?EIO=${long}&transport=polling`, `${base}?EIO=4&transport=${long}`,
      `${polling}&sid=%`, `${polling}&sid=%zz`, `${polling}&sid=%00`, `${polling}&sid=%ff%fe`, `${polling}&sid=../../etc`,
      `${base}?EIO=4&EIO=3&transport=polling`, `${polling}&transport=x`, `${base}?EIO[]=4&transport[]=polling`,
      `${base}?EIO=${'4'.repeat(1000)}&transport=polling`, `${base}?${'&'.repeat(10_000)}`, `${base}?${'a=b&'.repeat(10_000)}`,
      `/${long}`, `/${'../'.repeat(5000)}socket.io/?EIO=4&transport=polling`, `${base}?EIO=4;transport=polling`, `${base}??EIO=4&transport=polling`,
    ];
    await survives(t, hub.relay, async () => {
      for (const target of targets) {
        const answer = await request(hub.port, target).catch(() => ({ status: 'closed' }));
        assert.ok([400, 404, 414, 431, 'closed'].includes(answer.status), `${target.slice(0, 60)} → ${answer.status}`);
      }
    });
  });

  test('bytes that are not HTTP end their connection only', async (t) => {
    const garbage = [
      '\r\n\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'GET', 'GET / HTTP/9.9\r\n\r\n', 'GET  HTTP/1.1\r\n\r\n', `GET ${polling}\r\n\r\n`,
      `GET ${polling} HTTP/1.1\r\n\r\n`, `GET ${polling} HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n`, `GET ${polling} HTTP/1.1\r\nhost: a\r\n: x\r\n\r\n`,
      `POST ${polling} HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n`, `POST ${polling} HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n`,
      `POST ${polling} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      `POST ${polling} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\0'.repeat(10_000), 'é'.repeat(10_000),
    ];
    await survives(t, hub.relay, async () => {
      for (const bytes of garbage) {
        const connection = await open(hub.port);
        connection.write(Buffer.from(bytes, 'latin1'));
        const { status } = await connection.response({ ms: 300 }).catch(() => ({ status: 'none' }));
        assert.ok(status !== 101 && status !== 413, `${JSON.stringify(bytes.slice(0, 40))} → ${status}`);
        connection.destroy();
      }
    });
  });

  test('an upgrade with EIO=3 of a session with EIO=4, then a client ping, is refused', async (t) => {
    await survives(t, hub.relay, async () => {
      const session = await PollingSession.joined(hub.port);
      const { answer } = await upgrade(hub.port, `${base}?EIO=3&transport=websocket&sid=${session.sid}`);
      assert.equal(answer.status, 400);
      await session.post('2probe');
      await session.post('2');
    });
  });

  test('octet-stream posts are refused at once and held nowhere', async (t) => {
    await survives(t, hub.relay, async () => {
      await many(200, 20, async () => {
        const { sid } = await PollingSession.start(hub.port);
        const headers = { 'content-type': 'application/octet-stream', 'content-length': 500_000 };
        const connection = await open(hub.port);
        connection.write(requestBytes(`${polling}&sid=${sid}`, { method: 'POST', headers })); // and the body never comes
        assert.equal((await connection.response({ ms: 2000 })).status, 400);
        connection.destroy();
      });
    });
  });
});

describe('headers', () => {
  const hub = sharedRelay({ before, after });

  /** Refused or served, the relay spends little time on it. */
  async function costsLittle(t, attack, seconds = 1) {
    const before = hub.relay.cpuSeconds();
    await survives(t, hub.relay, attack);
    const spent = hub.relay.cpuSeconds() - before;
    assert.ok(spent < seconds, `${spent} s of processor time, more than ${seconds}`);
  }

  test('2,000 of them cost little', async (t) => {
    const headers = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`x-${i}`, 'v']));
    await costsLittle(t, () => many(50, 5, async () => {
      const { status } = await request(hub.port, polling, { headers }).catch(() => ({ status: 'closed' }));
      assert.ok([200, 400, 413, 431, 'closed'].includes(status), `${status}`);
    }));
  });

  test('a megabyte of them in small pieces costs little', async (t) => {
    await costsLittle(t, async () => {
      const connection = await open(hub.port);
      connection.write(`GET ${polling} HTTP/1.1\r\nhost: x\r\nx-drip: `);
      for (let i = 0; i < 4000 && !connection.ended; i++) {
        await new Promise((resolve) => connection.socket.write('a'.repeat(256), resolve));
      }
      connection.write('\r\n\r\n');
      const { status } = await connection.response({ ms: 2000 }).catch(() => ({ status: 'closed' }));
      assert.ok([400, 431, 'closed'].includes(status), `${status}`);
      connection.destroy();
    });
  });

  test('200 connections whose headers never end do no harm', async (t) => {
    await costsLittle(t, async () => {
      const connections = [];
      await many(200, 20, async () => {
        const connection = await open(hub.port);
        connections.push(connection);
        connection.write(`GET ${polling} HTTP/1.1\r\nhost: x\r\nx-header: and`);
      });
      assert.equal((await request(hub.port, polling)).status, 200);
      connections.forEach((connection) => connection.destroy());
    });
  });

  for (const name of ['sec-websocket-protocol', 'sec-websocket-extensions']) {
    for (const size of [7_000, 100_000]) {
      test(`${name} of ${size} spaces and commas is answered at once`, async (t) => {
        await costsLittle(t, async () => {
          for (const filler of [' ', ',', ' ,', 'a;', '"']) {
            const headers = { [name]: `a${filler.repeat(size / filler.length)}b` };
            const { ws } = await upgrade(hub.port, websocket, { headers }).catch(() => ({}));
            ws?.destroy();
          }
          // Ten milliseconds each.
        }, 0.3);
      });
    }
  }
});

describe('bodies over the limit', () => {
  const limit = 100_000;
  const hub = sharedRelay({ before, after }, { maxPayloadBytes: limit });

  /** Writes `pieces` until they end or the relay does not want more; gives the status. */
  async function posted(headers, pieces) {
    const { sid } = await PollingSession.start(hub.port);
    const connection = await open(hub.port);
    connection.write(requestBytes(`${polling}&sid=${sid}`, { method: 'POST', headers: { ...text, ...headers } }));
    const answer = connection.response({ ms: 5000 }).then(({ status }) => status, () => 'closed');
    let answered = false;
    answer.then(() => (answered = true));
    let sent = 0;
    for (const piece of pieces()) {
      if (answered || connection.socket.destroyed) break;
      await new Promise((resolve) => connection.socket.write(piece, resolve));
      sent += piece.length;
    }
    const status = await answer;
    connection.destroy();
    return { status, sent };
  }

  function* endless(piece, most) {
    for (let sent = 0; sent < most; sent += piece.length) yield piece;
  }
  const oneKilobyte = Buffer.alloc(1000, '4');
  const chunk = Buffer.concat([Buffer.from('3e8\r\n'), oneKilobyte, Buffer.from('\r\n')]);

  test('with a length of a gigabyte are refused before they come', async (t) => {
    await survives(t, hub.relay, () => many(20, 10, async () => {
      const { status } = await posted({ 'content-length': 2 ** 30 }, () => endless(oneKilobyte, 10_000_000));
      // Who goes on writing into a closed connection may find it reset before the answer is read.
      assert.ok(status === 413 || status === 'closed', status);
    }), { growthMiB: 16 });
  });

  test('a little over the limit get their answer, also when they are still on their way', async (t) => {
    await survives(t, hub.relay, () => many(40, 4, async () => {
      const { status } = await posted({ 'content-length': 3 * limit }, () => [Buffer.alloc(3 * limit, '4')]);
      assert.equal(status, 413);
    }), { growthMiB: 16 });
  });

  test('in chunks are refused at the limit', async (t) => {
    await survives(t, hub.relay, () => many(20, 10, async () => {
      const { status } = await posted({ 'transfer-encoding': 'chunked' }, () => endless(chunk, 10_000_000));
      assert.ok(status === 413 || status === 'closed', status);
    }), { growthMiB: 16 });
  });

  test('in chunks of one byte are refused at the limit', async (t) => {
    const pieces = Buffer.from('1\r\n4\r\n'.repeat(1000));
    await survives(t, hub.relay, async () => {
      const { status } = await posted({ 'transfer-encoding': 'chunked' }, () => endless(pieces, 6 * (limit + 5000)));
      assert.ok(status === 413 || status === 'closed', status);
    }, { growthMiB: 16 });
  });

  test('that never end hold nothing but their connection', async (t) => {
    await survives(t, hub.relay, async () => {
      const connections = [];
      await many(50, 10, async () => {
        const { sid } = await PollingSession.start(hub.port);
        const connection = await open(hub.port);
        connections.push(connection);
        connection.write(requestBytes(`${polling}&sid=${sid}`, { method: 'POST', headers: { ...text, 'content-length': limit } }));
        connection.write(Buffer.alloc(limit / 2, '4'));
      });
      assert.equal((await request(hub.port, polling)).status, 200);
      connections.forEach((connection) => connection.destroy());
    }, { growthMiB: 24 });
  });
});

describe('connections that end early', () => {
  test('1,000 resets at every step of the upgrade leave nothing behind', async (t) => {
    const relay = await startRelay({ pingIntervalMs: 500, pingTimeoutMs: 2000, connectTimeoutMs: 500, upgradeTimeoutMs: 500 });
    t.after(() => relay.kill());
    const steps = [
      async () => (await open(relay.port)).reset(),
      async () => {
        const connection = await open(relay.port);
        connection.write(`GET ${websocket} HTTP/1.1\r\nhost:`);
        connection.reset();
      },
      async () => {
        const connection = await open(relay.port);
        connection.write(requestBytes(websocket, { headers: upgradeHeaders() }));
        connection.reset();
      },
      async () => (await openWebSocket(relay.port, websocket)).reset(),
      async () => {
        const ws = await openWebSocket(relay.port, websocket);
        ws.write(frame('42["x"]').subarray(0, 5));
        ws.reset();
      },
      async () => {
        const { sid } = await PollingSession.start(relay.port);
        (await openWebSocket(relay.port, `${websocket}&sid=${sid}`)).reset();
      },
      async () => {
        const { sid } = await PollingSession.joined(relay.port);
        const ws = await openWebSocket(relay.port, `${websocket}&sid=${sid}`);
        ws.send('2probe');
        await ws.until(/^3probe$/);
        ws.reset();
      },
      async () => {
        const { sid } = await PollingSession.joined(relay.port);
        const ws = await openWebSocket(relay.port, `${websocket}&sid=${sid}`);
        ws.send('2probe');
        await ws.until(/^3probe$/);
        ws.send('5');
        ws.reset();
      },
    ];
    await many(50, 10, (i) => steps[i % steps.length]()); // what is made once is not counted as left behind
    await until('the first are gone', () => relay.descriptors() < 40);
    const idle = relay.descriptors();
    await survives(t, relay, () => many(1000, 10, (i) => steps[i % steps.length]()));
    await until('every descriptor is closed', () => relay.descriptors() <= idle + 1, { ms: 10_000 });
  });

  test('sessions that stop at any step are gone after their time-outs', async (t) => {
    const relay = await startRelay({ pingIntervalMs: 500, pingTimeoutMs: 2000, connectTimeoutMs: 700, upgradeTimeoutMs: 500 });
    t.after(() => relay.kill());
    const idle = relay.descriptors();
    const sids = [];
    const sockets = [];
    const keep = async (target) => {
      const ws = await openWebSocket(relay.port, target);
      sockets.push(ws);
      return ws;
    };
    const steps = [
      async () => sids.push((await PollingSession.start(relay.port)).sid), // never polls
      async () => sids.push((await PollingSession.joined(relay.port)).sid), // joins and never polls again
      async () => await keep(websocket), // never connects
      async () => {
        const { sid } = await PollingSession.joined(relay.port); // upgrades half-way
        sids.push(sid);
        (await keep(`${websocket}&sid=${sid}`)).send('2probe');
      },
      async () => {
        const { sid } = await PollingSession.start(relay.port); // opens the candidate and says nothing
        sids.push(sid);
        await keep(`${websocket}&sid=${sid}`);
      },
    ];
    await survives(t, relay, async () => {
      await many(400, 20, (i) => steps[i % steps.length]());
      await until('every WebSocket is closed', () => sockets.every((ws) => ws.closed), { ms: 10_000 });
      await until('every session is gone', async () => {
        // A request that is refused whether or not the session is known touches none.
        const isGone = async (sid) =>
          (await request(relay.port, `${base}?EIO=3&transport=polling&sid=${sid}`)).body.includes('"code":1');
        while (sids.length > 0 && (await isGone(sids.at(-1)))) sids.pop();
        return sids.length === 0;
        // A session that the server closes while no poll waits stays 30 s for the poll that is to be told.
      }, { ms: 60_000 });
    });
    sockets.forEach((ws) => ws.destroy());
    await until('every descriptor is closed', () => relay.descriptors() <= idle + 2, { ms: 10_000 });
  });

  test('bad frames glued behind the upgrade request end their connection only', async (t) => {
    const relay = await startRelay();
    t.after(() => relay.kill());
    const glued = [
      frame('x', { rsv: 7 }), frame('x', { length: 2 ** 53 }), Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]),
      frame('x', { op: 15 }), frame('x', { mask: false }), Buffer.alloc(10_000, 0xff), Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    ];
    await survives(t, relay, () => many(glued.length * 5, 5, async (i) => {
      const { ws } = await upgrade(relay.port, websocket, { glued: glued[i % glued.length] });
      await ws?.end(2000);
    }));
  });
});
