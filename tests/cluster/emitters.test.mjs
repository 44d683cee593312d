// Programs that only emit: npm's by itself, the others by the bytes that they write. Rows 10 to 12.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Emitter } from '@socket.io/redis-emitter';
import { encode } from 'notepack.io';
import { within } from '../lib/within.mjs';
import { kinds, sharedFleet } from './fleet.mjs';

const packet = (...data) => ({ type: 2, data, nsp: '/' });

describe('emitters', () => {
  const shared = sharedFleet({ before, after, afterEach }, kinds[0]);

  test('10: npm\'s reaches everybody as a server of the fleet does', async () => {
    const { fleet } = shared;
    const people = await fleet.crowd();
    const members = people.filter((_, index) => index % 2 === 0);
    await fleet.join(members, 'lobby');
    const client = await fleet.redis.client();
    const emitter = new Emitter(client);
    const heard = async (who, expected) => {
      await client.ping();
      await fleet.hears(people, (person) => (who(person) ? [expected] : []));
    };
    const everybody = () => true;
    const inside = (person) => members.includes(person);

    emitter.emit('hello', 1, 'a', { b: true });
    await heard(everybody, ['hello', 1, 'a', { b: true }]);
    emitter.emit('bytes', Buffer.from([1, 2]), { deep: [Buffer.alloc(0)] });
    await heard(everybody, ['bytes', Buffer.from([1, 2]), { deep: [Buffer.alloc(0)] }]);
    emitter.emit('date', new Date(20));
    await heard(everybody, ['date', '1970-01-01T00:00:00.020Z']);
    emitter.to('lobby').emit('room');
    await heard(inside, ['room']);
    emitter.to('lobby').to('other').emit('rooms');
    await heard(inside, ['rooms']);
    emitter.except('lobby').emit('except');
    await heard((person) => !inside(person), ['except']);
    emitter.to('lobby').except([members[0].socket.id, members[1].socket.id]).emit('both');
    await heard((person) => inside(person) && !members.slice(0, 2).includes(person), ['both']);
    emitter.compress(false).emit('plain');
    await heard(everybody, ['plain']);
    emitter.of('chat').emit('chat');
    await heard(() => false);
    // To Node servers a number is no text: only what a relay makes of it is looked at.
    emitter.serverSideEmit('remember', 1);
    await heard(() => false);
  });

  test('11: those of other languages, by their bytes', async () => {
    const { fleet } = shared;
    const people = await fleet.crowd();
    const members = people.filter((_, index) => index % 2 === 0);
    await fleet.join(members, 'lobby');
    const { redis } = fleet;
    const hex = (text) => Buffer.from(text, 'hex');
    const all = [
      // Python `socket.io-emitter`: other orders, and empty text for nothing.
      ['python', encode(['emitter', { data: ['python', 1], type: 2, nsp: '/' }, { flags: '', rooms: '' }])],
      // PHP `Turbo-Timer`: flags are an array.
      ['php', encode(['emitter', packet('php', 1), { rooms: [], except: [], flags: [] }])],
      // Go and C#: long forms. dd and d3.
      ['go', hex(`dd00000003a7656d6974746572de0003a474797065d30000000000000002a464617461dc0002a2676f${'d30000000000000001'}a36e7370a12fde0000`)],
      // Java and Kotlin `smartsquare`: as npm.
      ['java', encode(['emitter', packet('java', 1), { rooms: [], flags: {}, except: [] }])],
      // Rust: without exceptions.
      ['rust', encode(['emitter', packet('rust', 1), { rooms: [], flags: {} }])],
      // Perl: flags are numbers. A JSON emitter beside them is what no Node server of this fleet reads.
      ['perl', encode(['emitter', packet('perl', 1), { rooms: [], flags: { volatile: 0 } }])],
    ];
    for (const [name, bytes] of all) {
      await redis.publish('socket.io#/#', bytes);
      await fleet.hears(people, [[name, 1]]);
    }
    // Numbers that are whole are so however they are written.
    await redis.publish('socket.io#/#', hex('93a7656d697474657283a474797065cb4000000000000000a46461746192a1b5'.replace('a1b5', 'a16e') + 'cb4000000000000000a36e7370a12f80'));
    await fleet.hears(people, [['n', 2]]);
    // One room, on its channel.
    await redis.publish('socket.io#/#lobby#', encode(['emitter', packet('one', 1), { rooms: ['lobby'], flags: {} }]));
    await fleet.hears(people, (person) => (members.includes(person) ? [['one', 1]] : []));
  });

  test('11: one message for each of two rooms, each with both, reaches a relay\'s clients once', async (t) => {
    const { fleet } = shared;
    if (fleet.relays.length === 0) return t.skip('a Node server delivers it twice');
    const people = await fleet.crowd('/', ['websocket']);
    await fleet.join(people, 'lobby');
    const body = encode(['emitter', packet('several'), { rooms: ['lobby', 'elsewhere'], flags: {} }]);
    for (const room of ['lobby', 'elsewhere']) await fleet.redis.publish(`socket.io#/#${room}#`, body);
    await fleet.settled();
    for (const person of people.filter(({ name }) => name === 'F' || name === 'G')) {
      assert.deepEqual(person.heard, [['several']], person.title);
    }
  });

  test('11: type 5, which a Node server breaks its clients with, is an event to relays', async (t) => {
    const { fleet } = shared;
    if (fleet.relays.length === 0) return t.skip('Node servers close their clients');
    const people = [await fleet.client('F'), await fleet.client('G')];
    const body = encode(['emitter', { type: 5, data: ['perl', 'é', Buffer.from([1])], nsp: '/' }, { rooms: [people[0].socket.id], flags: {} }]);
    await fleet.redis.publish('socket.io#/#', body);
    await fleet.settled(people, { from: ['F', 'G'] });
    assert.deepEqual(people.map(({ heard }) => heard), [[['perl', 'é', Buffer.from([1])]], []]);
  });

  test('12: who is let into a room hears what is said there right behind it', async () => {
    const { fleet } = shared;
    const people = await fleet.crowd();
    const client = await fleet.redis.client();
    const emitter = new Emitter(client);
    const chosen = people.filter(({ name }) => name === 'F' || name === 'A');
    const said = [];
    for (let n = 0; n < 50; n += 1) {
      for (const { socket } of chosen) {
        // By turns in the form of today and in the old one.
        if (n % 2 === 0) emitter.in(socket.id).socketsJoin(`at-once-${n}`);
        else client.publish('socket.io-request#/#', JSON.stringify({ requestId: `r${n}`, type: 2, sid: socket.id, room: `at-once-${n}` }));
      }
      emitter.to(`at-once-${n}`).emit('in', n);
      said.push(['in', n]);
    }
    await client.ping();
    await fleet.hears(people, (person) => (chosen.includes(person) ? said : []));
  });

  test('12: socketsJoin, socketsLeave and disconnectSockets move a relay\'s sockets', async () => {
    const { fleet } = shared;
    const people = await fleet.crowd();
    const client = await fleet.redis.client();
    const emitter = new Emitter(client);
    const chosen = people.filter(({ name }) => name === 'F' || name === 'A');
    for (const { socket } of chosen) emitter.in(socket.id).socketsJoin('lobby');
    await client.ping();
    await fleet.hears(people, []);
    emitter.to('lobby').emit('in');
    await client.ping();
    await fleet.hears(people, (person) => (chosen.includes(person) ? [['in']] : []));
    // Java `deppan` says one room as text.
    await client.publish('socket.io-request#/#', JSON.stringify({ type: 3, opts: { rooms: [chosen[0].socket.id], except: [] }, rooms: ['lobby'] }));
    await fleet.hears(people, []);
    emitter.to('lobby').emit('still');
    await client.ping();
    await fleet.hears(people, (person) => (chosen.slice(1).includes(person) ? [['still']] : []));
    const gone = chosen.map(({ socket }) => new Promise((resolve) => socket.on('disconnect', resolve)));
    emitter.in('lobby').disconnectSockets();
    emitter.in(chosen[0].socket.id).disconnectSockets(true);
    const reasons = await within(15_000, 'the end of them', Promise.all(gone));
    assert.deepEqual(new Set(reasons), new Set(['io server disconnect']));
    await fleet.hears(people.filter((person) => !chosen.includes(person)), []);
  });
});
