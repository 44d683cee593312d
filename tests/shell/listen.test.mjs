// `fanfare listen`: what it prints, of the relay and of the reference.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { clientsOf } from '../lib/clients.mjs';
import { FANFARE_BIN } from '../lib/relay.mjs';
import { everyScope } from '../lib/settings.mjs';
import { hubs, listening, runs, server, skip, status } from '../lib/shell.mjs';
import { until, within } from '../lib/within.mjs';

for (const [name, start] of Object.entries(hubs)) {
  describe(`fanfare listen to the ${name}`, { skip, concurrency: 2 }, () => {
    test('prints events as JSON lines, with time, namespace, name and arguments', async (t) => {
      const hub = await start();
      t.after(() => hub.kill());
      const listener = await listening(t, [hub.url]);
      const client = await clientsOf(t).connect(hub.url);
      const events = [
        ['update', { id: 1, text: 'é 💥 \u2028' }, 'x y', -1.5, null, [true]],
        ['none'],
        ['file', Buffer.from([0, 1, 255]), { inner: Buffer.from('png') }],
      ];
      for (const event of events) client.emit(...event);
      const binary = (base64) => ({ $base64: base64 });
      assert.deepEqual(await listener.printed(3), [events[0], events[1], ['file', binary('AAH/'), { inner: binary('cG5n') }]]);
      for (const { time, namespace } of listener.events) {
        assert.equal(namespace, '/');
        assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000, time);
      }
      assert.equal((await listener.stop()).code, status.done);
    });

    test('prints only what it is asked for, of its namespace', async (t) => {
      const hub = await start({ namespaces: [{ name: '/' }, { name: '/chat' }] });
      t.after(() => hub.kill());
      const some = await listening(t, [hub.url, '--namespace', '/chat', '--event', 'b', '--event', 'c']);
      const all = await listening(t, [`${hub.url}/chat`]);
      const clients = clientsOf(t);
      (await clients.connect(hub.url)).emit('b', 'elsewhere');
      const client = await clients.connect(`${hub.url}/chat`);
      for (const event of ['a', 'b', 'c', 'd']) client.emit(event);
      assert.deepEqual(await all.printed(4), [['a'], ['b'], ['c'], ['d']]);
      assert.deepEqual(await some.printed(2), [['b'], ['c']]);
      assert.equal(some.events[0].namespace, '/chat');
    });

    test('emits first, so that it hears a room', async (t) => {
      const hub = await start({ namespaces: [{ name: '/', rules: everyScope }] });
      t.after(() => hub.kill());
      const listener = await listening(t, [hub.url, '--emit', '["enter"]', '--emit', '["to-sender", {"first": 1}, 2]']);
      assert.deepEqual(await listener.printed(1), [['to-sender', { first: 1 }, 2]]);
      (await clientsOf(t).connect(hub.url)).emit('to-room', 'hello');
      assert.deepEqual((await listener.printed(2))[1], ['to-room', 'hello']);
    });

    test('ends with the reason where it is refused', async (t) => {
      const hub = await start();
      t.after(() => hub.kill());
      const { code, err, out } = await runs(t, FANFARE_BIN, ['listen', `${hub.url}/nope`]).ends();
      assert.deepEqual([code, out, err], [status.refused, '', 'fanfare: refused: Invalid namespace\n']);
    });

    test('comes back when the server does, and emits again', async (t) => {
      let hub = await start({}, { willReturn: true });
      t.after(() => hub.kill());
      const { port } = hub;
      const listener = await listening(t, [hub.url, '--emit', '["hello"]']);
      await listener.printed(1);
      await hub.kill();
      await listener.says(/^fanfare: connection lost: .*; again in \d\.\d s$/m);
      hub = await start({}, { port });
      assert.deepEqual(await listener.printed(2, 20_000), [['hello'], ['hello']]);
      assert.equal(listener.err.match(/^fanfare: connected to /gm).length, 2);
      assert.equal((await listener.stop('SIGTERM')).code, status.done);
    });

    test('takes a silent server for a lost one', async (t) => {
      const hub = await start({ pingIntervalMs: 300, pingTimeoutMs: 700 });
      t.after(() => hub.kill());
      const listener = await listening(t, [hub.url]);
      hub.freeze();
      const from = performance.now();
      await listener.says(/connection lost: ping timeout/);
      assert.ok(performance.now() - from > 500);
      hub.thaw();
      await until('it is back', () => listener.err.match(/connected to/g).length === 2, { ms: 30_000 });
    });
  });
}

