// `fanfare listen` and `fanfare emit` as a shell runs them, and servers for them to talk to.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server } from 'socket.io';
import { FANFARE_BIN, HUB, endsAtOnce, startReference, startRelay } from './relay.mjs';
import { until, within } from './within.mjs';

export const skip = HUB === 'reference' && 'it is the client that is tested';

/** What a status means: docs/shell.md. */
export const status = { done: 0, refused: 1, misused: 2, unreachable: 3, timedOut: 4 };

/** Both hubs: what is true of one server is to be true of any. */
export const hubs = { relay: startRelay, reference: startReference };

/** A command that runs: what it said so far, and its end. */
export class Command {
  out = '';
  err = '';

  constructor(child) {
    this.child = child;
    child.stdout?.on('data', (bytes) => (this.out += bytes));
    child.stderr?.on('data', (bytes) => (this.err += bytes));
    this.exited = new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)));
  }

  /** The events it printed, as far as their lines are whole. */
  get events() {
    return this.out.split('\n').slice(0, -1).map((line) => JSON.parse(line));
  }

  /** Waits until it has printed so many events: their names and arguments. */
  async printed(count, ms = 10_000) {
    await until(`${count} events`, () => this.events.length >= count, { ms }).catch((error) => {
      throw new Error(`${error.message}: ${this.out}\n${this.err}`);
    });
    return this.events.map(({ event, args }) => [event, ...args]);
  }

  /** Waits until standard error has this. */
  async says(pattern, ms = 10_000) {
    await until(`"${pattern}" on standard error`, () => pattern.test(this.err), { ms }).catch((error) => {
      throw new Error(`${error.message}: ${this.err}`);
    });
  }

  /** Waits for its end by itself. */
  async ends(ms = 15_000) {
    const code = await within(ms, 'end of the command', this.exited);
    return { code, out: this.out, err: this.err };
  }

  /** Asks it to end. */
  async stop(signal = 'SIGINT') {
    this.child.kill(signal);
    return await this.ends();
  }
}

/** Runs a program, and ends it with the test. */
export function runs(t, program, args, { env = {}, stdin = 'ignore', stdout = 'pipe' } = {}) {
  const child = spawn(program, args, { stdio: [stdin, stdout, 'pipe'], env: { PATH: process.env.PATH, ...env } });
  // Who knows without it that it was asked wrongly ends before it has read it.
  child.stdin?.on('error', () => {});
  t.after(() => child.kill('SIGKILL'));
  return new Command(child);
}

/** `fanfare listen`, once it is connected. */
export async function listening(t, args, options) {
  const command = runs(t, FANFARE_BIN, ['listen', ...args], options);
  await command.says(/^fanfare: connected to /m);
  return command;
}

/** `fanfare emit`, to its end. */
export async function emitted(t, args, { input, ...options } = {}) {
  const command = runs(t, FANFARE_BIN, ['emit', ...args], { ...options, stdin: input === undefined ? 'ignore' : 'pipe' });
  if (input !== undefined) command.child.stdin.end(input);
  return await command.ends();
}

/** A relay with a certificate: its URL. */
export async function relayWithTls(t, { at }) {
  const env = { ...endsAtOnce, FANFARE_TLS_CERTIFICATE: at('site.crt'), FANFARE_TLS_KEY: at('site.key') };
  const relay = runs(t, FANFARE_BIN, ['--listen', '127.0.0.1:0'], { env });
  await until('the listening line', () => /^listening on https:/m.test(relay.out), { ms: 15_000 });
  return /^listening on (https:\/\/127\.0\.0\.1:\d+)/m.exec(relay.out)[1];
}

/** The official server in this process, for what no hub does. */
export async function server(t, { port = 0, tls, ...options } = {}) {
  const http = tls ? createTlsServer(tls) : createServer();
  const io = new Server(http, options);
  http.listen(port, '127.0.0.1');
  await once(http, 'listening');
  t.after(() => io.close());
  const at = http.address().port;
  return { io, http, port: at, url: `${tls ? 'https' : 'http'}://127.0.0.1:${at}` };
}

/** A CA, and a certificate of it for this machine. */
export function certificates(t) {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-shell-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name) => join(folder, name);
  const make = (...args) => execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
    '-nodes', '-days', '2', ...args], { stdio: 'ignore' });
  make('-subj', '/CN=Fanfare tests', '-keyout', at('ca.key'), '-out', at('ca.crt'));
  make('-subj', '/CN=other', '-keyout', at('other.key'), '-out', at('other.crt'));
  make('-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:false',
    '-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-keyout', at('site.key'), '-out', at('site.crt'));
  return { at, key: readFileSync(at('site.key')), cert: readFileSync(at('site.crt')) };
}
