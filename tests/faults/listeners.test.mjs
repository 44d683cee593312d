// Where clients come in beside plain TCP: Unix sockets, sockets that were handed over, TLS, and behind PROXY.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect as tcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect as tls } from 'node:tls';
import { io } from 'socket.io-client';
import { Connection, requestBytes } from '../lib/raw-http.mjs';
import { RawWebSocket, upgradeHeaders } from '../lib/raw-ws.mjs';
import { FANFARE_BIN, HUB, endsAtOnce } from '../lib/relay.mjs';
import { event, until, within } from '../lib/within.mjs';

const skip = HUB === 'reference' && 'it listens to plain TCP alone';

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'fanfare-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs the relay, by a launcher if there is one, and collects what it says. */
function run(t, args, { env = {}, launcher = [] } = {}) {
  const [program, ...rest] = [...launcher, FANFARE_BIN, ...args];
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, ...endsAtOnce, ...env } });
  t.after(() => child.kill('SIGKILL'));
  const relay = { child, log: '', out: '' };
  child.stdout.on('data', (bytes) => (relay.out += bytes));
  child.stderr.on('data', (bytes) => (relay.log += bytes));
  relay.exited = new Promise((resolve) => child.on('close', (code) => resolve(code)));
  return relay;
}

async function start(t, args, options) {
  const relay = run(t, args, options);
  const ended = relay.exited.then((code) => assert.fail(`ended with ${code}: ${relay.log}`));
  await Promise.race([until('the listening lines', () => relay.out.includes('listening on'), { ms: 15_000 }), ended]);
  ended.catch(() => {});
  relay.port = Number(/:\/\/127\.0\.0\.1:(\d+)/.exec(relay.out)?.[1]);
  return relay;
}

async function stop(relay) {
  relay.child.kill('SIGTERM');
  assert.equal(await within(10_000, 'end', relay.exited), 0, relay.log);
}

const polling = '/socket.io/?EIO=4&transport=polling';
const websocket = '/socket.io/?EIO=4&transport=websocket';

/** An answer over any socket. */
async function ask(socket, target, options) {
  const connection = new Connection(socket);
  connection.write(requestBytes(target, options));
  return await connection.response();
}

/** A client in the namespace `/`, by WebSocket over any socket. */
async function joined(socket) {
  const connection = new Connection(socket);
  connection.write(requestBytes(websocket, { headers: upgradeHeaders() }));
  assert.equal((await connection.response()).status, 101);
  const detached = connection.detach();
  const ws = new RawWebSocket(detached.socket, detached.head);
  await ws.text();
  ws.send('40');
  await ws.text();
  return ws;
}

describe('a Unix socket', { skip }, () => {
  test('takes polls and WebSockets, has no address in the log, and goes with its relay', async (t) => {
    const path = join(folder(t), 'relay.sock');
    const relay = await start(t, ['--listen', `unix:${path}`]);
    assert.equal(relay.out, `listening on unix:${path}\n`);
    assert.equal(statSync(path).mode & 0o777, 0o660);
    const { status } = await ask(tcp(path), polling);
    assert.equal(status, 200);
    const [one, other] = [await joined(tcp(path)), await joined(tcp(path))];
    one.send('42["update",1]');
    assert.equal(await other.text(), '42["update",1]');
    one.socket.destroy();
    await until('the end of a session', () => /session closed connection=\d+ transport=websocket/.test(relay.log));
    await stop(relay);
    assert.ok(!existsSync(path), 'its file is gone');
  });

  test('of a relay that died is taken, and of one that lives is not', async (t) => {
    const path = join(folder(t), 'relay.sock');
    const listen = ['--listen', `unix:${path}`];
    const dead = await start(t, listen);
    dead.child.kill('SIGKILL');
    await dead.exited;
    assert.ok(existsSync(path));
    const check = run(t, ['check', ...listen]);
    assert.equal(await check.exited, 0, check.log);
    const relay = await start(t, listen);
    assert.match(relay.log, /removed the socket of a relay that is gone/);
    const second = run(t, listen);
    assert.equal(await second.exited, 2);
    assert.match(second.log, /cannot listen on unix:\/.*: the path is taken by another program/);
    const warned = run(t, ['check', ...listen]);
    assert.equal(await warned.exited, 0);
    assert.match(warned.log, /^fanfare: warning: cannot listen on unix:/);
    assert.equal((await ask(tcp(path), '/healthz')).status, 200);
  });
});

