// What a reload changes for administrators.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { again, finals, skip } from '../lib/access.mjs';
import { adminToml, administrator, credentials, loggedIn, told, uiDir } from '../lib/admin.mjs';
import { clientsOf } from '../lib/clients.mjs';
import { ops, reload, reloaded } from '../lib/reload.mjs';
import { startRelay } from '../lib/relay.mjs';
import { event } from '../lib/within.mjs';

const config = (admin, namespaces = '') => ({ toml: ops + admin + namespaces });

async function started(t, settings) {
  const relay = await startRelay(settings);
  t.after(() => relay.kill());
  return relay;
}

describe('a reload of [admin]', { skip, concurrency: 4 }, () => {
  test('sends administrators away, who come back to what holds', async (t) => {
    const relay = await started(t, config(adminToml()));
    const socket = await loggedIn(t, relay.url, credentials, again);
    const final = finals(socket);
    const { changes } = await reloaded(relay, config(adminToml('read_only = true')));
    assert.deepEqual(changes, ['admin.read_only: false -> true']);
    await told(socket, 'config', ({ supportedFeatures }) => supportedFeatures.length === 1);
    await reloaded(relay, config(adminToml('read_only = true\nmode = "development"')));
    await told(socket, 'config', ({ supportedFeatures }) => supportedFeatures.length === 2);
    assert.deepEqual(final, []);
  });

  test('ends sessions when there is another password', async (t) => {
    const relay = await started(t, config(adminToml()));
    const socket = await loggedIn(t, relay.url, credentials, again);
    const [sessionId] = await told(socket, 'session');
    await loggedIn(t, relay.url, { sessionId });
    const other = adminToml().replace('username = "admin"', 'username = "root"');
    const { changes } = await reloaded(relay, config(other));
    assert.deepEqual(changes, ['admin.username: "admin" -> "root"']);
    assert.equal((await event(socket, 'connect_error', 10_000))[0].message, 'invalid credentials');
    const [error] = await event(administrator(t, relay.url, { sessionId }), 'connect_error');
    assert.equal(error.message, 'invalid credentials');
    await loggedIn(t, relay.url, { ...credentials, username: 'root' });
  });

  test('leaves who is in alone when nothing is another for them', async (t) => {
    const relay = await started(t, config(adminToml()));
    const socket = await loggedIn(t, relay.url);
    assert.equal((await fetch(`${relay.url}/admin/`)).status, 404);
    await reloaded(relay, config(adminToml(`dir = ${JSON.stringify(uiDir)}`)));
    const page = await fetch(`${relay.url}/admin`);
    assert.deepEqual([page.status, page.url, page.headers.get('content-type')], [200, `${relay.url}/admin/`, 'text/html; charset=utf-8']);
    const script = /src="(js\/app\.[^"]+)"/.exec(await page.text())[1];
    assert.equal((await fetch(`${relay.url}/admin/${script}`)).headers.get('content-type'), 'text/javascript; charset=utf-8');
    assert.equal((await fetch(`${relay.url}/admin/${script}.map`)).status, 404);
    await told(socket, 'server_stats');
    assert.ok(socket.connected);
  });

  test('switches it on, moves it and switches it off', async (t) => {
    const relay = await started(t, config(''));
    const refused = async (namespace) => {
      const socket = administrator(t, `${relay.url}${namespace}`.replace(/\/admin$/, ''), credentials);
      return (await event(socket, 'connect_error'))[0].message;
    };
    assert.equal(await refused('/admin'), 'Invalid namespace');
    await reloaded(relay, config(adminToml()));
    const socket = await loggedIn(t, relay.url);
    const told = event(socket, 'disconnect');
    await reloaded(relay, config(adminToml('namespace = "/x/admin"')));
    assert.equal((await told)[0], 'io server disconnect');
    await loggedIn(t, `${relay.url}/x`);
    assert.equal(await refused('/admin'), 'Invalid namespace');
    await reloaded(relay, config(''));
    assert.equal(await refused('/admin'), 'Invalid namespace');
  });

  test('asks nobody any more, but looks at who was connected before: of them nobody knows yet who came through a proxy', async (t) => {
    const relay = await started(t, config(''));
    const came = async (extraHeaders) => (await clientsOf(t).connect(relay.url, { extraHeaders, transports: ['websocket'], ...again })).io;
    const [through, direct] = [await came({ 'x-forwarded-for': '203.0.113.1' }), await came({})];
    await reloaded(relay, config('[admin]\nauth = "none"\n'));
    const [throughProxy, here] = [through, direct].map((manager) => manager.socket('/admin'));
    t.after(() => [throughProxy, here].forEach((socket) => socket.disconnect()));
    const refused = event(throughProxy, 'connect_error', 10_000);
    const outcome = await Promise.race([refused.then(([error]) => error.message), event(throughProxy, 'connect', 10_000).then(() => 'let in')]);
    assert.equal(outcome, 'not through a proxy');
    if (!here.connected) await event(here, 'connect', 10_000);
    assert.equal(relay.log.match(/administrator not let in .*changed/g)?.length, 2, 'both had to come back');
  });

  test('is refused where clients would find themselves among administrators', async (t) => {
    const clients = '[[namespace]]\nname = "/"\n[[namespace]]\nname = "/admin"\n';
    const relay = await started(t, config(adminToml('namespace = "/ops"'), clients));
    const client = await clientsOf(t).connect(`${relay.url}/admin`);
    relay.configure(config(adminToml()));
    const { status, problems } = await reload(relay);
    assert.equal(status, 409);
    assert.match(problems.join(), /admin\.namespace: .* needs a restart/);
    assert.ok(client.connected);
  });
});
