// Where the HTTP API answers, by which keys, and how all of it changes while it runs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request as http } from 'node:http';
import { request as https } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'node:test';
import { ALL, apiUrl, ask, emit, key, listen, namespaces, ops, problem, started } from '../lib/api.mjs';
import { skip } from '../lib/access.mjs';
import { clientsOf, received } from '../lib/clients.mjs';
import { FANFARE_BIN, fanfare } from '../lib/relay.mjs';
import { reloaded } from '../lib/reload.mjs';
import { within } from '../lib/within.mjs';

const testdata = (name) => fileURLToPath(new URL(`../../crates/relay/testdata/tls/${name}`, import.meta.url));

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'fanfare-api-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** One request by Node's own client: [status, body]. */
const raw = (request, options) => within(5000, 'answer', new Promise((resolve, reject) => {
  const sent = request({ headers: { authorization: `Bearer ${ALL}` }, path: '/api/namespaces', ...options }, (answer) => {
    let text = '';
    answer.on('data', (bytes) => (text += bytes)).on('end', () => resolve([answer.statusCode, text]));
  });
  sent.on('error', reject).end();
}));

/** A command to its end, beside what else runs: { code, stdout, stderr }. */
const run = (args, env = {}) => within(15_000, `end of fanfare ${args[0]}`, new Promise((resolve) => {
  execFile(FANFARE_BIN, args, { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
    resolve({ code: error ? error.code : 0, stdout, stderr });
  });
}));

