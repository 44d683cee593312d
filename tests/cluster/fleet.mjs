// A fleet: two Node servers with the official adapter (A, B) and two relays (F, G) over one Redis, and official clients at each.
// CLUSTER=node puts Node servers in the relays' places: what then fails is wrong in the tests.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { io } from 'socket.io-client';
import { connected } from '../lib/clients.mjs';
import { Redis } from '../lib/redis.mjs';
import { startRelay } from '../lib/relay.mjs';
import { request } from '../lib/raw-http.mjs';
import { bothApplications, everyScope } from '../lib/settings.mjs';
import { event, until, within } from '../lib/within.mjs';

export const ALL_NODE = process.env.CLUSTER === 'node';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** The kinds of fleet that there are. */
export const kinds = [
  { title: 'classic', adapter: 'classic' },
  { title: 'sharded, dynamic', adapter: 'sharded', mode: 'dynamic' },
  { title: 'sharded, static', adapter: 'sharded', mode: 'static' },
  { title: 'sharded, dynamic-private', adapter: 'sharded', mode: 'dynamic-private' },
];

const rules = [
  ...bothApplications,
  ...everyScope,
  { on: 'mark' },
  { on: 'stream' },
  { on: 'counted', count: 'cluster' },
  { on: 'counted-others', to: 'others', count: 'cluster' },
  { on: 'counted-room', to: { room: 'lobby' }, count: 'cluster' },
];
const served = (name) => [
  { name: '/', rules },
  { name: '/chat', rules },
  { name: name === 'A' || name === 'B' ? '/of-node' : '/of-relay', rules },
];

