// What one client says reaches the clients of all servers: rows 1 to 9, 18 and 19, for every kind of fleet (row 29).
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { until, within } from '../lib/within.mjs';
import { kinds, sharedFleet } from './fleet.mjs';

const values = [
  ['text', 'é😀 "quoted"\n\u2028'],
  ['numbers', 0, 1, -1, 1.5, 1e15, 2 ** 53, -33, 200, 70_000, 5e9, -5e9, 1e-7],
  ['nesting', { a: [1, { b: [[], {}, null, true, false] }], '': 0 }],
  ['nothing'],
  ['null', null],
  ['200 kB', 'x'.repeat(200_000)],
  ['300 elements', Array.from({ length: 300 }, (_, number) => number)],
  ['40 keys', Object.fromEntries(Array.from({ length: 40 }, (_, number) => [`key ${number}`, number]))],
];

const binary = [
  [Buffer.from([1, 2, 3])],
  [{ deep: [Buffer.from('a'), { er: Buffer.from('b') }] }, 1],
  [Buffer.alloc(70_000, 7)],
  [Buffer.alloc(0), 'empty'],
];

for (const kind of kinds) {
  describe(`a ${kind.title} fleet`, () => {
    const shared = sharedFleet({ before, after, afterEach }, kind);

    test('1: what each client sends is heard by all, once, and equal', async () => {
      const { fleet } = shared;
      const people = await fleet.crowd();
      for (const sender of people) {
        for (const args of values) sender.socket.emit('update', ...args);
        await fleet.hears(people, values.map((args) => ['update', ...args]));
      }
    });

    test('2: with bytes in it, too', async () => {
      const { fleet } = shared;
      const people = await fleet.crowd();
      for (const sender of people) {
        for (const args of binary) sender.socket.emit('update', ...args);
        await fleet.hears(people, binary.map((args) => ['update', ...args]));
      }
    });

    test('3: database-change at a relay is heard as database-changed, and by no other name', async () => {
      const { fleet } = shared;
      const people = await fleet.crowd();
      people.find(({ name }) => name === 'F').socket.emit('database-change', { table: 'photos' });
      await fleet.hears(people, [['database-changed', { table: 'photos' }]]);
    });

    test('4: others are all but the sender, and what is for the sender is not published', async () => {
      const { fleet } = shared;
      const people = await fleet.crowd();
      for (const name of ['F', 'A']) {
        const sender = people.find((person) => person.name === name);
        sender.socket.emit('to-others', name);
        await fleet.hears(people, (person) => (person === sender ? [] : [['to-others', name]]));
        const published = await publishedBy(fleet, () => sender.socket.emitWithAck('to-sender', name));
        assert.deepEqual(published, []);
        await fleet.hears(people, (person) => (person === sender ? [['to-sender', name]] : []));
      }
    });

    test('5: who is in a room hears it once, and nobody else', async () => {
      const { fleet } = shared;
      const people = await fleet.crowd();
      const members = people.filter((_, index) => index % 2 === 0);
      const strangers = people.filter((_, index) => index % 2 === 1);
      await fleet.join(members, 'lobby');
      const both = members.filter(({ name }) => name === 'A' || name === 'F');
      await fleet.servers.A.run((io, ids) => io.in(ids).socketsJoin('second'), both.map(({ socket }) => socket.id));
      await fleet.hears(people, []);
      await fleet.subscribed('second');
      for (const stranger of strangers) stranger.socket.emit('to-room', stranger.title);
      await fleet.settled();
      for (const person of people) {
        const heard = person.heard.splice(0).map(([, title]) => title).sort();
        assert.deepEqual(heard, members.includes(person) ? strangers.map(({ title }) => title).sort() : [], person.title);
      }
      await fleet.servers.A.run((io) => void io.to('lobby').to('second').emit('both', 1));
      await fleet.hears(people, (person) => (members.includes(person) ? [['both', 1]] : []));
      await fleet.servers.A.run((io) => void io.to('second').emit('second', 1));
      await fleet.hears(people, (person) => (both.includes(person) ? [['second', 1]] : []));
      // Who leaves hears nothing more.
      await fleet.moved(both, 'lobby', 'exit');
      strangers[0].socket.emit('to-room', 'again');
      await fleet.hears(people, (person) => (members.includes(person) && !both.includes(person) ? [['to-room', 'again']] : []));
    });

    test('6: exceptions are left out: a room, a socket at a relay, and a room beside one', async () => {
      const { fleet } = shared;
      const people = await fleet.crowd();
      const members = people.filter((_, index) => index % 2 === 0);
      await fleet.join(members, 'lobby');
      const out = people.find(({ name }) => name === 'F');
      await fleet.servers.A.run((io) => void io.except('lobby').emit('one'));
      await fleet.hears(people, (person) => (members.includes(person) ? [] : [['one']]));
      await fleet.servers.A.run((io, id) => void io.except(id).emit('two'), out.socket.id);
      await fleet.hears(people, (person) => (person === out ? [] : [['two']]));
      await fleet.servers.A.run((io, id) => void io.to('lobby').except(id).emit('three'), out.socket.id);
      await fleet.hears(people, (person) => (members.includes(person) && person !== out ? [['three']] : []));
    });

    test('7: single sockets on several servers, and a room that nobody is in', async () => {
      const { fleet } = shared;
      const people = await fleet.crowd();
      const [one, other] = ['F', 'B'].map((name) => people.find((person) => person.name === name));
      const member = people.find(({ name }) => name === 'G');
      await fleet.join([member], 'lobby');
      await fleet.servers.A.run((io, id) => void io.to(id).emit('one'), one.socket.id);
      await fleet.hears(people, (person) => (person === one ? [['one']] : []));
      const ids = [one.socket.id, other.socket.id];
      await fleet.servers.A.run((io, ids) => void io.to(ids).to('lobby').emit('several'), ids);
      await fleet.hears(people, (person) => ([one, other, member].includes(person) ? [['several']] : []));
      await fleet.servers.A.run((io) => void io.to('nobody').emit('none'));
      await fleet.hears(people, []);
    });

    test('8: flags, and values that JSON does not have: relays hear what Node servers hear', async () => {
      const { fleet } = shared;
      const people = await fleet.crowd('/', ['websocket']);
      await fleet.servers.A.run((io) => {
        io.compress(false).emit('plain', 2);
        io.timeout(700).emit('timed', 3);
        io.local.emit('local', 4);
        io.emit('values', new Date(1_700_000_000_020), new Date(1_700_000_000_123), NaN, undefined, -0, 2 ** 53, -33, 5e9,
          [undefined], { gone: undefined, there: 1 });
      });
      await fleet.settled();
      const [ofA, ofB, ...others] = ['A', 'B', 'F', 'G'].map((name) => people.find((person) => person.name === name).heard.splice(0));
      const names = (heard) => heard.map(([name]) => name);
      // A Node server of a sharded fleet tells its own clients once Redis has answered.
      assert.deepEqual(names(ofA).sort(), ['local', 'plain', 'timed', 'values']);
      assert.deepEqual(names(ofB), ['plain', 'timed', 'values']);
      for (const heard of others) assert.deepEqual(heard, ofB);
      // Who has just been sent something goes without: more than once, then.
      await until('a volatile event', async () => {
        await fleet.servers.A.run((io) => void io.volatile.emit('volatile'));
        await fleet.settled();
        return people.every(({ heard }) => heard.some(([name]) => name === 'volatile'));
      });
    });

    test('9: namespaces are not mixed, and what a server does not serve it does not hear', async () => {
      const { fleet } = shared;
      const roots = await fleet.crowd('/', ['websocket']);
      const chats = await fleet.crowd('/chat', ['websocket']);
      await Promise.all([...roots, ...chats].map(({ socket }) => socket.emitWithAck('enter')));
      for (const namespace of ['/', '/chat']) await fleet.subscribed('lobby', { namespace, least: fleet.names.length });
      for (const person of chats) person.socket.emit('to-room', 'chat', person.name);
      for (const person of roots) person.socket.emit('to-room', 'root', person.name);
      await fleet.settled();
      for (const [people, word] of [[roots, 'root'], [chats, 'chat']]) {
        for (const person of people) {
          await within(15_000, 'the last of them', all(person, fleet.names.length));
          assert.deepEqual(person.heard.splice(0).map(([, where]) => where), fleet.names.map(() => word), person.title);
        }
      }
      assert.deepEqual([await fleet.count('/of-node'), await fleet.count('/of-relay')], [2, 2]);
      const [node, relay] = [await fleet.client('A', { namespace: '/of-node' }), await fleet.client('F', { namespace: '/of-relay' })];
      const [otherNode, otherRelay] = [await fleet.client('B', { namespace: '/of-node' }), await fleet.client('G', { namespace: '/of-relay' })];
      node.socket.emit('update', 'node');
      relay.socket.emit('update', 'relay');
      await within(15_000, 'the other', Promise.all([all(otherNode, 1), all(otherRelay, 1)]));
      await fleet.settled();
      assert.deepEqual(fleet.heard([node, otherNode, relay, otherRelay]).map((heard) => heard.flat()),
        [['update', 'node'], ['update', 'node'], ['update', 'relay'], ['update', 'relay']]);
      assert.deepEqual(fleet.heard([...roots, ...chats]).flat(), []);
    });

    test('18: 500 numbered events of one client at each server: all hear each sender in order, once', async () => {
      const { fleet } = shared;
      const people = await fleet.crowd();
      const senders = fleet.names.map((name) => people.find((person) => person.name === name));
      for (let number = 0; number < 500; number += 1) {
        for (const sender of senders) sender.socket.emit('stream', sender.name, number);
        if (number % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
      }
      await fleet.settled(people, { ms: 20_000 });
      for (const person of people) {
        const heard = person.heard.splice(0);
        for (const sender of senders) {
          const numbers = heard.filter(([, name]) => name === sender.name).map(([, , number]) => number);
          assert.deepEqual(numbers, Array.from({ length: 500 }, (_, number) => number), `${person.title} of ${sender.name}`);
        }
        assert.equal(heard.length, 2000);
      }
    });

    test('19: clients come and go at a relay while a Node server talks', async () => {
      const { fleet } = shared;
      const people = await fleet.crowd('/', ['websocket']);
      await fleet.servers.A.run((io) => {
        let number = 0;
        globalThis.talking = setInterval(() => io.emit('stream', number++), 2);
      });
      const guests = [];
      for (let turn = 0; turn < 15; turn += 1) {
        const guest = await fleet.client('F', { transport: turn % 2 ? 'websocket' : 'polling' });
        guests.push(guest);
        await within(15_000, 'three events', all(guest, 3));
        if (turn % 3 === 0) guest.socket.disconnect();
      }
      const count = await fleet.servers.A.run((io) => (clearInterval(globalThis.talking), io.emit('stream', 'end')));
      assert.ok(count);
      await fleet.settled();
      const first = (person) => person.heard[0][1];
      for (const person of people) assert.equal(first(person), 0, person.title);
      for (const person of [...people, ...guests]) {
        const numbers = person.heard.splice(0).map(([, number]) => number).filter(Number.isInteger);
        assert.deepEqual(numbers, numbers.map((_, index) => numbers[0] + index), `${person.title} has a gap`);
      }
    });
  });
}

/** When somebody has heard so many events. */
function all(person, count) {
  return new Promise((resolve) => {
    const look = () => person.heard.length >= count && resolve();
    look();
    person.socket.onAny(look);
  });
}

/** The channels on which events were published while something was done. */
async function publishedBy(fleet, action) {
  const watcher = (await fleet.redis.client()).duplicate();
  watcher.on('error', () => {});
  await watcher.connect();
  const seen = [];
  // What Fanfare nodes tell each other goes on all the time.
  const note = (_, channel) => !channel.includes('fanfare') && seen.push(channel);
  if (fleet.kind.adapter === 'classic') await watcher.pSubscribe(`${fleet.prefix}#*`, note);
  else await watcher.sSubscribe(`${fleet.prefix}#/#`, note);
  await action();
  await watcher.ping();
  watcher.destroy();
  return seen;
}
