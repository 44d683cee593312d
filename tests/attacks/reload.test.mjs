// A configuration that cannot be read to its end, and one that is asked for again and again: clients and operators are served.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { skip } from '../lib/access.mjs';
import { survives } from '../lib/bystander.mjs';
import { scrape } from '../lib/metrics.mjs';
import { ops, ready, reload } from '../lib/reload.mjs';
import { startRelay } from '../lib/relay.mjs';
import { until } from '../lib/within.mjs';

const fileOf = (relay) => readFileSync(`/proc/${relay.pid}/cmdline`, 'utf8').split('\0').find((word) => word.endsWith('.toml'));
const threads = (relay) => readdirSync(`/proc/${relay.pid}/task`).length;

describe('a reload', { skip }, () => {
  test('of a pipe that nobody writes to holds up other reloads and nothing else', { timeout: 60_000 }, async (t) => {
    const relay = await startRelay({ toml: ops });
    t.after(() => relay.kill());
    const file = fileOf(relay);
    const good = readFileSync(file);
    rmSync(file);
    execFileSync('mkfifo', [file]);
    const before = threads(relay);
    let answered = 0;
    await survives(t, relay, async () => {
      for (let n = 0; n < 600; n++) void reload(relay).then(() => (answered += 1), () => {});
      await until('all are asked', () => relay.descriptors() > 600);
      assert.ok(threads(relay) < before + 10, `${threads(relay)} threads`);
      assert.equal((await scrape(relay.opsPort)).value('fanfare_config_last_reload_success'), 1);
      assert.equal(answered, 0);
      await writeFile(file, good);
      await until('the first is done', () => answered > 0);
    }, { worstMs: 2000 });
    const { code } = await relay.stop();
    assert.equal(code, 0);
  });

  test('of a file without an end is refused', async (t) => {
    const relay = await startRelay({ toml: ops });
    t.after(() => relay.kill());
    const file = fileOf(relay);
    rmSync(file);
    symlinkSync('/dev/zero', file);
    await survives(t, relay, async () => {
      const { status, problems } = await reload(relay);
      assert.equal(status, 422);
      assert.match(problems[0], /cannot be read: it is larger than 16 MiB/);
    }, { growthMiB: 64 });
    assert.deepEqual(await ready(relay), [200, 'ready\nthe last reload was refused\n']);
  });
});
