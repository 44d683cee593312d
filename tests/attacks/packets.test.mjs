// ATTACKS.md, "Packets": what a parser meets. Refused or relayed, the relay goes on and nobody else notices.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clientsOf, settled, variants } from '../lib/clients.mjs';
import { many, survives } from '../lib/bystander.mjs';
import { PollingSession } from '../lib/polling.mjs';
import { described, openWebSocket } from '../lib/raw-ws.mjs';
import { HUB, sharedRelay } from '../lib/relay.mjs';

const target = '/socket.io/?EIO=4&transport=websocket';
const one = '{"_placeholder":true,"num":0}';
const reference = HUB === 'reference';

/** Valid packets of every kind, to be cut and spoilt. */
const valid = [
  '40{"token":"x"}', '40/photos,{"a":1}', '41/photos,', '42["update",{"a":[1,null,true,"ü"]}]', '42/photos,12["change","x"]', '4312["ok"]',
  `452-3["x",${one},{"_placeholder":true,"num":1}]`, `451-/photos,7["x",{"a":${one}}]`, `461-5[${one}]`, '44{"message":"x"}',
];

describe('packets that are an attack', () => {
  const hub = sharedRelay({ before, after });

  async function joined() {
    const ws = await openWebSocket(hub.port, target);
    ws.send('40');
    await ws.until(/^40/);
    return ws;
  }

  /** Sends packets on a connection of its own, and sees that the relay has read them all or closed. */
  async function sent(...packets) {
    const ws = await joined();
    packets.forEach((packet) => ws.send(packet));
    ws.send('40/fence,');
    for (;;) {
      const got = await ws.next(10_000);
      if (got.closed || described(got).startsWith('44/fence,')) break;
    }
    ws.destroy();
  }

  test('any prefix of any valid packet is survived', async (t) => {
    const prefixes = valid.flatMap((packet) => Array.from({ length: packet.length }, (_, n) => packet.slice(0, n)));
    await survives(t, hub.relay, () => many(prefixes.length, 10, (i) => sent(prefixes[i])));
  });

  test('characters of several bytes at every place are survived', async (t) => {
    const spoilt = valid.flatMap((packet) => Array.from({ length: packet.length }, (_, n) =>
      packet.slice(0, n) + ['é', '漢', '🎉', '\u0000'][n % 4] + packet.slice(n + (n % 2))));
    await survives(t, hub.relay, () => many(spoilt.length, 10, (i) => sent(spoilt[i])));
  });

  test('the same by polling is survived', async (t) => {
    const bodies = [...valid, ...valid.map((packet) => packet.slice(0, -1)), ...valid.map((packet) => `${packet.slice(0, 5)}🎉${packet.slice(5)}`),
      'b', 'b=', 'b====', 'bé', '\x1e'.repeat(1000), '4\x1e4\x1eb', valid.join('\x1e'), `${one}`, '\u0000', '40'.repeat(1000)];
    await survives(t, hub.relay, () => many(bodies.length, 5, async (i) => {
      const session = await PollingSession.joined(hub.port);
      await session.post(bodies[i]);
    }));
  });

  const million = 990_000;
  const long = {
    'digits as ack id': `42${'1'.repeat(million)}["x"]`,
    'digits as ack id of an ack': `43${'1'.repeat(million)}["x"]`,
    'digits as count of attachments': `45${'1'.repeat(million)}-["x"]`,
    'zeros as count of attachments': `45${'0'.repeat(million)}1-["x"]`,
    'a namespace': `40/${'n'.repeat(million)},`,
    'a namespace without its end': `42/${'n'.repeat(million)}`,
    'opening brackets': `42["x",${'['.repeat(million)}`,
    'opening braces': `42["x",${'{"a":'.repeat(million / 5)}`,
    'brackets': `42["x",${'['.repeat(million / 2)}${']'.repeat(million / 2)}]`,
    'brackets in CONNECT': `40/photos,{"a":${'['.repeat(million / 2)}${']'.repeat(million / 2)}}`,
    'a name': `42["${'n'.repeat(million)}"]`,
    'escapes in the name': `42["${'\\u0041'.repeat(million / 6)}"]`,
    'backslashes': `42["x","${'\\'.repeat(million)}`,
    'quotes': `42["x",${'""'.repeat(million / 2)}]`,
    'commas': `42["x"${','.repeat(million)}]`,
    'spaces': `42["x"${' '.repeat(million)}]`,
    'arguments': `42["x"${',1'.repeat(million / 2)}]`,
    'keys': `42["x",{${'"a":1,'.repeat(million / 6)}"b":2}]`,
    'a digit string': `42["x",${'1'.repeat(million)}]`,
    'a number\'s exponent': `42["x",1e${'9'.repeat(million)}]`,
    'placeholders': `451-["x"${`,${one}`.repeat(million / 31)}]`,
    'placeholders in text': `42["x"${`,${one}`.repeat(million / 31)}]`,
  };
  // The reference itself ends with "Maximum call stack size exceeded".
  const endsReference = ['brackets', 'arguments', 'placeholders in text'];
  for (const [what, packet] of Object.entries(long)) {
    const skip = reference && endsReference.includes(what) && 'the reference overflows its stack';
    test(`a megabyte of ${what} takes no more time than its length`, { skip }, async (t) => {
      const before = hub.relay.cpuSeconds();
      await survives(t, hub.relay, () => sent(packet), { growthMiB: 64, worstMs: 2000 });
      const spent = hub.relay.cpuSeconds() - before;
      // A debug build reads some 10 MB/s; quadratic would be minutes.
      assert.ok(spent < 2, `${spent} s of processor time`);
    });
  }

  test('an event with more arguments than a JavaScript function takes reaches no one', { skip: reference && 'the reference overflows its stack' }, async () => {
    // `emit.apply(this, args)` with this many throws in every engine, in the receiving application.
    const victim = await joined();
    await sent(`42["many"${',1'.repeat(200_000)}]`);
    victim.send('42["mark"]');
    const got = await victim.until(/^42/);
    victim.destroy();
    assert.equal(got.slice(0, 40), '42["mark"]');
  });

  test('CONNECT and DISCONNECT 10,000 times leave nothing behind', async (t) => {
    await survives(t, hub.relay, async () => {
      const ws = await openWebSocket(hub.port, target);
      for (let i = 0; i < 10_000; i++) {
        ws.send('40');
        await ws.until(/^40/);
        ws.send('41');
        if (!reference) continue;
        // The reference acts on a DISCONNECT a moment later than it reads on.
        ws.send('40/fence,');
        await ws.until(/^44/);
      }
      // Everything is written before anything is read, too: closed or not, it must end.
      for (let i = 0; i < 100; i++) ws.send(i % 2 ? '41' : '40');
      ws.destroy();
    }, { growthMiB: 24 });
  });

  test('two CONNECTs racing for one namespace give at most one socket each time', { skip: reference && 'the reference gives two' }, async (t) => {
    await survives(t, hub.relay, () => many(200, 10, async () => {
      const ws = await openWebSocket(hub.port, target);
      await ws.until(/^0/);
      ws.send('40');
      ws.send('40');
      const got = [];
      for (let frame; !(frame = await ws.next(5000)).closed; ) got.push(described(frame));
      assert.ok(got.filter((text) => text.startsWith('40{')).length <= 1, got.join(' '));
    }));
  });

  test('thousands of namespaces that do not exist are refused and remembered nowhere', async (t) => {
    await survives(t, hub.relay, async () => {
      for (let client = 0; client < 100; client++) {
        const ws = await openWebSocket(hub.port, target);
        for (let i = 0; i < 50; i++) {
          const name = `/${'n'.repeat(200)}${client}-${i}`;
          ws.send(`40${name},`);
          if (i === 49) await ws.until(new RegExp(`^44${name},`));
        }
        ws.destroy();
      }
    }, { growthMiB: 24 });
  });

  test('who goes on asking where it is refused is closed', { skip: reference && 'the reference answers for ever' }, async (t) => {
    await survives(t, hub.relay, async () => {
      const ws = await openWebSocket(hub.port, target);
      await ws.until(/^0/);
      for (let i = 0; i < 20_000; i++) ws.send('40/nope,');
      let refusals = 0;
      for (let frame; !(frame = await ws.next(10_000)).closed; ) refusals += described(frame).startsWith('44/nope,');
      assert.ok(refusals > 0 && refusals < 1000, `${refusals}`);
    });
  });

  test('credentials of a megabyte are refused, and nothing of them is kept', { skip: reference && 'the reference takes them' }, async (t) => {
    await survives(t, hub.relay, async () => {
      const clients = [];
      for (let i = 0; i < 60; i++) {
        const ws = await openWebSocket(hub.port, target);
        ws.send(`40{"token":"${'x'.repeat(900_000)}"}`);
        assert.match(await ws.until(/^4[04]/), /auth is larger than 16384 bytes/);
        ws.send(`40{"token":"${'x'.repeat(300)}"}`);
        await ws.until(/^40/);
        clients.push(ws);
      }
      clients.forEach((ws) => ws.destroy());
    }, { growthMiB: 40 });
  });

  test('what one client sends never disconnects another, whatever its client', async (t) => {
    const clients = await Promise.all(variants.map((variant) => clientsOf(t, variant).connect(hub.url)));
    for (const client of clients) client.on('disconnect', (reason) => assert.fail(`disconnected: ${reason}`));
    const bytes = Buffer.from([1]);
    const suspects = [
      ['42["x",1e999,-1e999,1e-999]'], ['42["x","\\ud83d","\\udc00\\ud800"]'], ['42["\\ud83d"]'], ['42["x",{"a":1,"a":2}]'], ['42["x",{"__proto__":{"a":1}}]'],
      ['42["__proto__"]'], ['42["constructor"]'], ['42["hasOwnProperty"]'], ['42["toString"]'], ['42["error"]'], ['42[""]'], ['42[0]'], ['42[-1.5e300]'],
      [`42["x",${one}]`], ['42["x",{"_placeholder":true,"num":99}]'], ['42["x",{"_placeholder":true,"num":"a"}]'], ['42[{"toString":1}]'], ['42["\\u0063onnect"]'],
      [`42["x",${'['.repeat(100)}${']'.repeat(100)}]`], [reference ? '42' : `42["x",${'['.repeat(20_000)}${']'.repeat(20_000)}]`], [`42["x","${'\\u0000'.repeat(1000)}"]`],
      [`451-["x",${one}]`, bytes], [`452-["x",${one}]`, bytes, bytes], ['451-["x",{"_placeholder":true,"num":1}]', bytes], ['451-["x",{"_placeholder":true,"num":-1}]', bytes],
      ['451-["x",{"_placeholder":true,"num":1e9}]', bytes], ['451-["x",{"_placeholder":true,"num":"length"}]', bytes], ['451-["x",{"_placeholder":true,"num":0.5}]', bytes],
      ['451-["x",{"_placeholder":true}]', bytes], ['451-["x",{"_placeholder":true,"num":0,"num":7}]', bytes], ['451-["x",{"_placeholder":true,"_placeholder":1,"num":0}]', bytes],
      ['451-["x",{"\\u005fplaceholder":true,"num":9}]', bytes], ['451-["x",{"_placeholder":true,"n\\u0075m":9}]', bytes], ['451-["x",{"_placeholder":true,"num":0e0}]', bytes],
      ['451-["x",{"_placeholder":true,"num":1e-999}]', bytes], ['451-["x",{"_placeholder":true,"num":-0}]', bytes], [`451-["x",${one}]`, '42["late"]', bytes],
      ['451-["x"]', bytes], [`451-[${one}]`, bytes], ['451-["connect"]', bytes], ['42["x"] '], ['42["x"]\u00a0'], ['42["x"]\ufeff'], ['42\ufeff["x"]'], ['42["x",\u2028]'], ['42["x","\u2028\u2029\u007f"]'],
      ['42["x",01]'], ['42["x",1.]'], ['42["x",.5]'], ['42["x",+1]'], ['42["x",NaN]'], ['42["x","\\x41"]'], ['42["x","\\u00g0"]'], ['42["x",nul]'], ['42["x","\t"]'], ['42["x",]'], ['42["x"]x'], ['42 ["x"]'], ['429e9["x"]'],
    ];
    await survives(t, hub.relay, async () => {
      for (const packets of suspects) await sent(...packets);
      for (const client of clients) {
        await settled(client, 'mark');
        assert.ok(client.connected);
      }
    });
    for (const client of clients) client.off('disconnect');
  });
});
