// What a reload changes for those who are connected, by the official client; and what it refuses.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asked, skip } from '../lib/access.mjs';
import { clientsOf, received, recorded, settled, variants } from '../lib/clients.mjs';
import { scrape } from '../lib/metrics.mjs';
import { request } from '../lib/raw-http.mjs';
import { ops, ready, reload, reloaded } from '../lib/reload.mjs';
import { startRelay } from '../lib/relay.mjs';
import { hsIssuer, keyPair, secretEnv, sha256, signed, claimsOf, token } from '../lib/tokens.mjs';
import { event, until } from '../lib/within.mjs';

const rule = (on, more = '') => `[[namespace.rule]]\non = "${on}"\n${more}\n`;
const root = (rules, more = '') => `[[namespace]]\nname = "/"\n${more}\n${rules}`;
const limits = (rate) => `[limits.client]\nevents_per_s = ${rate}\nevents_burst = ${rate}\nover = "refuse"\n`;

async function started(t, settings, options) {
  const relay = await startRelay(settings, options);
  t.after(() => relay.kill());
  return relay;
}

describe('a reload', { skip, concurrency: 4 }, () => {
  test('is not for web pages, nor is what holds', async (t) => {
    const relay = await started(t, { toml: ops });
    const port = relay.opsPort;
    const asked = async (method, path, headers) => (await request(port, path, { method, headers })).status;
    for (const origin of ['null', 'https://a.example', `http://127.0.0.1:${port}`]) {
      assert.equal(await asked('POST', '/reload', { origin }), 403, origin);
    }
    // A page of this name asks its own origin, and names none.
    for (const host of [`a.example:${port}`, `127.0.0.1.a.example:${port}`]) {
      for (const [method, path] of [['POST', '/reload'], ['GET', '/config'], ['GET', '/metrics'], ['DELETE', '/drain']]) {
        assert.equal(await asked(method, path, { host }), 403, `${path} of ${host}`);
      }
      assert.equal(await asked('GET', '/readyz', { host }), 200);
    }
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `host.docker.internal:${port}`, 'relay.example.com']) {
      assert.equal(await asked('POST', '/reload', { host }), 200, host);
    }
    const env = { OPS_TOKEN: 'sesame' };
    const locked = await started(t, { toml: `${ops}token_env = "OPS_TOKEN"\n` }, { env });
    const headers = { authorization: 'Bearer sesame', host: `a.example:${locked.opsPort}` };
    assert.equal((await request(locked.opsPort, '/config', { headers })).status, 200);
  });

  for (const variant of variants) {
    test(`changes rules for who is connected: ${variant.title}`, async (t) => {
      const relay = await started(t, { toml: ops + root(rule('x', 'emit = "one"')) });
      const client = await clientsOf(t, variant).connect(relay.url);
      const lost = [];
      client.on('disconnect', (why) => lost.push(why));
      client.emit('x', 1);
      assert.deepEqual(await received(client, 'one'), [1]);
      const { changes } = await reloaded(relay, { toml: ops + root(rule('x', 'emit = "two"') + rule('y')) });
      assert.deepEqual(changes, ['namespace."/".rule."x".emit: "one" -> "two"', 'namespace."/".rule."y".to: none -> "all"']);
      client.emit('x', 2);
      assert.deepEqual(await received(client, 'two'), [2]);
      assert.equal((await asked(client, 'y')).recipients, 1);
      await reloaded(relay, { toml: ops + root(rule('y')) });
      assert.equal((await asked(client, 'x')).code, 'unknown_event');
      // Nobody is left for whom it was a rule.
      await until('x is gone', async () => !(await scrape(relay.opsPort)).text.includes('rule="x"'));
      assert.equal((await scrape(relay.opsPort)).value('fanfare_events_total', 'namespace="/",rule="y"'), 1, 'counts outlive a reload');
      assert.deepEqual(lost, []);
    });
  }

  test('has limits hold at once, and lets go who is held', async (t) => {
    const config = (rate) => ({ toml: ops + limits(rate) + root(rule('x')) });
    const relay = await started(t, config(1000));
    const client = await clientsOf(t).connect(relay.url);
    const most = async (count) => {
      const all = await Promise.all(Array.from({ length: count }, () => asked(client, 'x')));
      return all.filter(({ status }) => status === 'ok').length;
    };
    assert.equal(await most(20), 20);
    const { changes } = await reloaded(relay, config(2));
    assert.deepEqual(changes, ['limits.client.events_per_s: 1000 -> 2', 'limits.client.events_burst: 1000 -> 2']);
    assert.ok((await most(10)) <= 3);
    await reloaded(relay, config(1000));
    assert.equal(await most(20), 20);

    const slow = (rate) => ({ toml: ops + limits(rate).replace('refuse', 'slow') + root(rule('x')) });
    await reloaded(relay, slow(1));
    const late = most(100);
    await reloaded(relay, slow(100_000));
    assert.equal(await late, 100, 'well within the time of 100 at one a second');
  });

  test('changes which pages may connect', async (t) => {
    const config = (origin) => ({ toml: `${ops}[cors]\norigins = ["${origin}"]\n${root(rule('x'))}` });
    const relay = await started(t, config('https://one.test'));
    const asks = async (origin) => (await fetch(`${relay.url}/socket.io/?EIO=4&transport=polling`, { headers: { origin } })).status;
    assert.deepEqual([await asks('https://one.test'), await asks('https://two.test')], [200, 403]);
    await reloaded(relay, config('https://two.test'));
    assert.deepEqual([await asks('https://one.test'), await asks('https://two.test')], [403, 200]);
  });

  test('reads keys, schemas and tokens anew, though they are named as before', async (t) => {
    const [one, two] = [keyPair('ES256', 'one'), keyPair('ES256', 'two')];
    const schema = (type) => JSON.stringify({ type });
    const toml = `${ops}[[auth.issuer]]\niss = "https://idp.test"\npublic_key_file = "key.pem"\nalgorithms = ["ES256"]\naudience = ["*"]\n`
      + root(rule('x', 'schema = ["schema.json"]'), 'auth = "required"');
    const config = (key, type) => ({ toml, files: { 'key.pem': key.pem, 'schema.json': schema(type) } });
    const relay = await started(t, config(one, 'string'));
    const { start, connect } = clientsOf(t);
    const by = (key) => ({ auth: { token: signed({ ...key, kid: undefined }, claimsOf()) } });
    const early = await connect(relay.url, by(one));
    assert.equal((await asked(early, 'x', 'a text')).status, 'ok');
    const { changes } = await reloaded(relay, config(two, 'number'));
    assert.equal(changes.length, 2);
    assert.ok(changes.every((change) => change.endsWith(': (changed)')), changes.join());
    assert.equal((await asked(early, 'x', 'a text')).code, 'invalid', 'another schema');
    assert.equal((await asked(early, 'x', 1)).status, 'ok', 'whoever is in stays');
    await connect(relay.url, by(two));
    const [error] = await event(start(relay.url, by(one)), 'connect_error');
    assert.equal(error.message, 'unauthorized');
    assert.doesNotMatch(relay.log, new RegExp(two.pem.split('\n')[1].slice(0, 30)));
  });

  test('has rooms follow the rules', async (t) => {
    const config = (rooms) => ({ toml: ops + hsIssuer + root(rule('a', 'to = { room = "a:{claims.account}" }') + rule('b', 'to = { room = "b:{claims.sub}" }'), `auth = "required"\nrooms = ${rooms}`) });
    const relay = await started(t, config('["a:{claims.account}"]'), { env: secretEnv });
    const { connect } = clientsOf(t);
    const [one, two] = [await connect(relay.url, { auth: { token: token({ sub: '1' }) } }), await connect(relay.url, { auth: { token: token({ sub: '2' }) } })];
    const reached = async () => [(await asked(one, 'a')).recipients, (await asked(one, 'b')).recipients];
    assert.deepEqual(await reached(), [2, 0]);
    await reloaded(relay, config('["a:{claims.account}", "b:{claims.sub}"]'));
    await until('both have moved over', async () => JSON.stringify(await reached()) === '[2,1]');
    // Also who does nothing.
    await reloaded(relay, config('["b:{claims.sub}"]'));
    await until('both have moved over', async () => JSON.stringify(await reached()) === '[0,1]');
    assert.equal((await asked(two, 'b')).recipients, 1);
  });

  test('removes a namespace over the spread, and adds one', async (t) => {
    const config = (names, spread = 2) => ({
      drain: { waitS: 0, spreadS: spread, deadlineS: 30 },
      toml: ops + names.map((name) => `[[namespace]]\nname = "${name}"\n${rule('x')}`).join(''),
    });
    const relay = await started(t, config(['/', '/old']));
    const { connectMany, connect, start } = clientsOf(t);
    const old = await connectMany(10, `${relay.url}/old`);
    const stays = await connect(relay.url);
    const ends = Promise.all(old.map(async (client) => [(await event(client, 'disconnect', 15_000))[0], performance.now()]));
    const from = performance.now();
    await reloaded(relay, config(['/', '/new']));
    await connect(`${relay.url}/new`);
    const [error] = await event(start(`${relay.url}/old`), 'connect_error');
    assert.equal(error.message, 'Invalid namespace');
    const all = await ends;
    assert.deepEqual(new Set(all.map(([why]) => why)), new Set(['io server disconnect']));
    const times = all.map(([, at]) => at - from);
    assert.ok(Math.max(...times) > 1000 && Math.max(...times) < 8000, `${times}`);
    assert.equal((await asked(stays, 'x')).recipients, 1);
  });

  test('of a namespace that is taken back has those stay who are still in it', async (t) => {
    const config = (names) => ({
      drain: { waitS: 0, spreadS: 60, deadlineS: 90 },
      toml: ops + names.map((name) => `[[namespace]]\nname = "${name}"\n${rule('x')}`).join(''),
    });
    const relay = await started(t, config(['/', '/old']));
    const clients = await clientsOf(t).connectMany(10, `${relay.url}/old`);
    const gone = [];
    clients.forEach((client) => client.on('disconnect', () => gone.push(client)));
    await reloaded(relay, config(['/']));
    await until('the first is sent away', () => gone.length > 0);
    await reloaded(relay, config(['/', '/old']));
    const [stays] = clients.filter((client) => !gone.includes(client));
    assert.equal((await asked(stays, 'x')).recipients, 10 - gone.length);
    assert.ok(gone.length < 3, `${gone.length} are gone`);
  });

  test('is by SIGHUP what it is by POST', async (t) => {
    const relay = await started(t, { toml: ops + root(rule('x', 'emit = "one"')) });
    const client = await clientsOf(t).connect(relay.url);
    const changed = { toml: ops + root(rule('x', 'emit = "two"')) };
    const { changes } = await reloaded(relay, changed);
    assert.deepEqual((await reload(relay)).changes, [], 'nothing is other');
    relay.configure({ toml: ops + root(rule('x', 'emit = "one"')) });
    relay.child.kill('SIGHUP');
    const back = 'namespace."/".rule."x".emit: "two" -> "one"';
    await until('the log says so', () => relay.log.includes(back.replaceAll('"', '\\"')) || relay.log.includes(back));
    assert.deepEqual(changes, ['namespace."/".rule."x".emit: "one" -> "two"']);
    client.emit('x', 1);
    assert.deepEqual(await received(client, 'one'), [1]);
    relay.configure({ toml: 'nonsense' });
    relay.child.kill('SIGHUP');
    await until('readiness says so', async () => (await ready(relay))[1] === 'ready\nthe last reload was refused\n');
  });

  test('changes what is logged', async (t) => {
    const config = (filter) => ({ toml: `${ops}[log]\nfilter = "${filter}"\n${root(rule('x'))}` });
    const relay = await started(t, config('info'));
    const client = await clientsOf(t).connect(relay.url);
    await asked(client, 'unknown');
    assert.doesNotMatch(relay.log, /event refused/);
    await reloaded(relay, config('debug'));
    await asked(client, 'unknown');
    await until('it is logged', () => /event refused/.test(relay.log));
  });
});

