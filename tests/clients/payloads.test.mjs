// What goes in comes out: one row per kind of payload, each over every client.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clientsOf, received, variants } from '../lib/clients.mjs';
import { sharedRelay } from '../lib/relay.mjs';
import { bothApplications, withRules } from '../lib/settings.mjs';

const nested = (depth) => (depth === 0 ? 'deep' : { down: [nested(depth - 1)] });

/** [what, arguments sent, arguments expected (when they differ)] */
const payloads = [
  ['no argument', []],
  ['several arguments', ['a', 1, { b: 2 }, ['c'], null, true]],
  ['null', [null]],
  ['undefined, which JSON makes null', [undefined, 1], [null, 1]],
  ['an empty string, array and object', ['', [], {}]],
  ['numbers', [0, -1, 1.5, 1e21, 5e-324, Number.MAX_SAFE_INTEGER, -0], [0, -1, 1.5, 1e21, 5e-324, Number.MAX_SAFE_INTEGER, 0]],
  ['booleans', [true, false]],
  ['a date, which JSON makes a string', [new Date(0)], ['1970-01-01T00:00:00.000Z']],
  ['nested objects and arrays', [nested(20)]],
  ['keys that mean something in JavaScript', [JSON.parse('{"__proto__":1,"constructor":2,"toString":3,"":4}')]],
  ['unicode of every width', ['ß ж 漢 🎉 \u{10FFFF} \u0000 \u2028 \u2029 \uFEFF']],
  ['lone surrogates', ['\ud83d', 'x\udc00y', { '\udfff': '\ud800' }]],
  ['quotes, backslashes and control characters', ['"\\/\b\f\n\r\t\u0001\u001e\u007f']],
  ['text that looks like a placeholder, inside a string', ['{"_placeholder":true,"num":0}']],
  ['a binary argument', [Buffer.from([0, 1, 0x1e, 0x80, 0xff])]],
  ['an empty binary argument', [Buffer.alloc(0)]],
  ['nested binary', [{ a: [Buffer.from('one'), { b: Buffer.from('two') }] }, 'between', Buffer.from('three')]],
  ['ten attachments', [Array.from({ length: 10 }, (_, i) => Buffer.from([i]))]],
  ['text of 500 kB', ['ä€'.repeat(100_000)]],
  ['binary of 500 kB', [Buffer.alloc(500_000, 'fanfare')]],
  ['an array of 20,000 objects', [Array.from({ length: 20_000 }, (_, i) => ({ i, s: 'x' }))]],
];

describe('payloads', () => {
  const hub = sharedRelay({ before, after }, withRules(bothApplications));

  for (const variant of variants) {
    describe(variant.title, () => {
      for (const [what, sent, expected = sent] of payloads) {
        test(`${what} arrives equal at everyone`, async (t) => {
          const [sender, other] = await clientsOf(t, variant).connectMany(2, hub.url);
          const both = [sender, other].map((client) => received(client, 'database-changed'));
          sender.emit('database-change', ...sent);
          for (const seen of both) assert.deepEqual(await seen, expected);
        });
      }
    });
  }
});
