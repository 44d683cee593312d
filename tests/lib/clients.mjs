// The official JavaScript clients, in the versions and transports that people run.
import { io as ioNewest } from 'socket.io-client';
import { io as io475 } from 'socket.io-client-4.7.5';
import { PATIENCE, event, within } from './within.mjs';

const versions = { 'client 4.7.5': io475, 'newest client': ioNewest };
const transports = {
  'websocket only': { transports: ['websocket'] },
  'polling only': { transports: ['polling'] },
  'default with upgrade': {},
};

/** Every version over every transport: [{ title, io, options }]. */
export const variants = Object.entries(versions).flatMap(([version, io]) =>
  Object.entries(transports).map(([transport, options]) => ({ title: `${version}, ${transport}`, io, options })),
);

/** Makes clients and closes them all when the test `t` ends. */
export function clientsOf(t, { io, options } = { io: ioNewest, options: {} }) {
  const open = [];
  t.after(() => open.forEach((client) => client.disconnect()));

  /** A client that may not have connected yet. `forceNew`: two of them never share one connection. */
  const start = (url, extra = {}) => {
    const client = io(url, { forceNew: true, reconnection: false, ...options, ...extra });
    open.push(client);
    return client;
  };
  /** A client that has. */
  const connect = async (url, extra) => {
    const client = start(url, extra);
    await connected(client);
    return client;
  };
  const connectMany = (count, url, extra) => Promise.all(Array.from({ length: count }, () => connect(url, extra)));
  return { start, connect, connectMany };
}

export async function connected(client, ms = PATIENCE) {
  if (client.connected) return;
  await within(ms, 'connection', new Promise((resolve, reject) => {
    client.once('connect', resolve);
    client.once('connect_error', (error) => reject(new Error(`connect_error: ${error.message}`)));
  }));
}

/** Waits until a client of the default transports has left polling. */
export async function upgraded(client, ms = PATIENCE) {
  const engine = client.io.engine;
  if (engine.transport.name !== 'websocket') await event(engine, 'upgrade', ms);
}

/** The arguments of the next event of this name. */
export const received = (client, name, ms = PATIENCE) => event(client, name, ms);

/** Collects every event of every client from now on: [[name, ...args], …] per client. */
export function recorded(client) {
  const events = [];
  client.onAny((...event) => events.push(event));
  return events;
}

/**
 * Sends one event around to prove that everything before it has come: what is not there then never will be.
 * The relay must relay `name` to its sender.
 */
export async function settled(client, name) {
  const mark = `mark ${Math.random()}`;
  const seen = within(PATIENCE, `return of "${name}"`, new Promise((resolve) => {
    const listener = (value) => {
      if (value !== mark) return;
      client.off(name, listener);
      resolve();
    };
    client.on(name, listener);
  }));
  client.emit(name, mark);
  await seen;
}
