// The HTTP API over a fleet: what a program asks of one relay means all servers, and says so where it does not. Row 17.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, afterEach, before, describe, test } from 'node:test';
import { ALL, apiUrl, ask, problem, sha256 } from '../lib/api.mjs';
import { FANFARE_BIN } from '../lib/relay.mjs';
import { until, within } from '../lib/within.mjs';
import { ALL_NODE, Fleet, kinds } from './fleet.mjs';

const apiKeys = [{ name: 'all', sha256: sha256(ALL), may: ['emit', 'read', 'move', 'disconnect'] }];
const skip = ALL_NODE && 'Node servers have no HTTP API';
const ids = (people) => people.map(({ socket }) => socket.id).sort();

/** A fleet for all tests of one `describe`, and its API at F. */
function fleetWithApi(kind, cluster) {
  const shared = {};
  before(async () => {
    shared.fleet = await Fleet.start(kind, { settings: { apiKeys }, cluster });
    const of = (relay) => {
      const call = async (method, path, body, options) => await within(20_000, `answer to ${method} ${path}`, ask(relay, method, path, body, options));
      return {
        call,
        get: async (path) => {
          const { status, body } = await call('GET', path);
          assert.equal(status, 200, `${path}: ${JSON.stringify(body)}`);
          return body;
        },
        emit: (body, options) => call('POST', '/api/emit', body, options),
      };
    };
    Object.assign(shared, of(shared.fleet.servers.F), { of });
  });
  afterEach(() => shared.fleet?.disperse());
  after(() => shared.fleet?.stop());
  return shared;
}