describe('a reload of what is wrong', { skip, concurrency: 4 }, () => {
  const good = ops + root(rule('x', 'schema = ["schema.json"]'));
  const files = { 'schema.json': '{"type":"string"}' };
  const issuer = '[[auth.issuer]]\niss = "i"\npublic_key_file = "key.pem"\nalgorithms = ["ES256"]\naudience = ["*"]\n';
  const broken = {
    'no TOML': [{ toml: `${good}\n[[` }, /relay\.toml:\d+/],
    'an unknown key': [{ toml: `${good}\nnonsense = 1`, files }, /namespace\.rule\.nonsense|nonsense/],
    'a schema that is none': [{ toml: good, files: { 'schema.json': '{"type":7}' } }, /schema/],
    'a schema that is away': [{ toml: good.replace('schema.json', 'none.json'), files }, /none\.json/],
    'a key that is none': [{ toml: good + issuer, files: { ...files, 'key.pem': 'nonsense' } }, /public_key_file/],
    'a variable that is not set': [{ toml: `${good}${issuer.replace('public_key_file = "key.pem"', 'secret_env = "NOT_SET"')}`, files }, /NOT_SET/],
    'two rules for one event': [{ toml: good + rule('x'), files }, /"x"/],
    'a limit that is none': [{ toml: `[limits.client]\nevents_per_s = -1\n${good}`, files }, /limits\.client\.events_per_s/],
  };
  test('keeps the old and names it', async (t) => {
    const relay = await started(t, { toml: good, files });
    const client = await clientsOf(t).connect(relay.url);
    assert.deepEqual(await ready(relay), [200, 'ready\n']);
    for (const [kind, [settings, named]] of Object.entries(broken)) {
      relay.configure(settings);
      const { status, problems } = await reload(relay);
      assert.equal(status, 422, kind);
      assert.match(problems.join('\n'), named, kind);
      assert.deepEqual(await ready(relay), [200, 'ready\nthe last reload was refused\n'], kind);
      const page = await scrape(relay.opsPort);
      assert.equal(page.value('fanfare_config_last_reload_success'), 0);
      assert.ok(Math.abs(page.value('fanfare_config_last_reload_timestamp_seconds') - Date.now() / 1000) < 10);
      assert.equal((await asked(client, 'x', 'a text')).status, 'ok', kind);
      assert.equal((await asked(client, 'x', 7)).code, 'invalid', kind);
    }
    await reloaded(relay, { toml: good, files });
    assert.deepEqual(await ready(relay), [200, 'ready\n']);
    assert.equal((await scrape(relay.opsPort)).value('fanfare_config_last_reload_success'), 1);
  });

  test('that cannot change while it runs names it, whatever else is other', async (t) => {
    const relay = await started(t, { toml: ops + root(rule('x')) });
    const client = await clientsOf(t).connect(relay.url);
    const others = {
      path: { path: '/elsewhere/' },
      'ops.listen': { toml: ops.replace('127.0.0.1:0', '127.0.0.2:0') + root(rule('x')) },
      'log.format': { toml: `[log]\nformat = "json"\n${ops}${root(rule('x'))}` },
      'proxy_protocol.trusted': { toml: `[proxy_protocol]\ntrusted = ["127.0.0.1"]\n${ops}${root(rule('x'))}` },
      'engine.http_keep_alive_ms': { httpKeepAliveMs: 1234, toml: ops + root(rule('x')) },
    };
    for (const [key, settings] of Object.entries(others)) {
      const more = { toml: ops + root(rule('x')), ...settings };
      relay.configure({ ...more, toml: more.toml.replace('on = "x"', 'on = "other"') });
      const { status, problems } = await reload(relay);
      assert.equal(status, 409, key);
      assert.ok(problems.some((problem) => problem.startsWith(`${key}: `)), `${key}: ${problems}`);
      assert.equal((await asked(client, 'x')).status, 'ok', key);
    }
  });

  test('is nobody else\'s to ask for', async (t) => {
    const relay = await started(t, { toml: `${ops}token_env = "OPS"\n${root(rule('x'))}` }, { env: { OPS: 'sesame' } });
    assert.equal((await reload(relay).catch(() => ({ status: 0 }))).status, 401);
    const bearer = { authorization: 'Bearer sesame' };
    assert.equal((await reload(relay, bearer)).status, 200);
    const page = await fetch(`http://127.0.0.1:${relay.opsPort}/reload`, { method: 'POST', headers: { ...bearer, origin: 'https://evil.test' } });
    assert.equal(page.status, 403);
  });
});

