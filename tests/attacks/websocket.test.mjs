// ATTACKS.md, "WebSocket".
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { many, survives } from '../lib/bystander.mjs';
import { frame, opcode, openWebSocket } from '../lib/raw-ws.mjs';
import { HUB, sharedRelay } from '../lib/relay.mjs';
import { stillWaits } from '../lib/within.mjs';

const target = '/socket.io/?EIO=4&transport=websocket';

describe('WebSocket frames that are an attack', () => {
  const hub = sharedRelay({ before, after });

  async function joined() {
    const ws = await openWebSocket(hub.port, target);
    ws.send('40');
    await ws.until(/^40/);
    return ws;
  }

  /** Writes the pieces as long as the relay takes them; a peer that stops reading ends this, not the test. */
  async function flood(ws, pieces) {
    let sent = 0;
    for (const piece of pieces) {
      if (ws.closed || ws.socket.destroyed) break;
      if (await stillWaits(ws.flush(piece), 1500)) break;
      sent += piece.length;
    }
    return sent;
  }

  test('a message over the limit is refused with 1009, in one frame', async (t) => {
    await survives(t, hub.relay, () => many(5, 5, async () => {
      const ws = await joined();
      ws.write(frame(`42["x","${'y'.repeat(1_000_000)}"]`));
      assert.equal((await ws.end()).code, 1009);
    }));
  });

  test('a message over the limit is refused with 1009, in 1,100 frames', async (t) => {
    await survives(t, hub.relay, () => many(5, 5, async () => {
      const ws = await joined();
      ws.write(frame('42["x","', { fin: false }));
      ws.write(Buffer.concat(Array(1100).fill(frame('y'.repeat(1000), { fin: false, op: opcode.continuation }))));
      assert.equal((await ws.end()).code, 1009);
    }));
  });

  test('a frame that lies about its length is refused before anything is reserved', async (t) => {
    await survives(t, hub.relay, () => many(50, 10, async (i) => {
      const ws = await joined();
      ws.write(frame('4', { length: [1_000_001, 2 ** 32, 2 ** 40, 2 ** 52][i % 4] }));
      assert.ok([1009, 1002, undefined].includes((await ws.end()).code));
    }), { growthMiB: 16 });
  });

  test('frames that say a megabyte and then wait hold only what came', async (t) => {
    await survives(t, hub.relay, async () => {
      const sockets = [];
      await many(100, 10, async () => {
        const ws = await joined();
        sockets.push(ws);
        ws.write(frame('42["x', { length: 1_000_000 }));
      });
      sockets.forEach((ws) => ws.destroy());
    }, { growthMiB: 32 });
  });

  for (const [what, payload] of [['empty', ''], ['of one byte', 'y']]) {
    test(`a million continuation frames, ${what}, cost bounded memory and time`, async (t) => {
      const piece = Buffer.concat(Array(10_000).fill(frame(payload, { fin: false, op: opcode.continuation })));
      const before = hub.relay.cpuSeconds();
      await survives(t, hub.relay, async () => {
        const ws = await joined();
        ws.write(frame('42["x","', { fin: false }));
        await flood(ws, Array(100).fill(piece));
        ws.write(frame('"]', { op: opcode.continuation }));
        await ws.next(10_000); // the event, or the end: both are right
        ws.destroy();
      }, { growthMiB: 32 });
      const spent = hub.relay.cpuSeconds() - before;
      assert.ok(spent < 4, `${spent} s of processor time`);
    });
  }

  test('a flood of pings from a client that does not read its pongs is bounded', async (t) => {
    const pings = Buffer.concat(Array(2000).fill(frame('p'.repeat(125), { op: opcode.ping })));
    await survives(t, hub.relay, async () => {
      const ws = await joined();
      ws.stall();
      await flood(ws, Array(200).fill(pings)); // 50 MB of pongs, if anyone kept them
      ws.destroy();
    });
  });

  test('text that is not UTF-8 is refused, also split inside a character', async (t) => {
    const broken = ['c328', 'e28228', 'f0288cbc', 'f8a1a1a1a1', 'c080', 'eda080', 'f4908080', 'ff'].map((hex) => Buffer.from(hex, 'hex'));
    await survives(t, hub.relay, () => many(broken.length * 4, 4, async (i) => {
      const bytes = Buffer.concat([Buffer.from('42["x","'), broken[i % broken.length], Buffer.from('"]')]);
      const at = [0, 8, 9, 10][Math.floor(i / broken.length)];
      const ws = await joined();
      if (at === 0) {
        ws.write(frame(bytes, { op: opcode.text }));
      } else {
        ws.write(frame(bytes.subarray(0, at), { op: opcode.text, fin: false }));
        ws.write(frame(bytes.subarray(at), { op: opcode.continuation }));
      }
      const { code } = await ws.end();
      assert.ok(code === 1007 || code === undefined, `${code}`);
    }));
  });

  test('500 frames of random bytes end their connections only', async (t) => {
    // A generator with a seed, so that what once failed fails again.
    let state = 12345;
    const random = () => (state = (state * 1103515245 + 12345) % 2 ** 31);
    await survives(t, hub.relay, () => many(500, 10, async () => {
      const ws = await openWebSocket(hub.port, target);
      const bytes = Buffer.from(Array.from({ length: 2 + (random() % 60) }, () => random() % 256));
      ws.write(random() % 2 ? bytes : frame(bytes, { op: random() % 2 ? opcode.text : opcode.binary }));
      await ws.quiet(1);
      ws.destroy();
    }));
  });

  test('attachments that are due and never complete are bounded in bytes', { skip: HUB === 'reference' && 'the reference keeps them' }, async (t) => {
    const placeholders = Array.from({ length: 10 }, (_, num) => `{"_placeholder":true,"num":${num}}`);
    await survives(t, hub.relay, async () => {
      const sockets = [];
      await many(8, 4, async () => {
        const ws = await joined();
        sockets.push(ws);
        ws.send(`4510-["x",${placeholders}]`);
        await flood(ws, Array(9).fill(frame(Buffer.alloc(900_000))));
      });
      sockets.forEach((ws) => ws.destroy());
    }, { growthMiB: 8 * 10 + 32 }); // 10 MB each is the bound that the reference's defaults imply
  });
});
