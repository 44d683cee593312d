// The Admin UI's wire: what the page is told and may ask for, beside the reference's own server part.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import WebSocket from 'ws';
import { asked, skip } from '../lib/access.mjs';
import { adminToml, administrator, credentials, instrumented, loggedIn, told } from '../lib/admin.mjs';
import { clientsOf, received } from '../lib/clients.mjs';
import { ops } from '../lib/reload.mjs';
import { scrape } from '../lib/metrics.mjs';
import { startRelay } from '../lib/relay.mjs';
import { event, until } from '../lib/within.mjs';

const all = ['EMIT', 'JOIN', 'LEAVE', 'DISCONNECT', 'MJOIN', 'MLEAVE', 'MDISCONNECT'];
const namespaces = '[[namespace]]\nname = "/"\n[[namespace]]\nname = "/chat"\n';

async function started(t, more = '', before = '') {
  const relay = await startRelay({ toml: before + ops + adminToml(more) + namespaces });
  t.after(() => relay.kill());
  return relay;
}

/** A relay and the reference, both with an Admin UI: [[name, url]]. */
async function both(t, toml, options) {
  const [relay, reference] = await Promise.all([started(t, toml), instrumented(t, options)]);
  return [['fanfare', relay.url], ['reference', reference.url]];
}

const refusal = async (t, url, auth) => (await event(administrator(t, url, auth), 'connect_error'))[0].message;

