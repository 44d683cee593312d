// What a sender learns when it asks.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clientsOf, received, variants } from '../lib/clients.mjs';
import { sharedRelay } from '../lib/relay.mjs';
import { bothApplications, everyScope, withRules } from '../lib/settings.mjs';

describe('acknowledgements', () => {
  const hub = sharedRelay({ before, after }, withRules([...bothApplications, ...everyScope]));

  for (const variant of variants) {
    describe(variant.title, () => {
      test('an acknowledged event says to how many clients it was queued', async (t) => {
        const clients = await clientsOf(t, variant).connectMany(3, hub.url);
        const seen = received(clients[2], 'update');
        const answer = await clients[0].timeout(5000).emitWithAck('update', { n: 1 });
        assert.deepEqual(answer, { status: 'ok', recipients: 3 });
        assert.deepEqual(await seen, [{ n: 1 }], 'the request for an ack is no argument');
      });

      test('an acknowledged binary event is answered as well', async (t) => {
        const client = await clientsOf(t, variant).connect(hub.url);
        const seen = received(client, 'update');
        const answer = await client.timeout(5000).emitWithAck('update', Buffer.from('bytes'));
        assert.deepEqual(answer, { status: 'ok', recipients: 1 });
        assert.deepEqual(await seen, [Buffer.from('bytes')]);
      });

      test('an event without a rule is refused with a code and a message', async (t) => {
        const client = await clientsOf(t, variant).connect(hub.url);
        client.onAny((name) => assert.fail(`"${name}" was relayed`));
        const answer = await client.timeout(5000).emitWithAck('no-such-rule', { secret: true });
        assert.equal(answer.status, 'error');
        assert.match(answer.code, /^[a-z_]+$/);
        assert.ok(answer.message.length > 0);
        assert.deepEqual(Object.keys(answer).sort(), ['code', 'message', 'status']);
      });

      test('acknowledgements come back to their own events', async (t) => {
        const client = await clientsOf(t, variant).connect(hub.url);
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, i) => client.timeout(5000).emitWithAck(i % 2 ? 'update' : 'no-such-rule', i)),
        );
        answers.forEach((answer, i) => assert.equal(answer.status, i % 2 ? 'ok' : 'error'));
      });

      test('an event without a rule and without an ack is ignored and the connection lives', async (t) => {
        const client = await clientsOf(t, variant).connect(hub.url);
        client.emit('no-such-rule', 1);
        const seen = received(client, 'update');
        client.emit('update', 'still here');
        assert.deepEqual(await seen, ['still here']);
      });
    });
  }

  test('the number of recipients follows the scope of the rule', async (t) => {
    const [sender] = await clientsOf(t).connectMany(4, hub.url);
    const recipients = async (name) => (await sender.timeout(5000).emitWithAck(name)).recipients;
    assert.equal(await recipients('to-all'), 4);
    assert.equal(await recipients('to-others'), 3);
    assert.equal(await recipients('to-sender'), 1);
    assert.equal(await recipients('to-room'), 0);
  });
});
