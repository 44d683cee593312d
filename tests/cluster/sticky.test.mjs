// A mixed fleet behind a proxy, as docs/behind-a-proxy.md has two relays there: polling clients stay where they are, and hear all.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { io } from 'socket.io-client';
import { clientsOf } from '../lib/clients.mjs';
import { startProxy } from '../lib/proxies.mjs';
import { until } from '../lib/within.mjs';
import { kinds, sharedFleet } from './fleet.mjs';

for (const name of ['nginx', 'haproxy']) {
  describe(`a mixed fleet behind ${name}`, async () => {
    const shared = sharedFleet({ before, after, afterEach }, kinds[0]);
    const hub = (name) => ({ get port() { return shared.fleet.servers[name].port; } });
    const proxy = await startProxy({ before, after }, name, [hub('B'), hub('F')]);

    test('whoever comes by polling hears whoever is anywhere', async (t) => {
      const { fleet } = shared;
      const direct = await fleet.crowd('/', ['websocket']);
      const { connectMany } = clientsOf(t, { io, options: { transports: ['polling'], ca: proxy.ca, withCredentials: true } });
      const clients = await connectMany(12, proxy.url);
      const heard = clients.map((client) => {
        const events = [];
        client.on('update', (value) => events.push(value));
        return events;
      });
      clients.forEach((client, number) => client.emit('update', number));
      direct.forEach(({ socket }, number) => socket.emit('update', 100 + number));
      const expected = [...Array(12).keys(), 100, 101, 102, 103];
      await until('all of it', () => heard.every((events) => events.length >= expected.length), { ms: 10_000 });
      for (const events of heard) assert.deepEqual(events.sort((a, b) => a - b), expected);
      await until('all of it, directly', () => direct.every(({ heard }) => heard.length >= expected.length));
      assert.deepEqual(clients.map(({ connected }) => connected), clients.map(() => true));
      const ofRelay = await fleet.servers.A.run(async (io) => (await io.fetchSockets()).length);
      assert.equal(ofRelay, 16);
    });
  });
}
