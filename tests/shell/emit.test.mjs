// `fanfare emit`: one event, and how it says what became of it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { clientsOf, received, recorded } from '../lib/clients.mjs';
import { startRelay } from '../lib/relay.mjs';
import { certificates, emitted, hubs, listening, relayWithTls, server, skip, status } from '../lib/shell.mjs';
import { sha256 } from '../lib/tokens.mjs';
import { until } from '../lib/within.mjs';

for (const [name, start] of Object.entries(hubs)) {
  describe(`fanfare emit to the ${name}`, { skip, concurrency: 2 }, () => {
    test('sends arguments and files as they are, and is done', async (t) => {
      const hub = await start();
      t.after(() => hub.kill());
      const { at } = certificates(t);
      const file = randomBytes(100_000);
      writeFileSync(at('image.png'), file);
      const client = await clientsOf(t).connect(hub.url);
      const update = received(client, 'update');
      const args = ['update', '{"id": 1, "é": "💥"}', '-5', '"text"', '-', '--file', at('image.png'), '--file', '/dev/null'];
      const { code, out, err } = await emitted(t, [hub.url, ...args], { input: '["from a pipe"]\n' });
      assert.deepEqual([code, out, err], [status.done, '', '']);
      assert.deepEqual(await update, [{ id: 1, é: '💥' }, -5, 'text', ['from a pipe'], file, Buffer.alloc(0)]);
    });

    test('waits for what is large', async (t) => {
      const hub = await start({ maxPayloadBytes: 30_000_000, slowConsumer: { bytes: 100_000_000, totalBytes: 200_000_000 } });
      t.after(() => hub.kill());
      const input = randomBytes(20_000_000);
      const client = await clientsOf(t).connect(hub.url, { transports: ['websocket'] });
      const update = received(client, 'update', 20_000);
      const { code, err } = await emitted(t, [hub.url, 'update', '--timeout-ms', '20000', '--file', '-'], { input });
      assert.equal(code, status.done, err);
      assert.ok(input.equals((await update)[0]));
    });

    test('reads a binary argument from its input', async (t) => {
      const hub = await start();
      t.after(() => hub.kill());
      const client = await clientsOf(t).connect(hub.url);
      const update = received(client, 'update');
      assert.equal((await emitted(t, [hub.url, 'update', '--file', '-'], { input: 'png' })).code, status.done);
      assert.deepEqual(await update, [Buffer.from('png')]);
    });

    test('prints the acknowledgement', async (t) => {
      const hub = await start();
      t.after(() => hub.kill());
      const { code, out, err } = await emitted(t, [hub.url, 'update', '--ack']);
      assert.deepEqual([code, out, err], [status.done, '[{"status":"ok","recipients":1}]\n', '']);
    });

    test('has been heard whenever it says so', async (t) => {
      const hub = await start();
      t.after(() => hub.kill());
      const events = recorded(await clientsOf(t).connect(hub.url));
      const numbers = Array.from({ length: 40 }, (_, n) => n);
      for (const n of numbers) assert.equal((await emitted(t, [hub.url, 'update', String(n)])).code, status.done);
      await until('all events', () => events.length === numbers.length);
      assert.deepEqual(events, numbers.map((n) => ['update', n]));
    });

    test('says why it was not sent', async (t) => {
      const hub = await start({ maxPayloadBytes: 1000 });
      t.after(() => hub.kill());
      for (const [args, code, said] of [
        [[`${hub.url}/nope`, 'x'], status.refused, /refused: Invalid namespace/],
        [[hub.url, 'x', '--path', '/elsewhere'], status.unreachable, /./],
        [[hub.url, 'x', JSON.stringify('x'.repeat(1000))], status.refused, /not emitted: a message of 1\d\d\d bytes, of which the server takes at most 1000/],
        [['http://127.0.0.1:1', 'x'], status.unreachable, /refused/],
      ]) {
        const outcome = await emitted(t, args);
        assert.equal(outcome.code, code, outcome.err);
        assert.match(outcome.err, said);
      }
    });
  });
}

