// Administrators of a fleet: two relays and a Node server with an Admin UI of its own, over one Redis.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { skip } from '../lib/access.mjs';
import { adminToml, instrumented, loggedIn, told } from '../lib/admin.mjs';
import { clientsOf } from '../lib/clients.mjs';
import { Redis } from '../lib/redis.mjs';
import { startRelay } from '../lib/relay.mjs';
import { event, until } from '../lib/within.mjs';

const namespaces = '[[namespace]]\nname = "/"\n';

describe('an administrator of a fleet', { skip }, () => {
  let redis;
  before(async () => (redis = await Redis.start()));
  after(() => redis?.stop());

  /** Two relays and a Node server, by their urls. */
  async function fleet(t, mode) {
    const relay = () => startRelay({ cluster: { redis: [redis.url] }, toml: adminToml(`mode = "${mode}"`) + namespaces });
    const relays = await Promise.all([relay(), relay()]);
    const publisher = createClient({ url: redis.url });
    const subscriber = publisher.duplicate();
    // The reference's statistics go on after the end of their server and of this client.
    const publish = publisher.publish.bind(publisher);
    publisher.publish = (...args) => publish(...args).catch(() => 0);
    await Promise.all([publisher.connect(), subscriber.connect()]);
    t.after(() => Promise.all(relays.map((relay) => relay.kill())));
    const node = await instrumented(t, { mode, serverId: 'node' }, { adapter: createAdapter(publisher, subscriber) });
    t.after(() => Promise.all([publisher, subscriber].map((client) => client.close())));
    return { one: relays[0].url, two: relays[1].url, node: node.url };
  }

  test('sees all servers from each, and commands reach the sockets of all', async (t) => {
    const urls = Object.values(await fleet(t, 'production'));
    for (const url of urls) {
      const admin = await loggedIn(t, url);
      const seen = () => new Set((admin.told.server_stats ?? []).map(([{ serverId }]) => serverId));
      await until(`three servers seen from ${url}`, () => seen().size === 3, { ms: 10_000 });
      const clients = await Promise.all(urls.map((url) => clientsOf(t).connect(url)));
      admin.emit('join', '/', 'r', clients[0].id);
      admin.emit('join', '/', 'r', clients[1].id);
      admin.emit('join', '/', 'r', clients[2].id);
      const heard = clients.map((client) => event(client, 'x'));
      await until('all of them hear', async () => {
        admin.emit('emit', '/', 'r', 'x');
        return await Promise.race([Promise.all(heard), new Promise((resolve) => setTimeout(resolve, 100))]);
      });
      const gone = clients.map((client) => event(client, 'disconnect'));
      admin.emit('_disconnect', '/', false, 'r');
      assert.deepEqual((await Promise.all(gone)).map(([reason]) => reason), Array(3).fill('io server disconnect'));
      admin.disconnect();
    }
  });

  test('is told of the clients of all in development mode', async (t) => {
    const { one, two, node } = await fleet(t, 'development');
    const before = await clientsOf(t).connect(two);
    const admin = await loggedIn(t, one);
    const [sockets] = await told(admin, 'all_sockets');
    assert.ok(sockets.some(({ id }) => id === before.id), 'those of another relay');
    for (const url of [one, two, node]) {
      const client = await clientsOf(t).connect(url);
      await told(admin, 'socket_connected', (socket) => socket.id === client.id);
      const { id } = client;
      client.disconnect();
      await told(admin, 'socket_disconnected', (nsp, socket) => nsp === '/' && socket === id);
    }
  });
});