// As systemd does it: sockets from descriptor 3 on, and for whom.
const activate = `
import fcntl, os, socket, sys
tcp = socket.create_server(("127.0.0.1", 0))
unix = socket.socket(socket.AF_UNIX)
unix.bind(sys.argv[1])
unix.listen()
high = [fcntl.fcntl(each.fileno(), fcntl.F_DUPFD, 10) for each in (tcp, unix)]
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2")
os.execv(sys.argv[2], sys.argv[2:])
`;

describe('sockets that were handed over', { skip }, () => {
  test('are served for what they are, and stay', async (t) => {
    const path = join(folder(t), 'handed.sock');
    const launcher = ['python3', '-c', activate, path];
    const relay = await start(t, ['--listen', 'systemd:1', '--listen', 'systemd:0'], { launcher });
    assert.match(relay.out, new RegExp(`^listening on unix:${path}\nlistening on http://127\\.0\\.0\\.1:\\d+\n$`));
    for (const to of [path, relay.port]) assert.equal((await ask(tcp(to), polling)).status, 200);
    await stop(relay);
    assert.ok(existsSync(path), 'it is not ours to remove');
  });

  test('that are not there are named', async (t) => {
    const relay = run(t, ['--listen', 'systemd:2'], { launcher: ['python3', '-c', activate, join(folder(t), 'x')] });
    assert.equal(await within(10_000, 'end', relay.exited), 2);
    assert.match(relay.log, /cannot listen on systemd:2: of the sockets that the relay was started with \(2\) none/);
    const alone = run(t, ['--listen', 'systemd:0']);
    assert.equal(await within(10_000, 'end', alone.exited), 2);
  });
});

/** An authority of its own, and pairs for localhost that it vouches for. */
function authority(at) {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: at, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test', '-days', '2');
  writeFileSync(join(at, 'ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n');
  return {
    ca: readFileSync(join(at, 'ca.pem')),
    pair(name) {
      openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
      openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial',
        '-days', '30', '-extfile', 'ext', '-out', `${name}.pem`);
      return (end) => join(at, `${name}.${end}`);
    },
  };
}

async function startTls(t, more = '') {
  const at = folder(t);
  const { ca, pair } = authority(at);
  const shown = pair('shown');
  const file = join(at, 'relay.toml');
  writeFileSync(file, `listen = ["127.0.0.1:0"]
[tls]
certificate = "shown.pem"
key = "shown.key"
reread_ms = 100
${more}`);
  return { relay: await start(t, ['--config', file]), ca, pair, shown };
}

/** The name in the certificate that a new connection is shown. */
async function nameShown(port, ca) {
  const socket = tls({ port, host: '127.0.0.1', ca });
  await event(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return CN;
}

describe('TLS', { skip }, () => {
  test('carries every transport, and the pair changes under those who are connected', async (t) => {
    const { relay, ca, pair, shown } = await startTls(t);
    assert.match(relay.out, /^listening on https:\/\/127\.0\.0\.1:\d+\n$/);
    const clients = [['websocket'], ['polling'], ['polling', 'websocket']].map((transports) =>
      io(`https://localhost:${relay.port}`, { ca, transports, forceNew: true, reconnection: false }));
    t.after(() => clients.forEach((client) => client.close()));
    await Promise.all(clients.map((client) => client.connected || event(client, 'connect')));
    const ends = [];
    clients.forEach((client) => client.on('disconnect', (why) => ends.push(why)));
    const everybodyHears = async (what) => {
      const heard = clients.map((client) => event(client, 'update'));
      clients[0].emit('update', what, Buffer.alloc(200_000, 7));
      for (const [said, bytes] of await Promise.all(heard)) {
        assert.equal(said, what);
        assert.equal(bytes.length, 200_000);
      }
    };
    await everybodyHears('before');
    assert.equal(await nameShown(relay.port, ca), 'shown');

    const replace = (from) => {
      for (const end of ['key', 'pem']) renameSync(from(end), shown(end));
    };
    replace(pair('second'));
    await until('the new certificate', async () => (await nameShown(relay.port, ca)) === 'second');
    await everybodyHears('after');

    writeFileSync(shown('key'), 'garbage');
    await until('a warning', () => /keeping the old certificate.*tls\.key/.test(relay.log));
    assert.equal(await nameShown(relay.port, ca), 'second');
    assert.equal(relay.log.match(/keeping the old certificate/g).length, 1, 'it is said once');

    replace(pair('third'));
    await until('the pair after that', async () => (await nameShown(relay.port, ca)) === 'third');
    await everybodyHears('at last');
    assert.deepEqual(ends, []);
    await stop(relay);
  });

  test('speaks HTTP/1.1, and nobody waits for who says nothing or no TLS', async (t) => {
    const { relay, ca } = await startTls(t);
    const silent = Array.from({ length: 20 }, () => tcp(relay.port, '127.0.0.1'));
    t.after(() => silent.forEach((socket) => socket.destroy()));
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    const plain = new Connection(tcp(relay.port, '127.0.0.1'));
    plain.write(requestBytes('/healthz'));
    await plain.closed();
    const socket = tls({ port: relay.port, host: '127.0.0.1', ca, ALPNProtocols: ['h2', 'http/1.1'] });
    await event(socket, 'secureConnect');
    assert.equal(socket.alpnProtocol, 'http/1.1');
    assert.equal((await ask(socket, '/healthz')).status, 200);
  });

  test('with a pair that is none does not start', async (t) => {
    const at = folder(t);
    const { pair } = authority(at);
    const [one, other] = [pair('one'), pair('other')];
    const relay = run(t, ['--listen', '127.0.0.1:0'], {
      env: { FANFARE_TLS_CERTIFICATE: one('pem'), FANFARE_TLS_KEY: other('key') },
    });
    assert.equal(await within(10_000, 'end', relay.exited), 2);
    assert.match(relay.log, /^fanfare: FANFARE_TLS_KEY: .*other\.key is not the key of the first certificate/);
  });
});

const version1 = 'PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n';
const version2 = (command, family, rest) =>
  Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), Buffer.from([command, family, 0, rest.length]), Buffer.from(rest)]);
