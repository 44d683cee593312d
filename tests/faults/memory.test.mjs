// What a burst took is the machine's again within seconds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HUB, startRelay } from '../lib/relay.mjs';
import { openWebSocket } from '../lib/raw-ws.mjs';
import { withRules } from '../lib/settings.mjs';
import { until } from '../lib/within.mjs';

const MIB = 2 ** 20;

test('memory that waited for clients that did not read is given back when they are gone', { skip: HUB === 'reference' && 'its own allocator' }, async (t) => {
  const relay = await startRelay(withRules([{ on: '*', to: 'sender' }]));
  t.after(() => relay.kill());
  const open = async () => {
    const ws = await openWebSocket(relay.port, '/socket.io/?EIO=4&transport=websocket');
    ws.send('40');
    await ws.until(/^40/);
    return ws;
  };
  const stays = await open();
  t.after(() => stays.destroy());
  const before = relay.memory();
  const crowd = [];
  for (let i = 0; i < 20; i++) crowd.push(await open());
  t.after(() => crowd.forEach((ws) => ws.destroy()));
  for (const ws of crowd) {
    ws.stall();
    for (let i = 0; i < 12; i++) ws.send(`42["m","${'x'.repeat(900_000)}"]`);
  }
  await until('the burst', () => relay.memory() > before + 80 * MIB, { ms: 20_000 });
  crowd.forEach((ws) => ws.destroy());
  await until('what was before, and a tenth of the burst', () => relay.memory() < before + 12 * MIB, { ms: 25_000 });
  stays.send('42["m",1]');
  await stays.until(/^42/);
  assert.ok(relay.memory() > 0);
});