describe('whoever is not vouched for any more', { skip, concurrency: 4 }, () => {
  const device = 'a device with a long secret of its own';
  const staticToken = (text) => `[[auth.token]]\nsha256 = "${sha256(text)}"\nclaims = { sub = "sensor", account = "7" }\n`;
  const open = (who, auth = 'required') => ({ toml: `${ops}[auth]\ngrace_s = 2\n${who}${root(rule('x'), `auth = "${auth}"`)}` });

  test('goes within the grace and is judged when it is back: an issuer, one static token', async (t) => {
    const both = hsIssuer + staticToken(device) + staticToken('another');
    const relay = await started(t, open(both), { env: secretEnv });
    const { connect } = clientsOf(t);
    const comesBack = { reconnection: true, reconnectionDelay: 100 };
    const by = { issuer: token(), device, another: 'another' };
    for (const [gone, left] of [['issuer', staticToken(device) + staticToken('another')], ['device', hsIssuer + staticToken('another')]]) {
      await reloaded(relay, open(both));
      const clients = Object.fromEntries(await Promise.all(Object.entries(by).map(async ([who, auth]) => [who, await connect(relay.url, { ...comesBack, auth: { token: auth } })])));
      const said = Object.fromEntries(Object.entries(clients).map(([who, client]) => [who, (client.on('disconnect', (why) => said[who].push(why)), [])]));
      const refused = event(clients[gone], 'connect_error', 20_000);
      await reloaded(relay, open(left));
      assert.equal((await asked(clients[gone], 'x').catch(() => ({ status: 'ok' }))).status, 'ok', 'until it goes nothing changes');
      const [error] = await refused;
      assert.deepEqual(error.data, { code: 'token_invalid' });
      assert.ok(!said[gone].includes('io server disconnect'), said[gone].join());
      for (const who of Object.keys(by).filter((who) => who !== gone)) {
        assert.deepEqual(said[who], [], who);
        clients[who].disconnect();
      }
      clients[gone].disconnect();
    }
  });

  test('goes within the grace from a namespace that goes, too', async (t) => {
    const config = (issuer, name) => ({
      drain: { waitS: 0, spreadS: 600, deadlineS: 700 },
      toml: `${ops}[auth]\ngrace_s = 2\n${issuer}[[namespace]]\nname = "/"\n${rule('x')}[[namespace]]\nname = "${name}"\nauth = "optional"\n${rule('x')}`,
    });
    const relay = await started(t, config(hsIssuer, '/old'), { env: secretEnv });
    const clients = await clientsOf(t).connectMany(3, `${relay.url}/old`, { auth: { token: token() }, reconnection: false });
    const reasons = Promise.all(clients.map((client) => event(client, 'disconnect', 15_000)));
    await reloaded(relay, config(staticToken(device), '/new'));
    const all = (await reasons).map(([why]) => why);
    assert.ok(all.filter((why) => why === 'transport close').length >= 2, `but for the first, which is told at once: ${all}`);
  });

  test('stays if it is back in time', async (t) => {
    const relay = await started(t, { toml: open(hsIssuer).toml.replace('grace_s = 2', 'grace_s = 3600') }, { env: secretEnv });
    const client = await clientsOf(t).connect(relay.url, { auth: { token: token() } });
    const lost = [];
    client.on('disconnect', (why) => lost.push(why));
    await reloaded(relay, { toml: open(staticToken(device)).toml.replace('grace_s = 2', 'grace_s = 3600') });
    assert.equal((await asked(client, 'x')).status, 'ok');
    await reloaded(relay, open(hsIssuer));
    assert.equal((await asked(client, 'x')).status, 'ok');
    await settled(client, 'x');
    assert.deepEqual(lost, []);
  });

  test('is not refused for what was not kept of its handshake: it comes back with it', async (t) => {
    const config = (from, rest) => ({ toml: `${ops}[auth]\ntoken_from = ["${from}"]\n${hsIssuer}${root(rule('x'))}${rest}` });
    const admin = `[[namespace]]\nname = "/admin"\nauth = "required"\n${rule('x')}`;
    const relay = await started(t, config('auth.token', admin), { env: secretEnv });
    const extraHeaders = { authorization: `Bearer ${token()}` };
    const client = await clientsOf(t).connect(relay.url, { extraHeaders, reconnection: true, reconnectionDelay: 100 });
    await reloaded(relay, config('header:authorization', admin));
    const inside = client.io.socket('/admin');
    const refused = [];
    inside.on('connect_error', ({ message }) => refused.push(message));
    t.after(() => inside.disconnect());
    inside.connect();
    await event(inside, 'connect', 10_000);
    assert.deepEqual(refused, []);
    assert.equal((await asked(inside, 'x')).recipients, 1);
  });

  test('goes where a namespace wants to know from now on', async (t) => {
    const relay = await started(t, open(hsIssuer, 'optional'), { env: secretEnv });
    const { connect } = clientsOf(t);
    const [known, unknown] = [await connect(relay.url, { auth: { token: token() } }), await connect(relay.url, { reconnection: true, reconnectionDelay: 100 })];
    const heard = recorded(known);
    const lost = [];
    known.on('disconnect', (why) => lost.push(why));
    const refused = event(unknown, 'connect_error', 20_000);
    await reloaded(relay, open(hsIssuer));
    assert.deepEqual((await refused)[0].data, { code: 'token_invalid' });
    assert.equal((await asked(known, 'x')).recipients, 1);
    assert.equal(heard.length, 1);
    assert.deepEqual(lost, []);
  });
});
