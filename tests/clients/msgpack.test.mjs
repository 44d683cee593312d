// Clients that use `socket.io-msgpack-parser`, at a relay that does too.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import msgpackParser from 'socket.io-msgpack-parser';
import { clientsOf, received, variants } from '../lib/clients.mjs';
import { sharedRelay } from '../lib/relay.mjs';
import { bothApplications, everyScope } from '../lib/settings.mjs';
import { event } from '../lib/within.mjs';

const namespaces = [{ name: '/', rules: [...bothApplications, ...everyScope] }, { name: '/other', rules: [] }];

const nested = (depth) => (depth === 0 ? 'deep' : { down: [nested(depth - 1)] });

/** [what, arguments sent, arguments expected (when they differ)] */
const payloads = [
  ['no argument', []],
  ['several arguments', ['a', 1, { b: 2 }, ['c'], null, true]],
  ['numbers', [0, -1, -33, 127, 128, 65_536, 2 ** 32, -(2 ** 40), 1.5, 5e-324, Number.MAX_SAFE_INTEGER]],
  ['a date, which becomes text as in JSON', [new Date(0)], ['1970-01-01T00:00:00.000Z']],
  ['undefined and infinite numbers, which become null as in JSON', [undefined, Infinity], [null, null]],
  ['nested objects and arrays', [nested(20)]],
  ['unicode of every width', ['ß ж 漢 🎉 \u{10FFFF} \u0000 \u2028 \uFEFF']],
  ['bytes anywhere', [{ a: [Buffer.from('one'), { b: Buffer.alloc(0) }] }, 'between', Buffer.from([0, 0x1e, 0xff])]],
  ['what looks like a placeholder', [{ _placeholder: true, num: 0 }]],
  ['text of 500 kB', ['ä€'.repeat(100_000)]],
  ['an array of 20,000 objects', [Array.from({ length: 20_000 }, (_, i) => ({ i, s: 'x' }))]],
];

describe('the msgpack parser', () => {
  const hub = sharedRelay({ before, after }, { namespaces, parser: 'msgpack', unlimited: true });

  for (const variant of variants.map(({ options, ...rest }) => ({ ...rest, options: { ...options, parser: msgpackParser } }))) {
    describe(variant.title, () => {
      for (const [what, sent, expected = sent] of payloads) {
        test(`${what} arrives equal at everyone`, async (t) => {
          const [sender, other] = await clientsOf(t, variant).connectMany(2, hub.url);
          const both = [sender, other].map((client) => received(client, 'database-changed'));
          sender.emit('database-change', ...sent);
          for (const seen of both) assert.deepEqual(await seen, expected);
        });
      }

      test('an event is acknowledged, and one without a rule refused', async (t) => {
        const client = await clientsOf(t, variant).connect(hub.url);
        assert.deepEqual(await client.timeout(5000).emitWithAck('update', 1), { status: 'ok', recipients: 1 });
        assert.equal((await client.timeout(5000).emitWithAck('no-such-rule')).status, 'error');
      });

      test('rooms and namespaces are what they are', async (t) => {
        const clients = clientsOf(t, variant);
        const [sender, guest] = await clients.connectMany(2, hub.url);
        await guest.timeout(5000).emitWithAck('enter');
        const seen = received(guest, 'to-room');
        assert.equal((await sender.timeout(5000).emitWithAck('to-room', 'hello')).recipients, 1);
        assert.deepEqual(await seen, ['hello']);

        const elsewhere = await clients.connect(`${hub.url}/other`);
        const echoed = received(elsewhere, 'anything');
        elsewhere.emit('anything', Buffer.from('x'));
        assert.deepEqual(await echoed, [Buffer.from('x')]);
        const nowhere = clients.start(`${hub.url}/nowhere`);
        const [error] = await event(nowhere, 'connect_error');
        assert.equal(error.message, 'Invalid namespace');
      });
    });
  }

  test('a client with the default parser is no client here, and harms nobody', async (t) => {
    const [bystander] = await clientsOf(t, { io: variants[0].io, options: { parser: msgpackParser } }).connectMany(1, hub.url);
    const stranger = clientsOf(t).start(hub.url, { transports: ['websocket'] });
    await event(stranger.io, 'close');
    assert.equal(stranger.connected, false);
    assert.deepEqual(await bystander.timeout(5000).emitWithAck('update', 1), { status: 'ok', recipients: 1 });
  });
});