/** A Node server: `run(function of io)` has it do something. */
export class NodeServer {
  /** @param program what it runs: by default one that does as the relays' rules say */
  static async start(settings, program = 'node-server.mjs') {
    const server = new NodeServer();
    const file = fileURLToPath(new URL(program, import.meta.url));
    server.child = fork(file, [JSON.stringify(settings)], { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    running.add(server.child);
    server.exited = new Promise((resolve) => server.child.on('close', resolve)).finally(() => running.delete(server.child));
    server.waiting = new Map();
    server.next = 0;
    const [{ port }] = await event(server.child, 'message', 15_000);
    server.port = port;
    server.child.on('message', ({ id, value, error, responses }) => {
      const { resolve, reject } = server.waiting.get(id);
      server.waiting.delete(id);
      if (error === undefined) resolve(value);
      else reject(Object.assign(new Error(error), { responses }));
    });
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  async run(code, argument, ms = 15_000) {
    const id = this.next++;
    const answer = new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    this.child.send({ id, code: code.toString(), argument });
    return await within(ms, `answer to ${code}`, answer);
  }

  freeze() {
    this.child.kill('SIGSTOP');
  }

  thaw() {
    this.child.kill('SIGCONT');
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}

export class Fleet {
  /**
   * @param kind one of `kinds`
   * @param options.urls where each server finds Redis, by its name: for a proxy in between
   * @param options.cluster further settings of the relays' [cluster]
   * @param options.settings further settings of the relays
   */
  static async start(kind = kinds[0], { urls = {}, cluster = {}, settings = {}, redis } = {}) {
    const fleet = new Fleet();
    fleet.kind = kind;
    fleet.redis = redis ?? await Redis.start();
    fleet.prefix = 'socket.io';
    fleet.servers = {};
    fleet.cluster = cluster;
    fleet.settings = settings;
    fleet.urls = urls;
    await Promise.all(['A', 'B', 'F', 'G'].map((name) => fleet.add(name)));
    fleet.people = [];
    await fleet.whole();
    return fleet;
  }

  /** Starts one of its servers. */
  async add(name) {
    const url = this.urls[name] ?? this.redis.url;
    const { adapter, mode } = this.kind;
    const isNode = ALL_NODE || name === 'A' || name === 'B';
    this.servers[name] = isNode
      ? await NodeServer.start({ redis: url, adapter, mode, prefix: this.prefix, namespaces: served(name) })
      : await startRelay({
        namespaces: served(name),
        ops: true,
        unlimited: true,
        cluster: { redis: url, adapter, mode, name, prefix: this.prefix, ...this.cluster },
        ...this.settings,
      });
    return this.servers[name];
  }

  /** Those that are no Node servers. */
  get relays() {
    return ALL_NODE ? [] : ['F', 'G'].map((name) => this.servers[name]).filter(Boolean);
  }

  get names() {
    return Object.keys(this.servers);
  }

  channel(kind, namespace = '/') {
    return kind === 'event' ? `${this.prefix}#${namespace}#` : `${this.prefix}-${kind}#${namespace}#`;
  }

  async count(namespace = '/') {
    const [command, channel] = this.kind.adapter === 'sharded'
      ? ['SHARDNUMSUB', this.channel('event', namespace)]
      : ['NUMSUB', this.channel('request', namespace)];
    const reply = await this.redis.ask('PUBSUB', command, channel);
    return Number(Array.isArray(reply) ? reply[1] : Object.values(reply)[0]);
  }

  /** Waits until so many servers are in it. */
  async whole(count = this.names.length, ms = 15_000) {
    await until(`${count} servers in the fleet`, async () => (await this.count().catch(() => 0)) === count, { ms });
    for (const relay of this.relays.filter((relay) => relay.child.exitCode === null && relay.child.signalCode === null)) {
      await until('readiness', async () => (await request(relay.opsPort, '/readyz')).status === 200, { ms });
    }
  }

  /** A client at each server, by WebSocket and by polling: eight. Each keeps what it hears. */
  async crowd(namespace = '/', transports = ['websocket', 'polling']) {
    const people = [];
    for (const name of this.names) {
      for (const transport of transports) people.push(await this.client(name, { namespace, transport }));
    }
    return people;
  }

  async client(name, { namespace = '/', transport = 'websocket', ...options } = {}) {
    const socket = io(this.servers[name].url + namespace, {
      transports: [transport],
      forceNew: true,
      reconnection: false,
      ...options,
    });
    const person = { name, socket, title: `${transport} at ${name}`, heard: [], left: undefined, marks: new Set() };
    socket.onAny((...heard) => {
      if (heard[0] !== 'mark') return void person.heard.push(heard);
      person.marks.add(heard[1]);
      person.woken?.();
    });
    socket.on('disconnect', (reason) => (person.left = reason));
    this.people.push(person);
    await connected(socket);
    if (this.kind.mode === 'dynamic-private' && namespace === '/') await this.subscribed(socket.id);
    return person;
  }

  /** Has everybody be in a room, whichever servers they are at. */
  async join(people, room) {
    await this.moved(people, room, 'enter');
  }

  async moved(people, room, how) {
    assert.equal(room, 'lobby');
    await Promise.all(people.map((person) => within(15_000, `answer to ${how}`, person.socket.emitWithAck(how))));
    // Node's sharded adapter subscribes to a room without waiting for it.
    const least = how === 'enter' ? new Set(people.map(({ name }) => name)).size : 1;
    await this.subscribed(room, { least });
  }

  /** Waits until so many servers at `least` hear a room's channel, where there is one: those that have somebody in it. */
  async subscribed(room, { namespace = '/', least = 1 } = {}) {
    if (this.kind.adapter !== 'sharded' || this.kind.mode === 'static') return;
    const channel = `${this.prefix}#${namespace}#${room}#`;
    const here = new Set(this.people.filter(({ left }) => left === undefined).map(({ name }) => name)).size;
    await until(`subscriptions of ${channel}`, async () => {
      const reply = await this.redis.ask('PUBSUB', 'SHARDNUMSUB', channel);
      const count = Number(Array.isArray(reply) ? reply[1] : Object.values(reply)[0]);
      return count >= least && count <= here;
    });
  }

  /**
   * Returns when all that was sent before has been heard by each of these: everybody sends a mark, and what one client or one
   * server says comes in order.
   */
  async settled(people = this.people, { from = this.names, ms = 15_000 } = {}) {
    const marks = [];
    for (const person of this.people) {
      if (!from.includes(person.name) || !person.socket.connected || !isRoot(person)) continue;
      const mark = `${person.title} ${Math.random()}`;
      marks.push(mark);
      person.socket.emit('mark', mark);
    }
    const there = people.filter((person) => isRoot(person) && person.left === undefined);
    await Promise.all(there.map((person) => {
      const complete = () => marks.every((mark) => person.marks.has(mark));
      const all = new Promise((resolve) => {
        person.woken = () => complete() && resolve();
        person.woken();
      });
      const missing = () => marks.filter((mark) => !person.marks.has(mark)).join(', ');
      return within(ms, 'marks', all).catch(() => assert.fail(`${person.title} misses ${missing()}`));
    }));
  }

  /** What each has heard since the last time. */
  heard(people = this.people) {
    return people.map((person) => person.heard.splice(0));
  }

  /** Each has heard exactly this since the last time: a list, or a function of the person. */
  async hears(people, expected, options) {
    await this.settled(people, options);
    for (const person of people) {
      const heard = person.heard.splice(0);
      assert.deepEqual(heard, typeof expected === 'function' ? expected(person) : expected, person.title);
    }
  }

  disperse() {
    this.people.splice(0).forEach(({ socket }) => socket.disconnect());
  }

  async stop() {
    this.disperse?.();
    await Promise.all(Object.values(this.servers).map((server) => server.kill()));
    await this.redis.stop();
  }
}

const isRoot = ({ socket }) => socket.nsp === '/';

/** A fleet for all tests of one `describe`; its clients go after each. */
export function sharedFleet({ before, after, afterEach }, kind, options) {
  const holder = {};
  before(async () => {
    holder.fleet = await Fleet.start(kind, options);
  });
  afterEach(() => holder.fleet?.disperse());
  after(async () => {
    await holder.fleet?.stop();
  });
  return holder;
}