/** All pages of a list, each of at most `limit`. */
async function pages({ get }, path, name, limit) {
  const all = [];
  let next;
  do {
    const page = await get(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}${next ? `&after=${next}` : ''}`);
    assert.ok(page[name].length <= limit);
    assert.deepEqual(page.nodes, { answered: 3, missing: 0 });
    all.push(...page[name]);
    next = page.next;
  } while (next);
  return all;
}

for (const kind of kinds) {
  describe(`the HTTP API of a ${kind.title} fleet`, { skip }, () => {
    const shared = fleetWithApi(kind);

    test('17: an emit reaches whom one of a Node server does', async () => {
      const { fleet, emit, call } = shared;
      const people = await fleet.crowd();
      const members = people.filter((_, index) => index % 2 === 0);
      await fleet.join(members, 'lobby');
      const [atA, atF, atG] = ['A', 'F', 'G'].map((name) => people.find((person) => person.name === name));
      const inside = (person) => members.includes(person);
      const one = (who) => (person) => person === who;
      const both = async (to, byNode, reaches) => {
        const { status, body } = await emit({ event: 'x', args: [1, { a: ['ü'] }], ...to });
        assert.equal(status, 200);
        const here = people.filter((person) => person.name === 'F' && reaches(person)).length;
        assert.deepEqual(body, { recipients: here, cluster: 'sent' });
        await fleet.hears(people, (person) => (reaches(person) ? [['x', 1, { a: ['ü'] }]] : []));
        await fleet.servers.A.run(`(io, ids) => void (${byNode})(io, ids).emit('x', 1, { a: ['ü'] })`, [atA, atF, atG].map(({ socket }) => socket.id));
        await fleet.hears(people, (person) => (reaches(person) ? [['x', 1, { a: ['ü'] }]] : []));
      };
      await both({}, (io) => io, () => true);
      await both({ rooms: ['lobby'] }, (io) => io.to('lobby'), inside);
      await both({ rooms: ['lobby', 'nobody'] }, (io) => io.to('lobby').to('nobody'), inside);
      await both({ except: ['lobby'] }, (io) => io.except('lobby'), (person) => !inside(person));
      await both({ except: [atF.socket.id] }, (io, [, f]) => io.except(f), (person) => person !== atF);
      await both({ rooms: ['lobby'], except: [atA.socket.id] }, (io, [a]) => io.to('lobby').except(a), (person) => inside(person) && person !== atA);
      await both({ rooms: [atA.socket.id] }, (io, [a]) => io.to(a), one(atA));
      await both({ rooms: [atF.socket.id] }, (io, [, f]) => io.to(f), one(atF));
      await both({ rooms: [atG.socket.id] }, (io, [, , g]) => io.to(g), one(atG));
      await both({ rooms: ['nobody'] }, (io) => io.to('nobody'), () => false);
      await both({ namespace: '/chat' }, (io) => io.of('/chat'), () => false);
      // By WebSocket, since a poll may be under way.
      const pair = [atF, atG];
      await both({ volatile: true, rooms: ids(pair) }, (io, [, f, g]) => io.volatile.to(f).to(g), (person) => pair.includes(person));

      assert.deepEqual((await emit({ event: 'here', local: true })).body, { recipients: 2 });
      await fleet.hears(people, ({ name }) => (name === 'F' ? [['here']] : []));
      await emit({ event: 'bytes', binary: true, args: [{ $base64: 'AAH/' }, { deep: [{ $base64: '' }] }] });
      await fleet.hears(people, [['bytes', Buffer.from([0, 1, 255]), { deep: [Buffer.alloc(0)] }]]);
      const batch = await call('POST', '/api/emit/batch', { items: [{ event: 'a' }, { event: 'connect' }, { event: 'b', local: true }, { event: 'c' }] });
      assert.deepEqual(batch.body.results.map(({ error, ...rest }) => error?.code ?? rest), [
        { recipients: 2, cluster: 'sent' }, 'invalid', { recipients: 2 }, { recipients: 2, cluster: 'sent' },
      ]);
      await fleet.hears(people, ({ name }) => (name === 'F' ? [['a'], ['b'], ['c']] : [['a'], ['c']]));
    });

    test('17: acknowledgements come from all servers', async () => {
      const { fleet, emit } = shared;
      const people = await fleet.crowd();
      const members = people.filter((_, index) => index % 2 === 0);
      await fleet.join(members, 'lobby');
      people.forEach(({ name, socket }) => socket.on('ask', (bytes, acknowledge) => acknowledge(`${name} ${bytes.length}`)));
      const asks = async (to, who) => {
        const from = performance.now();
        const { body } = await emit({ event: 'ask', binary: true, args: [{ $base64: 'AAAA' }], ack: { timeout_ms: 5000 }, ...to });
        assert.ok(performance.now() - from < 2000, 'nobody is waited for who has answered');
        const { acks, ...rest } = body;
        assert.deepEqual(rest, { recipients: who.length, missing: [], ...('local' in to ? {} : { nodes: { answered: 3, missing: 0 } }) });
        assert.deepEqual(acks.map(({ args: [text] }) => text).sort(), who.map(({ name }) => `${name} 3`).sort());
        // Whose an answer is, other nodes do not pass on.
        const here = who.filter(({ name }) => name === 'F');
        assert.deepEqual(acks.map(({ socket }) => socket).filter(Boolean), ids(here));
      };
      await asks({}, people);
      await asks({ rooms: ['lobby'] }, members);
      await asks({ rooms: ['nobody'] }, []);
      for (const name of ['A', 'F', 'G']) {
        const person = people.find((person) => person.name === name);
        await asks({ rooms: [person.socket.id] }, [person]);
      }
      await asks({ local: true }, people.filter(({ name }) => name === 'F'));
      // Two who do not answer: one here, one elsewhere.
      const silent = ['F', 'B'].map((name) => people.find((person) => person.name === name));
      silent.forEach(({ socket }) => socket.off('ask'));
      const { body } = await emit({ event: 'ask', args: ['x'], ack: { timeout_ms: 600 } });
      assert.deepEqual([body.recipients, body.acks.length, body.missing], [8, 6, [silent[0].socket.id]]);
      assert.deepEqual(body.nodes, { answered: 3, missing: 0 });
    });

    test('lists say who and what is anywhere', async () => {
      const { fleet, get, call, of } = shared;
      const people = await fleet.crowd();
      const members = people.filter(({ name }) => name !== 'G');
      await fleet.join(members, 'lobby');
      const atF = people.find(({ name }) => name === 'F');
      await call('POST', `/api/sockets/${atF.socket.id}/rooms`, { join: ['here'] });
      const sockets = await pages(shared, '/api/sockets', 'sockets', 3);
      assert.deepEqual(sockets.map(({ id }) => id), ids(people));
      for (const { id, remote, namespace, address, time, rooms } of sockets) {
        const { name } = people.find(({ socket }) => socket.id === id);
        assert.deepEqual([remote, namespace], [name === 'F' ? undefined : true, '/']);
        assert.match(address, /127\.0\.0\.1$/);
        assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
        const [lobby, here] = [name !== 'G' && 'lobby', id === atF.socket.id && 'here'];
        assert.deepEqual(rooms, [here, lobby].filter(Boolean));
      }
      assert.deepEqual((await pages(shared, '/api/sockets?room=lobby', 'sockets', 100)).map(({ id }) => id), ids(members));
      assert.deepEqual((await get('/api/sockets?local=true')).sockets.map(({ id }) => id), ids(people.filter(({ name }) => name === 'F')));
      assert.equal((await get('/api/sockets?local=true')).nodes, undefined);
      // How many others have in a room, nobody says in a list.
      assert.deepEqual(await pages(shared, '/api/rooms', 'rooms', 1), [{ name: 'here', sockets: 1 }, { name: 'lobby' }]);
      assert.deepEqual(await get('/api/rooms?local=true'), { rooms: [{ name: 'here', sockets: 1 }, { name: 'lobby', sockets: 2 }] });
      assert.deepEqual(await get('/api/rooms/lobby'), { name: 'lobby', sockets: 6, nodes: { answered: 3, missing: 0 } });
      assert.deepEqual(await get('/api/rooms/lobby?local=true'), { name: 'lobby', sockets: 2 });
      const atG = of(fleet.servers.G);
      assert.deepEqual(await atG.get('/api/rooms?prefix=l'), { rooms: [{ name: 'lobby' }], nodes: { answered: 3, missing: 0 } });
      for (const { name, socket } of people) {
        const found = await get(`/api/sockets/${socket.id}`);
        assert.deepEqual([found.id, found.remote], [socket.id, name === 'F' ? undefined : true]);
      }
      assert.deepEqual(problem(await call('GET', '/api/sockets/AAAAAAAAAAAAAAAAAAAA')), [404, 'unknown_socket', 'id']);
    });

    test('nodes are named where they name themselves, and counted where they do not', async () => {
      const { fleet, get } = shared;
      await until('each other', async () => (await get('/api/nodes')).nodes.length === 2);
      const { nodes, others } = await get('/api/nodes');
      assert.deepEqual(others, { answered: 3, missing: 0 });
      assert.deepEqual(nodes.map(({ name, local, status, missed }) => [name, local, status, missed]), [
        ['F', true, 'joined', undefined], ['G', false, 'joined', 0],
      ]);
      assert.ok(nodes[0].id !== nodes[1].id && nodes[1].silent_ms < 3000);
      const env = { ...process.env, FANFARE_API_URL: apiUrl(fleet.servers.G), FANFARE_API_KEY: ALL };
      const said = await new Promise((resolve, reject) => {
        execFile(FANFARE_BIN, ['api', 'nodes'], { env }, (error, stdout) => (error ? reject(error) : resolve(JSON.parse(stdout))));
      });
      assert.deepEqual(said.nodes.map(({ id }) => id), nodes.map(({ id }) => id).reverse());
    });

    test('clients move and are disconnected wherever they are', async () => {
      const { fleet, get, call } = shared;
      const people = await fleet.crowd('/', ['websocket']);
      const [atA, atB, atF, atG] = ['A', 'B', 'F', 'G'].map((name) => people.find((person) => person.name === name));
      const roomsAtA = (person) => fleet.servers.A.run(async (io, id) => {
        const [{ rooms }] = await io.in(id).fetchSockets();
        return [...rooms].filter((room) => room !== id).sort();
      }, person.socket.id);
      for (const person of people) {
        const moved = await call('POST', `/api/sockets/${person.socket.id}/rooms`, { join: ['one', 'two', 'three'], leave: ['three'] });
        assert.deepEqual([moved.status, moved.body.id, moved.body.rooms], [200, person.socket.id, ['one', 'two']], person.title);
        assert.deepEqual(await roomsAtA(person), ['one', 'two'], person.title);
      }
      assert.deepEqual((await get('/api/rooms/one')).sockets, 4);
      const all = await call('POST', '/api/rooms/one/sockets', { join: ['new'], leave: ['one', 'two'] });
      assert.deepEqual(all.body, { sockets: 4, nodes: { answered: 3, missing: 0 } });
      for (const person of people) assert.deepEqual(await roomsAtA(person), ['new'], person.title);
      const some = await call('POST', '/api/rooms/new/sockets?local=true', { leave: ['new'] });
      assert.deepEqual(some.body, { sockets: 1 });
      assert.deepEqual((await pages(shared, '/api/sockets?room=new', 'sockets', 100)).map(({ id }) => id), ids([atA, atB, atG]));

      assert.deepEqual((await call('DELETE', `/api/sockets/${atA.socket.id}`)).body, { sockets: 1 });
      await until('its end', () => atA.left !== undefined);
      assert.equal(atA.left, 'io server disconnect');
      assert.deepEqual(problem(await call('DELETE', `/api/sockets/${atA.socket.id}`)), [404, 'unknown_socket', 'id']);
      const gone = await call('DELETE', '/api/rooms/new/sockets?connection=true');
      assert.deepEqual(gone.body, { sockets: 2, nodes: { answered: 3, missing: 0 } });
      await until('their ends', () => atB.left !== undefined && atG.left !== undefined);
      assert.deepEqual([atB.left, atG.left, atF.left], ['io server disconnect', 'io server disconnect', undefined]);
      assert.deepEqual((await pages(shared, '/api/sockets', 'sockets', 100)).map(({ id }) => id), [atF.socket.id]);
    });
  });
}

describe('the HTTP API while a server is silent', { skip }, () => {
  const shared = fleetWithApi(kinds[0], { request_timeout_ms: 500 });

  test('says so, with all that the others have', { timeout: 60_000 }, async () => {
    const { fleet, get, call, emit } = shared;
    const people = await fleet.crowd('/', ['websocket']);
    await fleet.join(people, 'lobby');
    const [atA, atB, atF] = ['A', 'B', 'F'].map((name) => people.find((person) => person.name === name));
    people.forEach(({ name, socket }) => socket.on('ask', (acknowledge) => acknowledge(name)));
    const { B, G } = fleet.servers;
    B.freeze();
    try {
      const some = { answered: 2, missing: 1 };
      const { sockets, nodes } = await get('/api/sockets');
      assert.deepEqual([sockets.map(({ id }) => id), nodes], [ids(people.filter((person) => person !== atB)), some]);
      assert.deepEqual(await get('/api/rooms/lobby'), { name: 'lobby', sockets: 3, nodes: some });
      assert.deepEqual(await get('/api/rooms'), { rooms: [{ name: 'lobby' }], nodes: some });
      assert.deepEqual((await get('/api/nodes')).others, some);
      // Who is found is found. Who is not, may be there.
      for (const { socket } of [atA, atF]) assert.equal((await get(`/api/sockets/${socket.id}`)).id, socket.id);
      const unknown = await call('GET', `/api/sockets/${atB.socket.id}`);
      assert.deepEqual([problem(unknown), unknown.headers.get('retry-after')], [[503, 'cluster_unavailable', undefined], '2']);
      const { body } = await emit({ event: 'ask', ack: { timeout_ms: 600 } });
      assert.deepEqual([body.recipients, body.acks.map(({ args: [name] }) => name).sort(), body.nodes], [3, ['A', 'F', 'G'], some]);
      const moved = await call('POST', '/api/rooms/lobby/sockets', { join: ['more'] });
      assert.deepEqual(moved.body, { sockets: 3, nodes: some });
      assert.deepEqual((await emit({ event: 'meanwhile', rooms: ['more'] })).body, { recipients: 1, cluster: 'sent' });
    } finally {
      B.thaw();
    }
    // What it was told meanwhile it does.
    await until('what was said', () => atB.heard.some(([name]) => name === 'meanwhile'));
    assert.deepEqual((await get('/api/rooms/more')).sockets, 4);
    G.freeze();
    try {
      await until('its silence', async () => (await get('/api/nodes')).nodes[1].status === 'silent', { ms: 8000 });
      const { nodes, others } = await get('/api/nodes');
      assert.deepEqual([nodes[1].name, others], ['G', { answered: 2, missing: 1 }]);
      assert.ok(nodes[1].silent_ms >= 3000);
    } finally {
      G.thaw();
    }
    await until('its voice', async () => (await get('/api/nodes')).nodes[1].status === 'joined');
  });
});

for (const kind of kinds.slice(0, 2)) {
  describe(`the HTTP API of a ${kind.title} fleet whose Redis is away`, { skip }, () => {
    const shared = fleetWithApi(kind);

    test('does what this node can do alone, and nothing by half', { timeout: 60_000 }, async () => {
      const { fleet, get, call, emit } = shared;
      const people = await fleet.crowd('/', ['websocket']);
      await fleet.join(people, 'lobby');
      const [atA, atF] = ['A', 'F'].map((name) => people.find((person) => person.name === name));
      const standing = async () => (await get('/api/nodes')).nodes[0].status;
      const unavailable = (answer) => {
        assert.deepEqual(problem(answer), [503, 'cluster_unavailable', undefined]);
        assert.equal(answer.headers.get('retry-after'), '2');
      };
      const once = { headers: { 'idempotency-key': `paid ${kind.title}`.replaceAll(' ', '-') } };
      await fleet.redis.kill();
      await until('the loss to be noticed', async () => await standing() === 'unavailable');
      const from = performance.now();
      unavailable(await emit({ event: 'refused' }));
      unavailable(await emit({ event: 'refused', rooms: [atF.socket.id] }));
      unavailable(await emit({ event: 'refused', ack: { timeout_ms: 5000 } }));
      unavailable(await emit({ event: 'paid', args: [17] }, once));
      unavailable(await call('POST', '/api/rooms/lobby/sockets', { leave: ['lobby'] }));
      unavailable(await call('DELETE', '/api/rooms/lobby/sockets'));
      unavailable(await call('GET', `/api/sockets/${atA.socket.id}`));
      unavailable(await call('DELETE', `/api/sockets/${atA.socket.id}`));
      unavailable(await call('POST', `/api/sockets/${atA.socket.id}/rooms`, { join: ['x'] }));
      const { body: { results } } = await call('POST', '/api/emit/batch', { items: [{ event: 'refused' }, { event: 'here', args: [1], local: true }] });
      assert.deepEqual([results[0].error.code, results[1]], ['cluster_unavailable', { recipients: 1 }]);
      assert.deepEqual((await emit({ event: 'here', args: [2], local: true })).body, { recipients: 1 });
      // What there is to see, and that it is not all.
      const { sockets, nodes } = await get('/api/sockets');
      assert.deepEqual([sockets.map(({ id }) => id), nodes.answered], [[atF.socket.id], 0]);
      assert.ok(nodes.missing >= 1);
      assert.ok((await get('/api/rooms')).nodes.missing >= 1);
      assert.deepEqual(await get('/api/rooms/lobby?local=true'), { name: 'lobby', sockets: 1 });
      // Who is here needs nobody else.
      assert.equal((await get(`/api/sockets/${atF.socket.id}`)).id, atF.socket.id);
      assert.deepEqual((await call('POST', `/api/sockets/${atF.socket.id}/rooms`, { join: ['mine'] })).body.rooms, ['lobby', 'mine']);
      assert.deepEqual((await call('POST', '/api/rooms/mine/sockets?local=true', { join: ['also'] })).body, { sockets: 1 });
      assert.ok(performance.now() - from < 2000, 'and nobody waits');

      await fleet.redis.rise();
      await until('it to be joined again', async () => await standing() === 'joined', { ms: 10_000 });
      await fleet.whole(4, 15_000);
      // What was refused did nothing: the same key is as good as new, and then it is done once.
      const [first, second] = [await emit({ event: 'paid', args: [17] }, once), await emit({ event: 'paid', args: [17] }, once)];
      assert.deepEqual([first.status, first.body, second.body], [200, { recipients: 1, cluster: 'sent' }, first.body]);
      assert.deepEqual([first, second].map(({ headers }) => headers.get('idempotency-replayed')), [null, 'true']);
      await fleet.hears(people, ({ name }) => (name === 'F' ? [['here', 1], ['here', 2], ['paid', 17]] : [['paid', 17]]), { ms: 10_000 });
      assert.deepEqual(people.map(({ left }) => left), people.map(() => undefined));
      assert.equal((await get('/api/rooms/lobby')).sockets, 4, 'nobody was moved');
    });
  });
}