describe('an administrator', { skip, concurrency: 4 }, () => {
  test('comes in by a name and a password, and by nothing else', async (t) => {
    for (const [name, url] of await both(t)) {
      await loggedIn(t, url);
      for (const auth of [{}, { ...credentials, password: 'wrong' }, { ...credentials, username: 'root' }, { sessionId: 'x' },
        { sessionId: '' }, { ...credentials, password: 'Secret' }, { sessionId: null },
      ]) {
        assert.equal(await refusal(t, url, auth), 'invalid credentials', `${name} ${JSON.stringify(auth)}`);
      }
    }
  });

  test('is not brought down by what is no text', async (t) => {
    const { url } = await started(t); // The reference's bcryptjs throws, and its process ends.
    for (const auth of [{ username: 1, password: 2 }, { ...credentials, password: ['secret'] }, { sessionId: { a: 1 } }, { username: 'admin', password: null }, { username: 'admin' }]) {
      assert.equal(await refusal(t, url, auth), 'invalid credentials', JSON.stringify(auth));
    }
    await loggedIn(t, url);
  });

  test('comes back by its session, which the page hears of, and which nobody else has', async (t) => {
    const { url } = await started(t);
    const socket = administrator(t, url);
    socket.offAny();
    // As the page does: it listens once it is connected, and so never hears what the reference says before that.
    const id = await new Promise((resolve) => socket.once('connect', () => socket.once('session', resolve)));
    assert.match(id, /^[0-9a-f]{32}$/);
    const again = await loggedIn(t, url, { sessionId: id });
    assert.equal(again.told.session, undefined);
    assert.equal(await refusal(t, url, { sessionId: id.replace(/./, (digit) => (digit === '0' ? '1' : '0')) }), 'invalid credentials');
  });

  for (const [mode, events] of [['production', ['AGGREGATED_EVENTS']], ['development', ['AGGREGATED_EVENTS', 'ALL_EVENTS']]]) {
    for (const readonly of [false, true]) {
      test(`is told what there is in ${mode}, ${readonly ? 'reading only' : 'with commands'}`, async (t) => {
        for (const [name, url] of await both(t, `mode = "${mode}"\nread_only = ${readonly}`, { mode, readonly })) {
          const [config] = (await loggedIn(t, url)).told.config[0];
          assert.deepEqual(config, { supportedFeatures: [...(readonly ? [] : all), ...events] }, name);
        }
      });
    }
  }

  test('hears every two seconds of what happened since, in the same words', async (t) => {
    for (const [name, url] of await both(t, 'server_id = "one"', { serverId: 'one' })) {
      const socket = await loggedIn(t, url);
      await told(socket, 'server_stats');
      const clients = clientsOf(t);
      const [polling, websocket] = await Promise.all([
        clients.connect(url, { transports: ['polling'] }), clients.connect(url, { transports: ['websocket'] }),
      ]);
      const heard = Promise.all([received(polling, 'x'), received(websocket, 'x')]);
      websocket.emit('x', 'y'.repeat(1000));
      await heard;
      const [stats] = await told(socket, 'server_stats', (stats) => stats.clientsCount === 3);
      const { serverId, hostname, pid, uptime, pollingClientsCount } = stats;
      assert.deepEqual({ serverId, pollingClientsCount }, { serverId: 'one', pollingClientsCount: 1 }, name);
      assert.ok(typeof hostname === 'string' && Number.isInteger(pid) && uptime > 0, name);
      const counts = Object.fromEntries(stats.namespaces.map((namespace) => [namespace.name, namespace.socketsCount]));
      assert.deepEqual([counts['/'], counts['/admin']], [2, 1], name);
      polling.disconnect();
      const sum = (type) => socket.told.server_stats.flatMap(([{ aggregatedEvents }]) => aggregatedEvents)
        .filter((event) => event.type === type).reduce((sum, { count }) => sum + count, 0);
      await until(`the end of a connection at the ${name}`, () => sum('rawDisconnection') >= 1);
      assert.ok(sum('rawConnection') >= 2 && sum('packetsIn') >= 1 && sum('packetsOut') >= 2, name);
      assert.ok(sum('bytesIn') >= 1000 && sum('bytesOut') >= 2000, name);
      for (const [{ aggregatedEvents }] of socket.told.server_stats) {
        for (const { timestamp, type, subType, count } of aggregatedEvents) {
          assert.ok(timestamp % 1000 === 0 && Math.abs(Date.now() - timestamp) < 60_000 && count > 0, name);
          assert.equal(typeof subType, type === 'rawDisconnection' ? 'string' : 'undefined', name);
        }
      }
    }
  });

  test('emits to all, to a room and to one, with whatever arguments', async (t) => {
    for (const [name, url] of await both(t)) {
      const socket = await loggedIn(t, url);
      const [one, two] = await clientsOf(t).connectMany(2, url);
      socket.emit('join', '/', 'r', one.id);
      socket.emit('emit', '/', null, 'x', 1, { a: [true, 'é'] }, Buffer.from('bytes'));
      const args = [1, { a: [true, 'é'] }, Buffer.from('bytes')];
      assert.deepEqual(await Promise.all([received(one, 'x'), received(two, 'x')]), [args, args], name);
      const others = event(two, 'y', 600).then(() => true, () => false);
      socket.emit('emit', '/', 'r', 'y', name);
      assert.deepEqual(await received(one, 'y'), [name]);
      socket.emit('emit', '/', two.id, 'z');
      assert.deepEqual(await received(two, 'z'), []);
      assert.equal(await others, false, name);
    }
  });

  test('lets all, a room, or one join and leave', async (t) => {
    for (const [name, url] of await both(t)) {
      const socket = await loggedIn(t, url);
      const clients = await clientsOf(t).connectMany(3, url);
      const heard = async (room) => {
        const all = clients.map(() => 0);
        clients.forEach((client, index) => client.once(`to ${room}`, () => (all[index] = 1)));
        const last = clients.map((client) => received(client, 'last'));
        socket.emit('emit', '/', room, `to ${room}`);
        socket.emit('emit', '/', null, 'last');
        await Promise.all(last);
        return all;
      };
      socket.emit('join', '/', 'a', clients[0].id);
      assert.deepEqual(await heard('a'), [1, 0, 0], name);
      socket.emit('join', '/', 'b');
      assert.deepEqual(await heard('b'), [1, 1, 1], name);
      socket.emit('join', '/', 'c', 'a');
      assert.deepEqual(await heard('c'), [1, 0, 0], name);
      socket.emit('leave', '/', 'b', 'a');
      assert.deepEqual(await heard('b'), [0, 1, 1], name);
      socket.emit('leave', '/', 'b');
      assert.deepEqual(await heard('b'), [0, 0, 0], name);
    }
  });

  test('disconnects one from a namespace, or its connection, or all', async (t) => {
    for (const [name, url] of await both(t)) {
      const socket = await loggedIn(t, url);
      const [one, two, three] = await clientsOf(t).connectMany(3, url);
      socket.emit('_disconnect', '/', false, one.id);
      assert.deepEqual((await event(one, 'disconnect')).slice(0, 1), ['io server disconnect'], name);
      assert.ok(one.io.engine.readyState === 'open' || one.io.engine.readyState === 'closing' || one.io.engine.readyState === 'closed', name);
      socket.emit('_disconnect', '/', true, two.id);
      await event(two, 'disconnect');
      assert.ok(three.connected, name);
      socket.emit('_disconnect', '/', false);
      await event(three, 'disconnect');
      assert.ok(socket.connected, name);
    }
  });

  test('does nothing where it may only look, or where it says nonsense', async (t) => {
    const [relay, readOnly] = await Promise.all([started(t), started(t, 'read_only = true')]);
    const rooms = Array.from({ length: 50_000 }, (_, number) => `room ${number}`);
    const nonsense = [
      ['emit'], ['emit', '/', '', 'x'], ['emit', '/', null, 'disconnect'], ['emit', '/nowhere', null, 'x'], ['emit', '/', rooms, 'x'],
      ['join', '/', rooms], ['leave', '/', ''], ['_disconnect', '/', true, ''], ['_disconnect', '/', 'yes'], ['_disconnect'], ['boo', '/'],
      ['join', '/', 'r'.repeat(2000)],
    ];
    const commands = [['emit', '/', null, 'x'], ['join', '/', 'r'], ['_disconnect', '/', true]];
    for (const [{ url, opsPort }, refused] of [[relay, nonsense], [readOnly, commands]]) {
      const socket = await loggedIn(t, url);
      const client = await clientsOf(t).connect(url);
      const heard = [];
      client.onAny((...event) => heard.push(event));
      for (const command of refused) socket.emit(...command);
      await until('all of them counted', async () => (await scrape(opsPort)).value('fanfare_admin_commands_total', 'command="refused"') === refused.length);
      assert.ok(client.connected && socket.connected);
      assert.deepEqual(await asked(client, 'last'), { status: 'ok', recipients: 1 });
      assert.deepEqual(heard, [['last']], 'nothing of it came, before this or at all');
    }
  });

  test('is refused commands before it has logged in', async (t) => {
    const { url, opsPort } = await started(t);
    const client = await clientsOf(t).connect(url);
    // On the wire, since the official client holds back what it emits.
    const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    await event(socket, 'open');
    socket.send('42/admin,["_disconnect","/",true]');
    await event(socket, 'close');
    assert.ok(client.connected);
    const wrong = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    await event(wrong, 'open');
    wrong.send('40/admin,{"username":"admin","password":"wrong"}');
    wrong.send('42/admin,["_disconnect","/",true]');
    await event(wrong, 'close');
    assert.ok(client.connected);
    const page = await scrape(opsPort);
    assert.equal(page.value('fanfare_admin_commands_total', 'command="disconnect"'), 0);
  });

  test('who guesses is held off, and others come in meanwhile', async (t) => {
    const relay = await started(t, '', '[limits.address]\ntrusted_proxies = ["127.0.0.1"]\n');
    const from = (address) => ({ extraHeaders: { 'x-forwarded-for': address }, transports: ['websocket'] });
    const outcome = (socket) => new Promise((resolve) => {
      socket.once('connect', () => resolve('in'));
      socket.once('connect_error', ({ message }) => resolve(message));
      socket.once('disconnect', resolve);
    });
    const guesses = Array.from({ length: 300 }, (_, guess) =>
      outcome(administrator(t, relay.url, { ...credentials, password: `wrong ${guess}` }, from('192.0.2.1'))));
    const results = await Promise.all(guesses);
    const refused = results.filter((result) => result === 'invalid credentials').length;
    assert.ok(refused >= 8 && refused <= 12, `${refused} were looked at`);
    const held = outcome(administrator(t, relay.url, credentials, from('192.0.2.1')));
    assert.equal(await outcome(administrator(t, relay.url, credentials, from('192.0.2.2'))), 'in');
    assert.notEqual(await held, 'in', 'not even by the right one');
    const page = await scrape(relay.opsPort);
    const logins = page.by('fanfare_admin_logins_total');
    assert.equal(logins.invalid_credentials, refused);
    assert.ok(logins.too_often + (logins.busy ?? 0) === 301 - refused, JSON.stringify(logins));
  });

  test('is counted, and what it does is in the log', async (t) => {
    const relay = await started(t);
    const socket = await loggedIn(t, relay.url);
    socket.emit('join', '/', 'r\u001b[2J', null);
    socket.emit('join', '/', 'everybody');
    await until('the command in the log', () => /administrator's command/.test(relay.log));
    const page = await scrape(relay.opsPort);
    assert.equal(page.value('fanfare_admin_administrators'), 1);
    assert.equal(page.value('fanfare_admin_sessions'), 1);
    assert.deepEqual(page.by('fanfare_admin_logins_total'), { password: 1 });
    assert.ok(!relay.log.includes(socket.told.session[0][0]) && !relay.log.includes('secret') && !relay.log.includes('\u001b'));
  });
});
