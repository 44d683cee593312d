// A client that sends nonsense, over and over, disturbs nobody: not those who are connected, not their order.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { survives } from '../lib/bystander.mjs';
import { clientsOf, variants } from '../lib/clients.mjs';
import { open } from '../lib/raw-http.mjs';
import { frame, openWebSocket } from '../lib/raw-ws.mjs';
import { startRelay } from '../lib/relay.mjs';
import { until } from '../lib/within.mjs';

const target = '/socket.io/?EIO=4&transport=websocket';
const nonsense = ['42[', '9', '', '2', '451-["x",{"_placeholder":true,"num":7}]', '44{}', '42["connect"]', '4\u0000', 'é', Buffer.from([0])];

describe('a garbage client', () => {
  test('disturbs neither the connections nor the order of the others', async (t) => {
    const relay = await startRelay();
    t.after(() => relay.kill());
    const clients = await Promise.all(variants.map((variant) => clientsOf(t, variant).connect(relay.url)));
    const last = clients.map(() => -1);
    const faults = [];
    clients.forEach((client, i) => {
      client.on('disconnect', (reason) => faults.push(`client ${i} was disconnected: ${reason}`));
      client.on('update', (n) => {
        if (n !== last[i] + 1) faults.push(`client ${i} got ${n} after ${last[i]}`);
        last[i] = n;
      });
    });

    let done = false;
    const garbage = (async () => {
      for (let i = 0; !done; i++) {
        if (i % 4 === 3) {
          const connection = await open(relay.port);
          connection.write(Buffer.from(`\x00\x01GET nonsense ${i}\r\n\r\n`));
          connection.destroy();
          continue;
        }
        const ws = await openWebSocket(relay.port, target);
        if (i % 2) ws.send('40');
        ws.send(nonsense[i % nonsense.length]);
        ws.write(frame('x', { rsv: i % 8 }));
        await ws.end(5000);
      }
    })();
    await survives(t, relay, async () => {
      for (let n = 0; n < 500; n++) await clients[n % 2].timeout(5000).emitWithAck('update', n);
      await until('everyone has all events', () => last.every((n) => n === 499));
    });
    done = true;
    await garbage;
    assert.deepEqual(faults, []);
    clients.forEach((client) => client.off('disconnect'));
  });
});
