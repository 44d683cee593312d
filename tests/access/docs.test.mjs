// docs/access.md: every configuration in it is valid, and what it promises of them is so.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { asked, outcome, skip } from '../lib/access.mjs';
import { clientsOf, recorded, settled, variants } from '../lib/clients.mjs';
import { fanfare, startRelay } from '../lib/relay.mjs';
import { claimsOf, hsKeyOf, signed } from '../lib/tokens.mjs';
import { event, until } from '../lib/within.mjs';

const docs = readFileSync(new URL('../../docs/access.md', import.meta.url), 'utf8');
const blocks = (language) => docs.split(`\n\`\`\`${language}\n`).slice(1).map((rest) => rest.split('\n```')[0]);
const configs = blocks('toml');
const files = { 'doc-change.json': blocks('json')[0] };
const secret = 'a secret of thirty-two characters';
const env = { TOKEN_SECRET: secret, FANFARE_WEBHOOK_SECRET: 'another secret of thirty-two letters' };
const having = (text) => configs.find((config) => config.includes(text));
const token = (claims) => signed(hsKeyOf(secret), claimsOf({ iss: 'https://app.example.com', ...claims }));

async function relayOf(t, toml) {
  const relay = await startRelay({ toml, files }, { env });
  t.after(() => relay.kill());
  return relay;
}

describe('the page about access', { skip, concurrency: 2 }, () => {
  for (const [i, config] of configs.entries()) {
    test(`has a valid configuration, number ${i + 1}`, async () => {
      const { code, stderr } = await fanfare(['check', '--listen', '127.0.0.1:0'], { toml: config, files }, { env });
      assert.equal(code, 0, `${stderr}in\n${config}`);
      assert.equal(/warning/.test(stderr), config.includes('required') && config.includes('to = "all"'), stderr);
    });
  }

  test('gets two accounts that do not hear each other', async (t) => {
    const relay = await relayOf(t, having('"settings"'));
    const { connect } = clientsOf(t);
    const [seven, also, eight] = await Promise.all([['1', '7'], ['2', '7'], ['3', '8']].map(([sub, account]) => connect(relay.url, { auth: { token: token({ sub, account }) } })));
    const heard = [seven, also, eight].map(recorded);
    assert.equal((await asked(seven, 'update', 1)).recipients, 2);
    for (const client of [seven, also, eight]) await settled(client, 'settings');
    assert.deepEqual(heard.map((events) => events.filter(([name]) => name === 'update').length), [1, 1, 0]);
    assert.notEqual(await outcome(t, variants[0], relay.url, { auth: { token: token({ account: undefined }) } }), 'in');
  });

  test('answers what it says of documents', async (t) => {
    const relay = await relayOf(t, having('doc:change'));
    const client = await clientsOf(t).connect(relay.url, { auth: { token: token({ account: '7' }) } });
    assert.equal((await asked(client, 'room:join', 'doc:7:report')).status, 'ok');
    assert.equal((await asked(client, 'room:join', 'doc:8:report')).code, 'forbidden');
    assert.equal((await asked(client, 'doc:change', { docId: 'report', text: '…' })).status, 'ok');
    const { code, path } = await asked(client, 'doc:change', { docId: 'report', text: 7 });
    assert.deepEqual([code, path], ['invalid', '/0/text']);
  });

  test('has a webhook that works', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fanfare-test-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'socket-auth.mjs'), blocks('js').find((code) => code.startsWith('// socket-auth.mjs')));
    writeFileSync(join(folder, 'sessions.mjs'), `export const sessionOf = async (cookie) =>
      cookie === 'sid=1' ? { user: '1', account: '7', expiresAt: ${Math.floor(Date.now() / 1000) + 600} } : undefined;`);
    const port = await unusedPort();
    const application = spawn(process.execPath, [join(folder, 'socket-auth.mjs')], { env: { ...process.env, ...env, PORT: port }, stdio: 'inherit' });
    t.after(() => application.kill('SIGKILL'));
    await until('the application', () => fetch(`http://127.0.0.1:${port}`).then(({ status }) => status === 401, () => false));
    const relay = await relayOf(t, having('[auth.webhook]').replace('8080', port));
    const [variant] = variants;
    assert.equal(await outcome(t, variant, relay.url, { extraHeaders: { cookie: 'sid=1' } }), 'in');
    assert.deepEqual(await outcome(t, variant, relay.url, {}), { message: 'unauthorized', data: { code: 'logged_out' } });
  });
});

async function unusedPort() {
  const server = createServer().listen(0, '127.0.0.1');
  await event(server, 'listening');
  const { port } = server.address();
  server.close();
  await event(server, 'close');
  return port;
}