describe('the API listens', { skip, concurrency: 4 }, () => {
  test('at a path', async (t) => {
    const path = join(folder(t), 'api.sock');
    const relay = await started(t, { toml: `[api]\nlisten = ["unix:${path}"]\n${key('all', ALL)}${namespaces}` });
    assert.match(relay.log, new RegExp(`^api on unix:${path}$`, 'm'));
    assert.equal((await raw(http, { socketPath: path }))[0], 200);
    assert.equal(statSync(path).mode & 0o777, 0o660);
    await relay.stop();
    assert.throws(() => statSync(path));
  });

  test('with TLS, whose pair changes by a reload', async (t) => {
    const files = (name) => ({ 'api.pem': readFileSync(testdata(`${name}.pem`), 'utf8'), 'api.key': readFileSync(testdata(`${name}.key`), 'utf8') });
    const toml = `${ops}${listen}[api.tls]\ncertificate = "api.pem"\nkey = "api.key"\n${key('all', ALL)}${namespaces}`;
    const relay = await started(t, { toml, files: files('one') });
    const { port } = new URL(apiUrl(relay));
    assert.match(apiUrl(relay), /^https:/);
    const [status] = await raw(https, { port, rejectUnauthorized: false });
    assert.equal(status, 200);
    await assert.rejects(raw(http, { port }));
    const { changes } = await reloaded(relay, { toml, files: files('two') });
    assert.deepEqual(changes, ['api.tls.certificate: (changed)', 'api.tls.key: (changed)']);
    assert.equal((await raw(https, { port, rejectUnauthorized: false }))[0], 200);
  });

  test('beside operators, where both have one address', async (t) => {
    // The kernel's choice, given back at once: nobody else is likely to get it meanwhile.
    const port = await new Promise((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address();
        server.close(() => resolve(port));
      });
    });
    const both = `[ops]\nlisten = ["127.0.0.1:${port}"]\n[api]\nlisten = ["127.0.0.1:${port}"]\n`;
    const relay = await started(t, { toml: both + key('all', ALL) + namespaces });
    assert.match(relay.log, new RegExp(`^ops on http://127.0.0.1:${port}\napi on http://127.0.0.1:${port}$`, 'm'));
    assert.equal((await emit(relay, { event: 'x' })).status, 200);
    assert.equal((await ask(relay, 'GET', '/metrics', undefined, { key: null })).status, 200);
    assert.deepEqual(problem(await ask(relay, 'GET', '/api/x')), [404, 'not_found', undefined]);
    assert.equal((await ask(relay, 'GET', '/x', undefined, { key: null })).body, '');
  });

  test('to the keys that are there now', async (t) => {
    const config = (...keys) => ({ toml: ops + listen + keys.join('') + namespaces });
    const relay = await started(t, config(key('old', 'one', ['emit'])));
    const asks = async (key) => (await emit(relay, { event: 'x' }, { key })).status;
    assert.deepEqual([await asks('one'), await asks('two')], [200, 401]);
    const { changes } = await reloaded(relay, config(key('old', 'one', ['emit']), key('new', 'two', ['emit', 'read'])));
    assert.deepEqual(changes, ['api.key."new".may: none -> ["emit", "read"]', 'api.key."new".sha256: none -> (secret)']);
    assert.deepEqual([await asks('one'), await asks('two')], [200, 200]);
    await reloaded(relay, config(key('new', 'two', ['read'])));
    assert.deepEqual([await asks('one'), await asks('two')], [401, 403]);
    relay.configure({ toml: `${ops}[api]\nlisten = ["127.0.0.1:1"]\n${key('new', 'two')}${namespaces}` });
    const refused = await fetch(`http://127.0.0.1:${relay.opsPort}/reload`, { method: 'POST' });
    assert.deepEqual([refused.status, (await refused.json()).problems], [409, ['api.listen: ["127.0.0.1:0"] -> ["127.0.0.1:1"]: needs a restart']]);
  });

  test('nowhere unless it is said, and says what is wrong before it starts', async (t) => {
    const relay = await started(t, { toml: namespaces });
    assert.doesNotMatch(relay.log, /api on/);
    const hash = 'a'.repeat(64);
    const all = `[[api.key]]\nname = "a"\nsha256 = "${hash}"\nmay = ["emit"]\n`;
    for (const [toml, message] of [
      [`[api]\nlisten = ["systemd:0"]\n`, /api\.listen: expected an IP address and a port/],
      ['[[api.key]]\nname = "a"\nmay = ["emit"]\n', /api\.key\.sha256: expected the SHA-256 of a key/],
      [`[[api.key]]\nname = "a"\nsha256 = "${hash}"\n`, /api\.key\.may: expected a list of what it may/],
      [`[[api.key]]\nname = "a"\nsha256 = "${hash}"\nmay = ["write"]\n`, /api\.key\.may: .*found "write"/],
      [`[[api.key]]\nsha256 = "${hash}"\nmay = ["emit"]\n`, /api\.key\.name: expected a name/],
      [`${all}rooms = []\n`, /api\.key\.rooms: expected at least one name/],
      [`${all}rooms = ["a*b"]\n`, /api\.key\.rooms: expected a name, or the beginning/],
      [`${all}room = ["a"]\n`, /api\.key\.room: is not a setting.*rooms/],
      [all + all, /api\.key\.name: expected each name once/],
      [all + all.replace('"a"', '"b"'), /api\.key\.sha256: expected each key once/],
      ['[api.tls]\nkey = "k"\n', /api\.tls\.key: expected api\.tls\.certificate beside it/],
    ]) {
      const { code, stderr } = await fanfare(['check'], { toml });
      assert.deepEqual([code, message.test(stderr)], [2, true], `${toml}\n${stderr}`);
    }
    for (const [toml, message] of [[all, /warning.*api\.key: has no effect: api\.listen is empty/], [listen, /warning.*api\.listen: answers nobody/]]) {
      const { code, stderr } = await fanfare(['check', '--listen', '127.0.0.1:0'], { toml });
      assert.deepEqual([code, message.test(stderr)], [0, true], stderr);
    }
  });

  test('to a key that was just made, from a shell', async (t) => {
    const made = await run(['key', 'shell']);
    const text = /: (fanfare_\S+)\n$/.exec(made.stderr)[1];
    assert.doesNotMatch(made.stdout, new RegExp(text));
    const toml = `${listen}${made.stdout.replace('["emit"]', '["emit", "read", "move", "disconnect"]')}${namespaces}`;
    const relay = await started(t, { toml });
    const client = await clientsOf(t).connect(relay.url);
    const api = async (...args) => {
      const { code, stdout, stderr } = await run(['api', ...args], { FANFARE_API_URL: apiUrl(relay), FANFARE_API_KEY: text });
      return { code, said: stdout ? JSON.parse(stdout) : stderr };
    };
    const heard = received(client, 'update');
    assert.deepEqual(await api('emit', 'update', '{"id":1}', '-2', '"x"'), { code: 0, said: { recipients: 1 } });
    assert.deepEqual(await heard, [{ id: 1 }, -2, 'x']);
    assert.deepEqual((await api('join', client.id, 'a/b', 'c')).said.rooms, ['a/b', 'c']);
    assert.deepEqual((await api('leave', client.id, 'c')).said.rooms, ['a/b']);
    assert.deepEqual((await api('rooms', 'a/b')).said, { name: 'a/b', sockets: 1 });
    assert.deepEqual((await api('rooms')).said, { rooms: [{ name: 'a/b', sockets: 1 }] });
    assert.equal((await api('sockets', '--room', 'a/b')).said.sockets[0].id, client.id);
    assert.equal((await api('sockets', client.id)).said.id, client.id);
    assert.equal((await api('namespaces')).said.namespaces.length, 2);
    assert.deepEqual((await api('emit', 'x', '--room', 'none', '--ack', '100')).said, { recipients: 0, acks: [], missing: [] });
    // One id of 64 begins so.
    assert.match((await api('disconnect', '-hA9', '--connection')).said, /404 unknown_socket/);
    const refused = await api('emit', 'connect');
    assert.deepEqual([refused.code, refused.said], [1, 'fanfare: 400 invalid: event: is reserved by Socket.IO: "connect"\n']);
    assert.equal((await api('emit', 'x', '{')).code, 2);
    assert.deepEqual((await api('disconnect', client.id)).said, { sockets: 1 });
    const nobody = await run(['api', 'namespaces'], { FANFARE_API_URL: 'http://127.0.0.1:1', FANFARE_API_KEY: 'x' });
    assert.equal(nobody.code, 3);
    assert.equal((await run(['api', 'namespaces'])).code, 2);
  });
});