describe('fanfare listen to a server', { skip, concurrency: 2 }, () => {
  test('shows auth, headers and query, and what is refused with its data', async (t) => {
    const { io, url } = await server(t, { path: '/own/' });
    io.of('/in').use((socket, next) => {
      const { auth, headers, query } = socket.handshake;
      const seen = [auth.token, headers['x-one'], headers.cookie, headers['user-agent'], query.q];
      next(Object.assign(new Error('not \u001b[31myou'), { data: { seen } }));
    });
    const args = ['listen', `${url}/in?q=1&secret=s`, '--path', '/own', '--auth', '{"token":"t"}', '--header', 'X-One: 1', '--header', 'cookie:a=b', '--header', 'User-Agent: me'];
    const { code, err } = await runs(t, FANFARE_BIN, args).ends();
    assert.deepEqual([code, err], [status.refused, 'fanfare: refused: not \\u{1b}[31myou {"seen":["t","1","a=b","me","1"]}\n']);
  });

  test('never answers for others', async (t) => {
    const { io, url } = await server(t);
    const answered = new Promise((resolve) => {
      io.on('connection', (socket) => socket.timeout(500).emit('question', 1, (error) => resolve(error === null)));
    });
    const listener = await listening(t, [url]);
    await listener.printed(1);
    const { event, args, ack } = listener.events[0];
    assert.deepEqual({ event, args, ack }, { event: 'question', args: [1], ack: 0 });
    assert.equal(await within(5000, 'time-out', answered), false);
  });

  test('is sent away for good by a DISCONNECT, and not by a closed connection', async (t) => {
    const { io, url } = await server(t);
    io.on('connection', (socket) => socket.on('go', (how) => (how === 'away' ? socket.disconnect() : socket.conn.close())));
    const { code, err } = await (await listening(t, [url, '--emit', '["go","away"]'])).ends();
    assert.deepEqual([code, /disconnected by the server/.test(err)], [status.refused, true]);
    const listener = await listening(t, [url, '--emit', '["go","on"]']);
    await until('it came back', () => listener.err.match(/connected to/g).length > 1, { ms: 10_000 });
  });

  test('says goodbye when it is told to stop', async (t) => {
    const { io, url } = await server(t);
    const left = new Promise((resolve) => io.on('connection', (socket) => socket.on('disconnect', resolve)));
    const listener = await listening(t, [url]);
    assert.equal((await listener.stop()).code, status.done);
    assert.equal(await within(5000, 'goodbye', left), 'client namespace disconnect');
  });

  test('prints one line whatever comes, and nothing that a terminal obeys', async (t) => {
    const { io, url } = await server(t);
    const nasty = ['\u001b[2J\n\r\u0007', '\u009b1m\u007f', '\u202egnp.exe', '"\\\u2029'];
    io.on('connection', (socket) => {
      socket.emit(nasty[0], ...nasty, { [nasty[1]]: nasty[2] });
      socket.emit('end');
    });
    const listener = await listening(t, [url]);
    assert.deepEqual((await listener.printed(2))[0], [nasty[0], ...nasty, { [nasty[1]]: nasty[2] }]);
    assert.equal(listener.out.split('\n').length, 3);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(listener.out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
  });

  test('on a terminal prints text, in colours unless NO_COLOR or --json say otherwise', async (t) => {
    const { io, url } = await server(t);
    io.on('connection', (socket) => {
      socket.emit('update', { id: 1 }, 'x');
      socket.emit('two words\u001b', (answer) => answer);
      socket.disconnect();
    });
    const line = async (env, ...more) => {
      const command = [FANFARE_BIN, 'listen', url, ...more].join(' ');
      const { out } = await runs(t, 'script', ['-qec', command, '/dev/null'], { env: { TERM: 'xterm', ...env } }).ends();
      return out.split('\r\n').filter((text) => /update|two/.test(text));
    };
    const [plain, asking] = await line({ NO_COLOR: '1' });
    assert.match(plain, /^\d{4}-\d\d-\d\dT[\d:.]+Z \/ update \{"id":1\} "x"$/);
    assert.match(asking, /^\S+ \/ "two words\\u001b" \(asks for acknowledgement 0\)$/);
    const [coloured] = await line({});
    assert.match(coloured, /^\u001b\[2m\S+Z\u001b\[0m \u001b\[36m\/\u001b\[0m \u001b\[1mupdate\u001b\[0m \{"id":1\} "x"$/);
    assert.equal(JSON.parse((await line({}, '--json'))[0]).event, 'update');
  });

  test('ends quietly when nobody reads any more', async (t) => {
    const { io, url } = await server(t);
    const timer = setInterval(() => io.emit('tick', 1), 20);
    t.after(() => clearInterval(timer));
    const script = `"${FANFARE_BIN}" listen "${url}" | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const { out, err } = await runs(t, 'bash', ['-c', script]).ends();
    const [first, code] = out.trim().split('\n');
    assert.deepEqual([JSON.parse(first).event, code], ['tick', String(status.done)]);
    assert.match(err, /^fanfare: connected to [^\n]*\n$/);
  });

  test('can be stopped while nobody reads', async (t) => {
    const { io, url } = await server(t);
    const listener = await listening(t, [url]);
    listener.child.stdout.pause();
    const text = 'x'.repeat(100_000);
    for (let n = 0; n < 50; n += 1) io.emit('much', text);
    // Its pipe is full: it waits for its reader, and does not take all of it in.
    await until('it reads no more', () => [...io.sockets.sockets.values()][0].conn.transport.socket.bufferedAmount > 0, { ms: 2000 }).catch(() => {});
    listener.child.kill('SIGINT');
    const [code] = await within(5000, 'end', once(listener.child, 'exit'));
    assert.equal(code, status.done);
  });

  test('can be stopped while it connects', async (t) => {
    const { http, url } = await server(t);
    const asked = new Promise((resolve) => {
      http.removeAllListeners('upgrade').on('upgrade', (request, socket) => resolve(socket.on('end', () => socket.destroy()).resume()));
    });
    const listener = runs(t, FANFARE_BIN, ['listen', url]);
    await within(5000, 'request', asked);
    const { code, err } = await listener.stop();
    assert.deepEqual([code, err], [status.done, '']);
  });

  test('gives up at once on what it cannot reach, or after as many attempts as it is told', async (t) => {
    const nowhere = 'http://127.0.0.1:1';
    const first = await runs(t, FANFARE_BIN, ['listen', nowhere]).ends();
    assert.equal(first.code, status.unreachable);
    assert.match(first.err, /^fanfare: .*refused.*\n$/);
    const second = await runs(t, FANFARE_BIN, ['listen', nowhere, '--attempts', '2']).ends();
    assert.equal(second.code, status.unreachable);
    assert.match(second.err, /^fanfare: cannot connect: .*; again in \d\.\d s\nfanfare: gave up: .*refused.*\n$/);
  });

  test('says so where a server offers polling only', async (t) => {
    const { url } = await server(t, { transports: ['polling'] });
    const { code, err } = await runs(t, FANFARE_BIN, ['listen', url, '--attempts', '100']).ends();
    assert.deepEqual([code, /offers no websocket/.test(err)], [status.unreachable, true], err);
  });

  test('refuses what is wrong before it connects', async (t) => {
    for (const [args, said] of [
      [['localhost:3000'], /URL: expected a URL such as/],
      [['http://127.0.0.1:1', '--event', 'connect'], /--event: connect is a reserved/],
      [['http://127.0.0.1:1', '--emit', '["disconnect"]'], /--emit: disconnect is a reserved/],
      [['http://127.0.0.1:1', '--emit', 'join'], /--emit: expected a JSON array/],
      [['http://127.0.0.1:1', '--auth', 'x'], /--auth: expected a JSON object/],
      [['http://127.0.0.1:1', '--header', 'x'], /--header: expected 'name: value'/],
      [['http://127.0.0.1:1', '--rule', 'x'], /--rule: a setting of the relay/],
      [['http://127.0.0.1:1', '--nope'], /--nope/],
    ]) {
      const { code, err } = await runs(t, FANFARE_BIN, ['listen', ...args]).ends();
      assert.equal(code, status.misused, err);
      assert.match(err, said);
    }
  });
});
