// systemd itself does not run here: what its units say is read by systemd's own tools.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { clientsOf, variants } from '../lib/clients.mjs';
import { freePort } from '../lib/ports.mjs';
import { open } from '../lib/raw-http.mjs';
import { FANFARE_BIN, HUB, startRelay } from '../lib/relay.mjs';
import { event, until } from '../lib/within.mjs';

const units = fileURLToPath(new URL('../../docs/examples/systemd/', import.meta.url));

describe('the systemd units', { skip: HUB !== 'fanfare' && 'they start no Node' }, () => {
  let folder;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'fanfare-units-'));
    for (const name of ['fanfare.service', 'fanfare.socket']) {
      writeFileSync(join(folder, name), readFileSync(units + name, 'utf8').replaceAll('/usr/local/bin/fanfare', FANFARE_BIN));
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('systemd has nothing to say against them', () => {
    const files = ['fanfare.service', 'fanfare.socket'].map((name) => join(folder, name));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...files], { encoding: 'utf8' });
    assert.deepEqual({ status, said: stdout + stderr }, { status: 0, said: '' });
  });

  test('they leave little that the relay could do', () => {
    const said = execFileSync('systemd-analyze', ['security', '--offline=yes', join(folder, 'fanfare.service')], { encoding: 'utf8' });
    const exposure = Number(/exposure level for fanfare\.service: ([0-9.]+)/.exec(said)[1]);
    assert.ok(exposure <= 1.5, said);
  });

  test('a relay says when it serves, that it still does, and how long its end may take', async (t) => {
    const socket = join(folder, 'notify');
    const script = `
import os, socket, sys
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(sys.argv[1])
print('bound', flush=True)
while True:
    print(heard.recv(4096).decode(), flush=True)
`;
    const listener = spawn('python3', ['-c', script, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => listener.kill('SIGKILL'));
    let said = '';
    listener.stdout.on('data', (bytes) => (said += bytes));
    await until('a socket', () => said.includes('bound'));
    const drain = { waitS: 0, spreadS: 1, deadlineS: 7 };
    const relay = await startRelay({ drain }, { env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '300000' } });
    t.after(() => relay.kill());
    await until('it serves', () => /^READY=1$/m.test(said));
    await until('it still does', () => said.match(/^WATCHDOG=1$/gm)?.length > 2);
    assert.doesNotMatch(said, /STOPPING|RELOADING/);
    relay.child.kill('SIGHUP');
    await until('it has reloaded', () => /^RELOADING=1\nMONOTONIC_USEC=\d+$[^]*^READY=1$/m.test(said));
    assert.equal((await relay.stop()).code, 0);
    await until('it stops', () => /^STOPPING=1\nEXTEND_TIMEOUT_USEC=12000000$/m.test(said));
  });

  test('a relay takes the socket that it is started with', async (t) => {
    const listen = ['--listen', 'systemd:0'];
    if (/expected an IP address/.test(spawnSync(FANFARE_BIN, ['check', ...listen], { encoding: 'utf8' }).stderr)) {
      return t.skip('this relay takes no socket yet');
    }
    const port = await freePort();
    const activate = ['--listen', `127.0.0.1:${port}`, FANFARE_BIN, ...listen];
    const relay = spawn('systemd-socket-activate', activate, { stdio: 'ignore' });
    t.after(async () => {
      const gone = event(relay, 'exit');
      relay.kill('SIGKILL');
      await gone;
    });
    await until('the port is open', () => open(port).then((connection) => (connection.destroy(), true), () => false));
    await clientsOf(t, variants[0]).connect(`http://127.0.0.1:${port}`);
  });
});
