// What an event may look like: sizes, binary, schemas; and schemas that are themselves an attack.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { asked, skip } from '../lib/access.mjs';
import { bystander } from '../lib/bystander.mjs';
import { clientsOf, variants } from '../lib/clients.mjs';
import { fanfare, sharedRelay, startRelay } from '../lib/relay.mjs';

const rule = (on, keys) => `[[namespace.rule]]\non = "${on}"\nto = "sender"\n${keys}\n`;
const rules = (...all) => `[[namespace]]\nname = "/"\n${all.join('\n')}`;

const draft = { 2020: 'https://json-schema.org/draft/2020-12/schema', 7: 'http://json-schema.org/draft-07/schema#' };
const task = {
  $schema: draft[2020],
  type: 'object',
  required: ['title'],
  properties: {
    title: { type: 'string', minLength: 1, maxLength: 20 },
    tags: { type: 'array', prefixItems: [{ type: 'string' }], items: { type: 'integer' } },
    'a/b': { const: 1 },
  },
  additionalProperties: false,
};
const tuple = { $schema: draft[7], type: 'array', items: [{ type: 'string' }, { type: 'number' }], additionalItems: false };
const files = {
  'task.json': JSON.stringify(task),
  'tuple.json': JSON.stringify(tuple),
  'explode.json': JSON.stringify({ type: 'string', pattern: '^(([a-z])+.)+[A-Z]([a-z])+$' }),
  'nested.json': JSON.stringify({ $ref: '#/$defs/a', $defs: { a: { anyOf: [{ type: 'integer' }, { type: 'array', items: { $ref: '#/$defs/a' } }] } } }),
};
const toml = rules(
  rule('sized', 'args_min = 1\nargs_max = 2\nbytes_max = 100'),
  rule('text', 'binary = "refuse"'),
  rule('either', 'binary = "allow"'),
  rule('task', 'schema = ["task.json"]\nargs_min = 1'),
  rule('tuple', 'schema = ["tuple.json", "task.json"]'),
  rule('explode', 'schema = ["explode.json"]\nbytes_max = 200_000'),
  rule('nested', 'schema = ["nested.json"]'),
  rule('*', ''),
);

const nested = (value, levels) => (levels === 0 ? value : nested([value], levels - 1));

/** event, arguments, then what the ack says: ok, or code and the path. */
const rows = [
  ['sized', ['x'], 'ok'],
  ['sized', ['x', 'y'], 'ok'],
  ['sized', [], 'invalid'],
  ['sized', ['x', 'y', 'z'], 'invalid'],
  ['sized', ['x'.repeat(200)], 'too_large'],
  ['sized', ['x', Buffer.alloc(200)], 'too_large'],
  ['text', [{ a: 'x' }], 'ok'],
  ['text', [Buffer.alloc(3)], 'invalid'],
  ['text', [{ a: [Buffer.alloc(3)] }], 'invalid'],
  ['either', [Buffer.alloc(3)], 'ok'],
  ['task', [{ title: 'x', tags: ['a', 1, 2], 'a/b': 1 }], 'ok'],
  ['task', [{ title: 'x' }, 'and more'], 'ok'],
  ['task', [], 'invalid'],
  ['task', ['x'], 'invalid', '/0'],
  ['task', [{}], 'invalid', '/0'],
  ['task', [{ title: 7 }], 'invalid', '/0/title'],
  ['task', [{ title: 'x'.repeat(21) }], 'invalid', '/0/title'],
  ['task', [{ title: 'x', tags: ['a', 'b'] }], 'invalid', '/0/tags/1'],
  ['task', [{ title: 'x', 'a/b': 2 }], 'invalid', '/0/a~1b'],
  ['task', [{ title: 'x', more: 1 }], 'invalid', '/0'],
  ['task', [JSON.parse('{"title":"x","__proto__":1}')], 'invalid', '/0'],
  ['task', [{ title: 'x'.repeat(70_000) }], 'too_large'],
  ['tuple', [['a', 1], { title: 'x' }], 'ok'],
  ['tuple', [['a', 1, 2], { title: 'x' }], 'invalid', '/0'],
  ['tuple', [['a', 'b'], { title: 'x' }], 'invalid', '/0/1'],
  ['tuple', [['a'], {}], 'invalid', '/1'],
  ['explode', ['bX'], 'invalid', '/0'],
  ['explode', ['abXy'], 'ok'],
  ['explode', ['a'.repeat(50_000)], 'invalid', '/0'],
  ['nested', [nested(7, 60)], 'ok'],
  ['nested', [nested('x', 60)], 'invalid'],
  ['nested', [nested(7, 110)], 'invalid', '/0'],
];

