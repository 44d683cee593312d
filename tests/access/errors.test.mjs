// Every event that asked for an ack gets an answer, whatever happens, and no answer tells of others.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { asked, skip } from '../lib/access.mjs';
import { clientsOf, variants } from '../lib/clients.mjs';
import { sharedRelay } from '../lib/relay.mjs';
import { hsIssuer, secretEnv, token } from '../lib/tokens.mjs';

const toml = `[auth]
renew_event = "auth:renew"
${hsIssuer}
[limits.client]
refusals_per_s = 0
rooms_max = 5

[[namespace]]
name = "/"
auth = "required"
rooms = ["account:{claims.account}"]
join = { on = "room:join", allow = ["doc:{claims.account}:*"] }
leave = { on = "room:leave" }

[[namespace.rule]]
on = "update"
to = { room = "account:{claims.account}" }

[[namespace.rule]]
on = "edit"
to = { room = "account:{claims.account}" }
when = { claims.role = "editor" }

[[namespace.rule]]
on = "doc:change"
to = { room = "doc:{claims.account}:{args.0}" }
require_member = true

[[namespace.rule]]
on = "small"
to = "sender"
args_max = 1
bytes_max = 20

[[namespace.rule]]
on = "rare"
to = "sender"
rate = { per_s = 1, burst = 1, over = "refuse" }

[[namespace.rule]]
on = "rarer"
to = "sender"
rate = { per_s = 1, burst = 1, over = "drop" }
`;

/** What each code is the answer to: events, of which the last one is answered so. */
const answers = {
  ok: [['update', 1]],
  unknown_event: [['nonsense']],
  forbidden: [['edit', 1]],
  no_value: [['doc:change', {}]],
  invalid: [['small', 1, 2]],
  too_large: [['small', 'x'.repeat(30)]],
  rate_limited: [['rare'], ['rare'], ['rare']],
  not_member: [['doc:change', 'x']],
  too_many_rooms: [1, 2, 3, 4, 5, 6].map((name) => ['room:join', `doc:7:${name}`]),
  identity_changed: [['auth:renew', { token: token({ sub: 'another' }) }]],
  token_invalid: [['auth:renew', { token: 'x' }]],
  token_expired: [['auth:renew', { token: token({}, -60) }]],
};

describe('an answer', { skip }, () => {
  const hub = sharedRelay({ before, after }, { toml }, { env: secretEnv });
  const auth = { token: token({ role: 'reader' }) };

  for (const variant of variants) {
    test(`is given to every event that asks for one, with its code (${variant.title})`, async (t) => {
      const met = {};
      for (const [code, events] of Object.entries(answers)) {
        const client = await clientsOf(t, variant).connect(hub.url, { auth });
        // All at once: an answer belongs to its own event, in whatever order.
        const all = await Promise.all(events.map((event) => asked(client, ...event)));
        const answer = all.at(-1);
        met[code] = answer.code ?? answer.status;
        if (answer.status !== 'error') continue;
        assert.ok(typeof answer.message === 'string' && answer.message.length > 5, code);
        const extra = Object.keys(answer).filter((key) => !['status', 'code', 'message', 'path', 'expected', 'retry_after_ms'].includes(key));
        assert.deepEqual(extra, []);
        assert.doesNotMatch(JSON.stringify(answer), /account:7|doc:7|claims|"7"/);
      }
      assert.deepEqual(met, Object.fromEntries(Object.keys(answers).map((code) => [code, code])));
    });
  }

  test('says of a value that is none why it is none', async (t) => {
    const client = await clientsOf(t).connect(hub.url, { auth });
    for (const [args, said] of [
      [[], /is missing/],
      [[null], /is missing/],
      [['x'.repeat(257)], /is longer than 256 bytes/],
      [[1.5], /is neither text, a whole number/],
    ]) {
      const { code, message } = await asked(client, 'doc:change', ...args);
      assert.equal(code, 'no_value');
      assert.match(message, said);
    }
  });

  test('does not tell whether a room exists', async (t) => {
    const { connect } = clientsOf(t);
    const insider = await connect(hub.url, { auth });
    assert.equal((await asked(insider, 'room:join', 'doc:7:secret')).status, 'ok');
    const [outsider, colleague] = [await connect(hub.url, { auth: { token: token({ account: '8' }) } }), await connect(hub.url, { auth })];
    for (const [client, event, there, missing] of [
      [outsider, 'room:join', 'doc:7:secret', 'doc:9:secret'],
      [outsider, 'room:join', 'account:7', 'account:nobody'],
      [outsider, 'room:join', insider.id, 'AAAAAAAAAAAAAAAAAAAA'],
      [outsider, 'room:leave', 'doc:7:secret', 'doc:9:secret'],
      [outsider, 'doc:change', 'secret', 'nothing'],
      [colleague, 'doc:change', 'secret', 'nothing'],
      [colleague, 'room:join', 'doc:7:secret', 'doc:7:nothing'],
    ]) {
      assert.deepEqual(await asked(client, event, there), await asked(client, event, missing), `${event} ${there}`);
    }
  });

  test('is given to thousands that are refused, and only those that ask', async (t) => {
    const client = await clientsOf(t).connect(hub.url, { auth });
    let packets = 0;
    client.io.engine.on('packet', () => (packets += 1));
    for (let i = 0; i < 2000; i++) client.emit('nonsense', i);
    await asked(client, 'update', 1);
    assert.ok(packets <= 4, `${packets} packets for 2,000 events that asked for nothing`);
    const all = await Promise.all(Array.from({ length: 1000 }, (_, i) => asked(client, i % 2 ? 'nonsense' : 'rarer')));
    assert.ok(all.slice(2).every(({ status, code }) => status === 'error' && ['unknown_event', 'rate_limited'].includes(code)));
  });

  test('has a code that the documentation lists', () => {
    const docs = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    const missing = Object.keys(answers).filter((code) => !docs.includes(`\`${code}\``) && code !== 'ok');
    assert.deepEqual(missing, []);
  });
});