const source = [192, 0, 2, 8, 10, 0, 0, 1, 0xdc, 4, 1, 187];

/** A connection that begins with these bytes. */
async function beginning(port, bytes) {
  const socket = tcp(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}

describe('behind PROXY', { skip }, () => {
  const trusting = (who) => ({ env: { FANFARE_PROXY_PROTOCOL_TRUSTED: who } });

  test('the address is the client\'s, whoever says so and how', async (t) => {
    const path = join(folder(t), 'relay.sock');
    const relay = await start(t, ['--listen', '127.0.0.1:0', '--listen', `unix:${path}`], trusting('127.0.0.0/8,unix'));
    const local = tcp(path);
    local.write('PROXY TCP6 2001:db8::9 ::1 1 2\r\n');
    for (const [socket, address] of [
      [await beginning(relay.port, version1), '192\\.0\\.2\\.7'],
      [await beginning(relay.port, version2(0x21, 0x11, source)), '192\\.0\\.2\\.8'],
      [await beginning(relay.port, version2(0x20, 0, [])), '127\\.0\\.0\\.1'],
      [local, '\\[?2001:db8::9'],
    ]) {
      const ws = await joined(socket);
      ws.socket.destroy();
      await until(`the address ${address}`, () => new RegExp(`session closed .*address=${address}`).test(relay.log));
    }
  });

  test('who has to say it and does not is closed, and who has not is not believed', async (t) => {
    const relay = await start(t, ['--listen', '127.0.0.1:0'], trusting('127.0.0.1'));
    const long = `PROXY UNKNOWN ${'x'.repeat(200)}\r\n`;
    for (const bytes of [requestBytes('/healthz'), long, 'PROXY TCP4 a b c d\r\n', version2(0x21, 0x11, [1])]) {
      const connection = new Connection(await beginning(relay.port, bytes));
      await connection.closed();
      assert.equal(connection.received.length, 0);
    }
    const careful = await start(t, ['--listen', '127.0.0.1:0'], trusting('10.0.0.0/8'));
    const connection = new Connection(await beginning(careful.port, version1));
    connection.write(requestBytes('/healthz'));
    assert.equal((await connection.response()).status, 400);
  });

  test('TLS begins behind the header', async (t) => {
    const { relay, ca } = await startTls(t, '[proxy_protocol]\ntrusted = ["127.0.0.1"]');
    const socket = tls({ socket: await beginning(relay.port, version1), servername: 'localhost', ca });
    await event(socket, 'secureConnect');
    const ws = await joined(socket);
    ws.socket.destroy();
    await until('the address', () => /session closed .*address=192\.0\.2\.7/.test(relay.log));
  });
});
