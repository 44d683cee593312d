// What the programs of a fleet say to each other by serverSideEmit, where one of them is made of the library:
// crates/cluster/examples/cluster.rs beside an official server. (What a relay does with it: questions.test.mjs.)
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { io } from 'socket.io-client';
import { connected } from '../lib/clients.mjs';
import { Redis } from '../lib/redis.mjs';
import { until } from '../lib/within.mjs';
import { NodeServer } from './fleet.mjs';

const PROGRAM = fileURLToPath(new URL('../../target/debug/examples/cluster', import.meta.url));
if (!existsSync(PROGRAM)) throw new Error(`no program at ${PROGRAM}: cargo build -p fanfare-cluster --example cluster`);

for (const kind of [{ adapter: 'classic' }, { adapter: 'sharded', mode: 'dynamic' }]) {
  describe(`programs in a ${kind.adapter} fleet`, () => {
    let redis;
    let node;
    let program;
    let client;

    before(async () => {
      redis = await Redis.start();
      const env = { ...process.env, PORT: '0', REDIS: redis.url, ...(kind.mode && { SHARDED: '1' }) };
      program = spawn(PROGRAM, { env, stdio: ['ignore', 'pipe', 'inherit'] });
      let url;
      createInterface({ input: program.stdout }).on('line', (line) => (url ??= /^listening on (.*)/.exec(line)?.[1]));
      await until('the program listens', () => url, { ms: 10_000 });
      node = await NodeServer.start({ redis: redis.url, ...kind, prefix: 'socket.io', namespaces: [] });
      client = io(url, { forceNew: true, transports: ['websocket'] });
      await connected(client);
      await until('both are counted', async () => (await node.run((io) => io.of('/').adapter.serverCount())) === 2);
    });

    after(async () => {
      client?.close();
      program?.kill('SIGKILL');
      await node?.kill();
      await redis?.stop();
    });

    test('a Node server is answered by the handler, and by null where there is none', async () => {
      const ask = (name, ...args) => node.run((io, [name, args]) => io.serverSideEmitWithAck(name, ...args), [name, args]);
      assert.deepEqual(await ask('clients'), [1]);
      assert.deepEqual(await ask('clients', 'too much'), [null]);
      assert.deepEqual(await ask('whatever'), [null]);
    });

    test('what a Node server says reaches the program once, in order', async () => {
      const heard = [];
      client.on('announced', (text) => heard.push(text));
      await node.run((io) => ['a', 'b', 'é😀'].forEach((text) => io.serverSideEmit('announce', text)));
      await until('all is heard', () => heard.length >= 3);
      assert.deepEqual(heard, ['a', 'b', 'é😀']);
      client.off('announced');
    });

    test('what the program says reaches the Node server, and not itself', async () => {
      await node.run((io) => void io.on('announce', (...args) => (globalThis.announced = args)));
      client.on('announced', () => assert.fail('it has not said so to itself'));
      client.emit('announce', 'here');
      const announced = await until('it is heard', () => node.run(() => globalThis.announced));
      assert.deepEqual(announced, ['here']);
    });
  });
}