describe('an event', { skip }, () => {
  const hub = sharedRelay({ before, after }, { toml, files });

  for (const variant of variants) {
    test(`is let through or refused by its shape, from ${variant.title}`, async (t) => {
      const client = await clientsOf(t, variant).connect(hub.url);
      const heard = [];
      client.onAny((event) => heard.push(event));
      const watcher = await bystander(t, hub.relay);
      for (const [event, args, expected, path] of rows) {
        const answer = await asked(client, event, ...args);
        const what = `${event} ${JSON.stringify(args).slice(0, 80)}: ${JSON.stringify(answer).slice(0, 300)}`;
        assert.equal(answer.code ?? answer.status, expected, what);
        if (path !== undefined) assert.equal(answer.path, path, what);
        if (path !== undefined) assert.ok(typeof answer.expected === 'string' && answer.expected.length < 200, what);
        if (expected !== 'ok') assert.equal(typeof answer.message, 'string', what);
      }
      assert.deepEqual(heard, rows.filter(([, , expected]) => expected === 'ok').map(([event]) => event));
      await watcher.isUnharmed();
    });
  }
});

describe('a schema', { skip }, () => {
  const deep = (levels) => (levels === 0 ? {} : { properties: { a: deep(levels - 1) } });
  const hostile = {
    'is no JSON': '{"type":',
    'is no schema': '{"type":"strin"}',
    'is elsewhere': '{"$ref":"http://127.0.0.1:9/task.json"}',
    'is in another file': '{"$ref":"file:///etc/passwd"}',
    'is nested beyond reason': JSON.stringify(deep(50)),
    'is larger than 256 KiB': JSON.stringify({ description: 'x'.repeat(300_000) }),
    'has a pattern that looks back': '{"pattern":"^(a+)\\\\1$"}',
    'has a pattern of immense size': '{"pattern":"((a{1000}){1000}){1000}"}',
    'is of a draft that we do not know': '{"$schema":"https://example.com/mine"}',
  };
  for (const [what, content] of Object.entries(hostile)) {
    test(`that ${what} is a mistake of the configuration`, async () => {
      const { code, stderr } = await fanfare(['check'], { toml: rules(rule('a', 'schema = ["odd.json"]')), files: { 'odd.json': content } });
      assert.equal(code, 2, stderr);
      assert.match(stderr, /namespace\.rule\.schema: .*odd\.json/);
      assert.ok(stderr.length < 2000);
    });
  }
  test('that refers to itself twice is one, or bounded in time', async (t) => {
    const node = (name) => ({ type: 'object', properties: { child: { $ref: '#' } }, required: [name] });
    const settings = { toml: rules(rule('a', 'schema = ["tree.json"]'), rule('*', '')), files: { 'tree.json': JSON.stringify({ anyOf: [node('x'), node('y')] }) } };
    if ((await fanfare(['check'], settings)).code === 2) return;
    const relay = await startRelay(settings);
    t.after(() => relay.kill());
    const client = await clientsOf(t).connect(relay.url);
    const watcher = await bystander(t, relay);
    const deep = (levels) => (levels === 0 ? {} : { child: deep(levels - 1) });
    for (const levels of [10, 20, 60]) assert.equal((await asked(client, 'a', deep(levels))).code, 'invalid');
    await watcher.isUnharmed();
  });
  test('that is not there is one', async () => {
    const { code, stderr } = await fanfare(['check'], { toml: rules(rule('a', 'schema = ["missing.json"]')) });
    assert.equal(code, 2);
    assert.match(stderr, /missing\.json/);
  });
});
