// Starting where something is missing.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FANFARE_BIN, HUB } from '../lib/relay.mjs';
import { until, within } from '../lib/within.mjs';

const skip = HUB === 'reference' && 'it starts otherwise';

function run(t, program, args, options) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  t.after(() => child.kill('SIGKILL'));
  const ran = { child, text: '' };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (ran.text += bytes));
  ran.exited = new Promise((resolve) => child.on('close', (code) => resolve(code)));
  return ran;
}

describe('starting', { skip }, () => {
  test('inside a container on loopback only comes with a hint', async (t) => {
    const relay = run(t, FANFARE_BIN, ['--listen', '127.0.0.1:0'], { env: { container: 'podman' } });
    await until('the hint', () => /inside a container.*FANFARE_LISTEN=0\.0\.0\.0:3000/.test(relay.text));
  });

  test('inside a container on all addresses comes without one', async (t) => {
    const relay = run(t, FANFARE_BIN, ['--listen', '0.0.0.0:0'], { env: { container: 'podman' } });
    await until('the listening line', () => /listening on/.test(relay.text));
    relay.child.kill('SIGTERM');
    assert.equal(await within(10_000, 'end', relay.exited), 0);
    assert.doesNotMatch(relay.text, /container/);
  });

  test('with npm but without its registry goes on, soon, and says what is missing', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fanfare-test-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const makefile = fileURLToPath(new URL('../../Makefile', import.meta.url));
    // Nobody listens on the discard port; the cache is empty.
    const env = { ...process.env, npm_config_registry: 'http://127.0.0.1:9/', npm_config_cache: join(folder, 'cache') };
    const make = run(t, 'make', ['-f', makefile, 'target/client/stamp'], { cwd: folder, env });
    assert.equal(await within(30_000, 'end of make', make.exited), 0, make.text);
    assert.match(make.text, /could not be installed.*will not serve \/socket\.io\/socket\.io\.js/);
    assert.ok(!existsSync(join(folder, 'target/client/stamp')), 'the next start tries again');
  });
});
