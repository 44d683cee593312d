// An official server with the official Redis adapter and the relay's rules on top: a neighbour in the fleet. Its parent tells
// it by IPC what to do: the text of a function, which gets `io`, and what it takes.
import { createServer } from 'node:http';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { createClient, createCluster } from 'redis';
import { Server } from 'socket.io';
import { relayEvents } from '../reference/rules.mjs';

const settings = JSON.parse(process.argv[2]);

// As every guide has it, but that the process goes on when a command fails: a fleet's operator would have it so.
process.on('unhandledRejection', () => {});
// Several addresses are those of a Redis Cluster.
const publisher = Array.isArray(settings.redis)
  ? createCluster({ rootNodes: settings.redis.map((url) => ({ url })) })
  : createClient({ url: settings.redis });
const subscriber = publisher.duplicate();
for (const client of [publisher, subscriber]) client.on('error', () => {});
await Promise.all([publisher.connect(), subscriber.connect()]);

const adapter = settings.adapter === 'sharded'
  ? createShardedAdapter(publisher, subscriber, { channelPrefix: settings.prefix, subscriptionMode: settings.mode })
  : createAdapter(publisher, subscriber, { key: settings.prefix, publishOnSpecificResponseChannel: settings.specific });
const http = createServer();
const io = new Server(http, { adapter, maxHttpBufferSize: 1e6 });
for (const { name, rules } of settings.namespaces) relayEvents(io.of(name), rules);

process.on('message', async ({ id, code, argument }) => {
  try {
    // eslint-disable-next-line no-eval
    const value = await (0, eval)(`(${code})`)(io, argument);
    process.send({ id, value });
  } catch (error) {
    process.send({ id, error: error.message, responses: error.responses });
  }
});
process.on('disconnect', () => process.exit());

http.listen(0, '127.0.0.1', () => process.send({ port: http.address().port }));
