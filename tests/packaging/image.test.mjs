// No container engine runs here. But what the image consists of, packaging/root.sh puts together, and that is run as an engine
// would: with nothing else to be seen, by a user without rights, and nowhere to write.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { clientsOf, received, variants } from '../lib/clients.mjs';
import { FANFARE_BIN, HUB, startFanfareBy } from '../lib/relay.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dockerfile = readFileSync(here('../../Dockerfile'), 'utf8');
const said = (line) => new RegExp(`^${line}`, 'm').exec(dockerfile)[1];
const user = said('USER (.*)');
const entrypoint = JSON.parse(said('ENTRYPOINT (.*)'));
const healthCheck = JSON.parse(said('HEALTHCHECK .* CMD (.*)'));
const isRoot = process.getuid() === 0;

describe('the image', { skip: HUB !== 'fanfare' && 'it holds no Node' }, () => {
  let root;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'fanfare-image-'));
    execFileSync(here('../../packaging/root.sh'), [FANFARE_BIN, root]);
    execFileSync('chmod', ['755', root]);
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  /** Arguments of `unshare` for a command in it. Only root can become the image's user; others stay nobody in particular. */
  const inside = (command, variables) => {
    const enter = [
      'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"',
      `exec env -i PATH="$PATH" ${variables.join(' ')} chroot ${isRoot ? `--userspec=${user} --groups=` : ''} "$0" "$@"`,
    ];
    return [...(isRoot ? [] : ['--user', '--map-root-user']), '--mount', 'sh', '-c', enter.join(' && '), root, ...command];
  };

  test('it holds the program, its libraries and two users, and nothing that runs beside it', () => {
    const files = execFileSync('find', [root, '-type', 'f', '-printf', '/%P\n'], { encoding: 'utf8' }).trim().split('\n');
    const others = files.filter((name) => !/^\/(lib|lib64|usr\/lib)\/.*\.so\.[0-9]+$/.test(name)).sort();
    assert.deepEqual(others, ['/etc/group', '/etc/passwd', '/etc/ssl/certs/ca-certificates.crt', '/fanfare']);
    assert.ok(files.length < 12, files);
  });

  test('it relays as a user without rights, in a root that nobody can write to, and says that it is healthy', async (t) => {
    const relay = await startFanfareBy('unshare', inside(entrypoint, ['FANFARE_LISTEN=127.0.0.1:0']));
    t.after(() => relay.kill());
    const status = readFileSync(`/proc/${relay.pid}/status`, 'utf8');
    if (isRoot) {
      assert.match(status, new RegExp(`^Uid:\\s+${user.split(':')[0]}\\s`, 'm'));
      assert.match(status, /^CapEff:\s+0+$/m);
    }
    assert.match(readFileSync(`/proc/${relay.pid}/mountinfo`, 'utf8'), /^\S+ \S+ \S+ \S+ \/ ro\b/m);

    for (const variant of variants.slice(0, 2)) {
      const client = await clientsOf(t, variant).connect(relay.url);
      const echo = received(client, 'update');
      client.emit('update', 'in the image');
      assert.deepEqual(await echo, ['in the image']);
      client.disconnect();
    }

    // As Docker asks: in the same environment, with its address for all.
    const asked = (port) => spawnSync('unshare', inside(healthCheck, [`FANFARE_LISTEN=0.0.0.0:${port}`]), { encoding: 'utf8' });
    const { status: code, stderr } = asked(relay.port);
    assert.equal(code, 0, stderr);
    const { code: end } = await relay.stop();
    assert.equal(end, 0);
    assert.equal(asked(relay.port).status, 1);
  });

  test('it finds others by their names', () => {
    writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 relay.internal\n'); // as an engine does
    // Nobody is there, but that is known only once the name is an address.
    const { status, stderr } = spawnSync('unshare', inside(['/fanfare', 'health', 'http://relay.internal:1'], []), { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /refused/);
  });

  test('what the Dockerfile names is there', () => {
    assert.ok(existsSync(join(root, entrypoint[0])));
    assert.equal(entrypoint[0], healthCheck[0]);
    assert.match(dockerfile, /packaging\/root\.sh target\/release\/fanfare/);
  });
});
