// What a Node server asks the fleet, and is answered in time: rows 13 to 16, 23 and 24, for every kind of fleet (row 29).
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from '../lib/raw-http.mjs';
import { until, within } from '../lib/within.mjs';
import { Fleet, kinds, sharedFleet } from './fleet.mjs';

const ids = (people) => people.map(({ socket }) => socket.id).sort();

/** A value that is there soon: who waits in vain for a server waits five seconds. */
async function soon(promise) {
  const from = performance.now();
  const value = await promise;
  const ms = performance.now() - from;
  assert.ok(ms < 2500, `it took ${ms} ms`);
  return value;
}

/** Everybody answers `ask` with what `answer` makes of them, if anything. */
const answering = (people, answer) => people.forEach((person) => {
  person.socket.on('ask', (...args) => {
    const acknowledge = args.pop();
    const answers = answer(person, args);
    if (answers) acknowledge(...answers);
  });
});

for (const kind of kinds) {
  const isClassic = kind.adapter === 'classic';

  describe(`questions in a ${kind.title} fleet`, () => {
    const shared = sharedFleet({ before, after, afterEach }, kind);

    test('13: serverCount, fetchSockets and allRooms name all', async () => {
      const { fleet } = shared;
      const people = await fleet.crowd();
      const members = people.filter((_, index) => index % 2 === 0);
      await fleet.join(members, 'lobby');
      const { A } = fleet.servers;
      assert.equal(await soon(A.run((io) => io.of('/').adapter.serverCount())), 4);
      const fetch = (choose) => soon(A.run(`async (io, id) => (await (${choose})(io, id).fetchSockets())
        .map(({ id, rooms, data, handshake }) => ({ id, rooms: [...rooms], data, handshake: { ...handshake } }))`, people[4].socket.id));
      const all = await fetch((io) => io);
      assert.deepEqual(all.map(({ id }) => id).sort(), ids(people));
      for (const { id, rooms, data, handshake } of all) {
        const isMember = members.some(({ socket }) => socket.id === id);
        assert.deepEqual(rooms.sort(), (isMember ? [id, 'lobby'] : [id]).sort());
        assert.deepEqual(data, {});
        assert.equal(typeof handshake.headers, 'object');
        assert.equal(handshake.headers.cookie, undefined);
        assert.equal(typeof handshake.issued, 'number');
        assert.deepEqual(handshake.auth, {});
      }
      assert.deepEqual((await fetch((io) => io.in('lobby'))).map(({ id }) => id).sort(), ids(members));
      const others = people.filter((person) => person !== people[4]);
      assert.deepEqual((await fetch((io, id) => io.except(id))).map(({ id }) => id).sort(), ids(others));
      assert.deepEqual(await fetch((io) => io.in('nobody')), []);
      if (isClassic) {
        const rooms = await soon(A.run(async (io) => [...await io.of('/').adapter.allRooms()]));
        assert.deepEqual(rooms.sort(), [...ids(people), 'lobby'].sort());
      }
    });

    test('14: emitWithAck gets one answer of each client', async () => {
      const { fleet } = shared;
      const people = await fleet.crowd();
      const members = people.filter((_, index) => index % 2 === 0);
      await fleet.join(members, 'lobby');
      const { A } = fleet.servers;
      answering(people, (person, [what]) => ({ title: [person.title], bytes: [Buffer.from(person.name)], nothing: [] })[what]);
      const ask = (choose, what) => A.run(`(io, [id, what]) => (${choose})(io, id).timeout(3000).emitWithAck('ask', what)`, [people[4].socket.id, what]);
      const titles = (people) => people.map(({ title }) => title).sort();
      assert.deepEqual((await soon(ask((io) => io, 'title'))).sort(), titles(people));
      assert.deepEqual((await soon(ask((io) => io.to('lobby'), 'title'))).sort(), titles(members));
      assert.deepEqual(await soon(ask((io) => io.to('nobody'), 'title')), []);
      assert.deepEqual(await soon(ask((io, id) => io.to(id), 'title')), [people[4].title]);
      const bytes = await soon(ask((io) => io, 'bytes'));
      assert.deepEqual(bytes.map((bytes) => Buffer.from(bytes).toString()).sort(), people.map(({ name }) => name).sort());
      assert.deepEqual(await soon(ask((io) => io, 'nothing')), people.map(() => undefined));
      fleet.heard();
    });

    test('15: who does not acknowledge, or leaves, is missed, and the others are not', async () => {
      const { fleet } = shared;
      const people = await fleet.crowd();
      const atF = people.filter(({ name }) => name === 'F');
      answering(people, (person) => {
        if (person === atF[0]) return undefined;
        if (person === atF[1]) return void person.socket.disconnect();
        return [person.title];
      });
      const { A } = fleet.servers;
      const from = performance.now();
      const error = await A.run((io) => io.timeout(800).emitWithAck('ask').catch((error) => ({ message: error.message, responses: error.responses })));
      assert.ok(performance.now() - from >= 790);
      assert.equal(error.message, 'operation has timed out');
      const expected = people.filter((person) => !atF.includes(person)).map(({ title }) => title);
      assert.deepEqual(error.responses.sort(), expected.sort());
      fleet.heard();
    });

    test('16: serverSideEmitWithAck gets three answers', async () => {
      const { fleet } = shared;
      for (const name of fleet.names) {
        if (fleet.servers[name].run) await fleet.servers[name].run((io, name) => void io.on('who', (reply) => reply(name)), name);
      }
      const answers = await soon(fleet.servers.A.run((io) => io.serverSideEmitWithAck('who')));
      assert.equal(answers.length, 3);
      assert.ok(answers.includes('B'));
      // A relay has no program that could answer.
      assert.equal(answers.filter((answer) => answer === null).length, fleet.relays.length);
    });
  });

  describe(`a ${kind.title} fleet that loses a server`, () => {
    let fleet;
    before(async () => (fleet = await Fleet.start(kind)));
    after(() => fleet?.stop());

    test('23, 24: one that was killed is not waited for, one that is frozen only in time', async () => {
      const people = await fleet.crowd('/', ['websocket']);
      await fleet.servers.G.kill();
      await delay(200);
      const { A, B } = fleet.servers;
      const rest = people.filter(({ name }) => name !== 'G');
      const found = await soon(A.run(async (io) => (await io.fetchSockets()).map(({ id }) => id)));
      assert.deepEqual(found.sort(), ids(rest));
      delete fleet.servers.G;
      await fleet.whole(3);

      B.freeze();
      try {
        const here = rest.filter(({ name }) => name === 'A' || name === 'F');
        people.find(({ name }) => name === 'F').socket.emit('update', 'on');
        await fleet.hears(here, [['update', 'on']], { from: ['A', 'F'] });
        for (const relay of fleet.relays.slice(0, 1)) {
          const { status } = await within(1000, 'readiness', request(relay.opsPort, '/readyz'));
          assert.equal(status, 200);
        }
      } finally {
        B.thaw();
      }
      await until('it is back', async () => (await A.run((io) => io.fetchSockets().then((all) => all.length, () => 0), undefined, 10_000)) === 3, { ms: 10_000 });
    });
  });
}
