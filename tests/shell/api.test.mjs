// `fanfare api`: what programs do by HTTP, from a shell.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ALL, apiUrl, started } from '../lib/api.mjs';
import { clientsOf, received, recorded } from '../lib/clients.mjs';
import { FANFARE_BIN } from '../lib/relay.mjs';
import { certificates, runs, skip, status } from '../lib/shell.mjs';
import { until } from '../lib/within.mjs';

/** `fanfare api`, to its end. */
async function api(t, relay, args, { input } = {}) {
  const env = { FANFARE_API_URL: apiUrl(relay), FANFARE_API_KEY: ALL };
  const command = runs(t, FANFARE_BIN, ['api', ...args], { env, stdin: input === undefined ? 'ignore' : 'pipe' });
  if (input !== undefined) command.child.stdin.end(input);
  return await command.ends();
}

describe('fanfare api', { skip, concurrency: 4 }, () => {
  test('emits bytes, of files and as $base64, and what is on its input', async (t) => {
    const relay = await started(t);
    const { at } = certificates(t);
    const file = randomBytes(50_000);
    writeFileSync(at('image.png'), file);
    // One that can take what is volatile: between two polls nobody can.
    const client = await clientsOf(t).connect(relay.url, { transports: ['websocket'] });
    const update = received(client, 'update');
    const args = ['emit', 'update', '1', '-', '{"of":{"$base64":"cG5n"}}', '--file', at('image.png'), '--volatile'];
    const { code, out, err } = await api(t, relay, args, { input: '["from a pipe"]\n' });
    assert.deepEqual([code, out, err], [status.done, '{"recipients":1}\n', '']);
    assert.deepEqual(await update, [1, ['from a pipe'], { of: Buffer.from('png') }, file]);
    const binary = received(client, 'update');
    assert.equal((await api(t, relay, ['emit', 'update', '{"$base64":"cG5n"}', '--binary'])).code, status.done);
    assert.deepEqual(await binary, [Buffer.from('png')]);
    const plain = received(client, 'update');
    assert.equal((await api(t, relay, ['emit', 'update', '{"$base64":"cG5n"}'])).code, status.done);
    assert.deepEqual(await plain, [{ $base64: 'cG5n' }]);
  });

  test('emits a batch, in its order, once, and says when a part of it is refused', async (t) => {
    const relay = await started(t);
    const client = await clientsOf(t).connect(relay.url);
    const events = recorded(client);
    const input = ['{"event":"a","args":[1]}', '', '{"event":"b","rooms":["nobody"]}', '{"event":"c"}', ''].join('\n');
    for (const _ of ['first', 'again']) {
      const { code, out } = await api(t, relay, ['batch', '--idempotency-key', 'k'], { input });
      assert.deepEqual([code, JSON.parse(out).results], [status.done, [{ recipients: 1 }, { recipients: 0 }, { recipients: 1 }]]);
    }
    const partly = await api(t, relay, ['batch'], { input: '{"event":"connect"}\n{"event":"d"}\n' });
    assert.deepEqual([partly.code, partly.err], [status.refused, 'fanfare: 1 of 2 events were refused\n']);
    assert.equal(JSON.parse(partly.out).results[0].error.field, 'items[0].event');
    await until('the last', () => events.some(([name]) => name === 'd'));
    assert.deepEqual(events, [['a', 1], ['c'], ['d']]);
    for (const [args, text, said] of [
      [['batch'], '{"event":"a"}\nhello\n', /line 2: expected a JSON object such as/],
      [['batch'], '\n', /expected 1 to 100 events, one a line, found 0/],
      [['batch', '/nowhere'], undefined, /FILE: \/nowhere cannot be read/],
      [['batch', '--namespace', '/x'], '{"event":"a"}', /each event of a batch says its own/],
    ]) {
      const { code, err } = await api(t, relay, args, { input: text });
      assert.equal(code, status.misused, err);
      assert.match(err, said);
    }
    assert.equal(events.length, 3);
  });

  test('prints a part of a list, or all of it', async (t) => {
    const relay = await started(t);
    const client = await clientsOf(t).connect(relay.url);
    const names = Array.from({ length: 25 }, (_, n) => `account:${String(n).padStart(2, '0')}`);
    await Promise.all([...names, 'news'].map((name) => client.emitWithAck('enter', name.replace('account:', ''))));
    const pages = async (...args) => {
      const { code, out, err } = await api(t, relay, ['rooms', ...args]);
      assert.deepEqual([code, err], [status.done, '']);
      return out.trimEnd().split('\n').map((line) => JSON.parse(line));
    };
    const of = (page) => page.rooms.map(({ name }) => name);
    const all = await pages('--prefix', 'account:', '--limit', '10', '--all');
    assert.deepEqual(all.map((page) => page.rooms.length), [10, 10, 6]);
    assert.deepEqual(all.flatMap(of), [...names, 'account:news']);
    const [first] = await pages('--limit', '10');
    assert.deepEqual([of(first), typeof first.next], [names.slice(0, 10), 'string']);
    assert.deepEqual((await pages('--after', first.next, '--all')).flatMap(of), [...names.slice(10), 'account:news']);
    assert.deepEqual((await pages('--prefix', 'account:n', '--all')).flatMap(of), ['account:news']);
    const sockets = await api(t, relay, ['sockets', '--all', '--limit', '1']);
    assert.equal(JSON.parse(sockets.out).sockets[0].id, client.id);
    for (const args of [['rooms', 'news', '--all'], ['rooms', '--limit', '0'], ['sockets', client.id, '--limit', '3']]) {
      assert.equal((await api(t, relay, args)).code, status.misused, args.join(' '));
    }
  });
});