describe('fanfare emit to a server', { skip, concurrency: 2 }, () => {
  test('prints any acknowledgement, binary too, and escapes it', async (t) => {
    const { io, url } = await server(t);
    io.on('connection', (socket) => socket.on('ask', (n, answer) => answer('\u009b\n', { file: Buffer.from('png') }, n)));
    const { code, out } = await emitted(t, [url, 'ask', '7', '--ack']);
    assert.deepEqual([code, out], [status.done, '["\\u009b\\n",{"file":{"$base64":"cG5n"}},7]\n']);
  });

  // Which forgets an event if its client has left before the event's turn comes.
  test('has been heard by a listener whenever it says so', async (t) => {
    const { io, url } = await server(t);
    const heard = [];
    io.on('connection', (socket) => socket.on('update', (n) => heard.push(n)));
    const numbers = Array.from({ length: 20 }, (_, n) => n);
    for (const n of numbers) assert.equal((await emitted(t, [url, 'update', String(n)])).code, status.done);
    assert.deepEqual(heard, numbers);
  });

  test('says when nobody acknowledges, or answers at all, in time', async (t) => {
    const { url } = await server(t);
    const { code, err } = await emitted(t, [url, 'x', '--ack', '--timeout-ms', '2000']);
    assert.deepEqual([code, err], [status.timedOut, 'fanfare: not acknowledged in time\n']);
    const { http, port } = await server(t);
    http.removeAllListeners('upgrade').on('upgrade', (request, socket) => socket.on('end', () => socket.destroy()).resume());
    const silent = await emitted(t, [`http://127.0.0.1:${port}`, 'x', '--timeout-ms', '300']);
    assert.deepEqual([silent.code, silent.err], [status.timedOut, 'fanfare: not connected within 300 ms\n']);
  });

  test('does not say that it was heard when that is not known', async (t) => {
    const { io, url } = await server(t);
    // As soon as it comes, before what is behind it is looked at.
    io.engine.on('connection', (connection) => connection.on('packet', ({ data }) => /die/.test(data) && connection.transport.socket.terminate()));
    for (const more of [[], ['--ack']]) {
      const { code, err } = await emitted(t, [url, 'die', ...more]);
      assert.equal(code, status.unreachable, err);
      assert.match(err, /lost.*not known|closed|reset/);
    }
    // One that does not read, but has said enough before.
    const { io: held, url: heldUrl } = await server(t);
    const sockets = [];
    held.on('connection', (socket) => sockets.push(socket.conn.transport.socket) && sockets[0].pause());
    const { code, err } = await emitted(t, [heldUrl, 'x', '--timeout-ms', '2000']);
    assert.equal(code, status.timedOut, err);
    assert.match(err, /sent, but the server has not said that it read it/);
    sockets[0].resume(); // or it would be waited for
  });

  test('is sent away', async (t) => {
    const { io, url } = await server(t);
    io.on('connection', (socket) => socket.on('x', () => socket.disconnect()));
    const { code, err } = await emitted(t, [url, 'x', '--ack']);
    assert.equal(code, status.refused, err);
    assert.match(err, /disconnected by the server/);
  });

  test('refuses what is wrong before it connects', async (t) => {
    for (const [args, said, input] of [
      [['x', 'hello'], /argument 1: expected JSON, found hello: text is written with its quotes, '"hello"'/],
      [['x', '{id:1}'], /argument 1: expected JSON, found \{id:1\}/],
      [['newListener'], /reserved/],
      [['x', '--file', '/nowhere'], /\/nowhere/],
      [['x', '-', '--file', '-'], /standard input can be read once/, '1'],
      [['x', '--timeout-ms', '0'], /--timeout-ms/],
    ]) {
      const { code, err } = await emitted(t, ['http://127.0.0.1:1', ...args], { input });
      assert.equal(code, status.misused, err);
      assert.match(err, said);
    }
  });

  test('speaks TLS with servers whose CA it knows, and with no others', async (t) => {
    const { at, key, cert } = certificates(t);
    const { io, url } = await server(t, { tls: { key, cert } });
    io.on('connection', (socket) => socket.on('ask', (answer) => answer(socket.handshake.secure)));
    const known = { env: { SSL_CERT_FILE: at('ca.crt') } };
    for (const address of [url, url.replace('https', 'wss')]) {
      const { code, out, err } = await emitted(t, [address, 'ask', '--ack'], known);
      assert.deepEqual([code, out, err], [status.done, '[true]\n', '']);
    }
    const unknown = await emitted(t, [url, 'ask', '--ack'], { env: { SSL_CERT_FILE: at('other.crt') } });
    assert.equal(unknown.code, status.unreachable, unknown.err);
    assert.match(unknown.err, /^fanfare: cannot connect: no tls: .*certificate/);
    const none = await emitted(t, [url, 'ask'], { env: { SSL_CERT_FILE: '/dev/null' } });
    assert.match(none.err, /no root certificates/);
    assert.equal(none.code, 70);
  });
});

describe('fanfare emit and listen to a relay', { skip, concurrency: 2 }, () => {
  test('with TLS', async (t) => {
    const files = certificates(t);
    const url = await relayWithTls(t, files);
    const env = { SSL_CERT_FILE: files.at('ca.crt') };
    const listener = await listening(t, [url], { env });
    assert.equal((await emitted(t, [url, 'x', '1'], { env })).code, status.done);
    assert.deepEqual(await listener.printed(1), [['x', 1]]);
  });

  test('that asks for a token', async (t) => {
    const toml = `[[auth.token]]\nsha256 = "${sha256('of a device')}"\nclaims = { sub = "1" }\n[[namespace]]\nname = "/"\nauth = "required"\n`;
    const relay = await startRelay({ toml });
    t.after(() => relay.kill());
    const refused = await emitted(t, [relay.url, 'x', '--auth', '{"token":"wrong"}']);
    assert.equal(refused.code, status.refused, refused.err);
    assert.match(refused.err, /^fanfare: refused: unauthorized \{"code":"[a-z_]+"/);
    const listener = await listening(t, [relay.url, '--auth', '{"token":"of a device"}']);
    const sent = await emitted(t, [relay.url, 'x', '1', '--auth', '{"token":"of a device"}', '--ack']);
    assert.deepEqual([sent.code, sent.out], [status.done, '[{"status":"ok","recipients":2}]\n']);
    assert.deepEqual(await listener.printed(1), [['x', 1]]);
  });
});
