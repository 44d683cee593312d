// The wire of the official Admin UI, as the page speaks it.
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { instrument } from '@socket.io/admin-ui';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { event, until, within } from './within.mjs';

/** Of `secret`, at bcrypt's lowest cost: the tests are not about how long it takes. */
export const bcryptOfSecret = '$2a$04$jWos3sM8Jm3qoNkRwJno1e/P54xZg2E22LS6doL.R4fI0iaqT2X2K';
export const credentials = { username: 'admin', password: 'secret' };
export const uiDir = fileURLToPath(new URL('../node_modules/@socket.io/admin-ui/ui/dist', import.meta.url));

/** `[admin]`, with what else it has. */
export const adminToml = (more = '') =>
  `[admin]\nusername = "admin"\npassword_bcrypt = "${bcryptOfSecret}"\n${more}\n`;

/** An administrator: a client that keeps what it is told, `told.server_stats` and so on. */
export function administrator(t, url, auth = credentials, options = {}) {
  const socket = io(`${url}/admin`, { forceNew: true, reconnection: false, auth, ...options });
  t.after(() => socket.disconnect());
  socket.told = {};
  socket.onAny((name, ...args) => (socket.told[name] ??= []).push(args));
  return socket;
}

/** One that is in. */
export async function loggedIn(t, url, auth, options) {
  const socket = administrator(t, url, auth, options);
  await within(10_000, 'login', new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  }));
  await told(socket, 'config');
  return socket;
}

/** Waits until it was told something for which `is` holds, and gives its arguments. */
export async function told(socket, name, is = () => true, ms = 10_000) {
  const found = () => (socket.told[name] ?? []).find((args) => is(...args));
  await until(`${name} for the administrator`, () => found() !== undefined, { ms });
  return found();
}

/** The reference, instrumented: { url, io, close }. */
export async function instrumented(t, options = {}, { adapter } = {}) {
  const server = createServer();
  const hub = new Server(server, { adapter });
  instrument(hub, { auth: { type: 'basic', username: 'admin', password: bcryptOfSecret }, mode: 'production', ...options });
  hub.on('connection', (socket) => socket.onAny((name, ...args) => hub.emit(name, ...args)));
  server.listen(0, '127.0.0.1');
  await event(server, 'listening');
  t.after(() => hub.close());
  return { url: `http://127.0.0.1:${server.address().port}`, io: hub };
}
