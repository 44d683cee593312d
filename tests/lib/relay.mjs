// Starts a relay as an operator does: a process, a config file, a port that the kernel chose.
// HUB=reference runs the suites against the hub on Node; otherwise they run against the binary FANFARE_BIN.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaults } from './settings.mjs';
import { toToml } from './fanfare-config.mjs';
import { freePort } from './ports.mjs';
import { within } from './within.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export const HUB = process.env.HUB ?? 'fanfare';
export const FANFARE_BIN = process.env.FANFARE_BIN ?? here('../../target/debug/fanfare');
export const clientDir = here('../node_modules/socket.io-client/dist');

if (HUB !== 'fanfare' && HUB !== 'reference') throw new Error(`HUB is "${HUB}", not "fanfare" or "reference"`);
if (HUB === 'fanfare' && !existsSync(FANFARE_BIN)) {
  throw new Error(`no relay at ${FANFARE_BIN}: build it, or set FANFARE_BIN, or HUB=reference`);
}

// The last resort: whatever a failed test left running ends with the test's own process.
const running = new Set();
process.on('exit', () => running.forEach((relay) => relay.child.kill('SIGKILL')));

/** Starts the relay under test and waits until it listens. */
export const startRelay = (settings = {}, options = {}) => start(HUB, settings, options);

/** Starts the hub on Node, whatever is under test: the other side of every comparison. */
export const startReference = (settings = {}, options = {}) => start('reference', settings, options);

/**
 * @param options.port a port to take again (a restart); otherwise the kernel chooses
 * @param options.willReturn whether it will be started again on its port, so that nobody may take that meanwhile
 * @param options.args further arguments for fanfare (flags instead of the config file)
 * @param options.env further variables of its environment
 */
async function start(kind, settings, { port = 0, willReturn = false, args = [], env } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-test-'));
  const full = { ...defaults, ...settings };
  const listen = `127.0.0.1:${willReturn ? await freePort() : port}`;
  let command;
  let configure;
  if (kind === 'reference') {
    const file = join(folder, 'hub.json');
    writeFileSync(file, JSON.stringify(full));
    command = [process.execPath, [here('../reference/hub.mjs'), '--settings', file, '--listen', listen]];
  } else {
    const file = written(folder, full);
    command = [FANFARE_BIN, ['--config', file, '--listen', listen, ...args]];
    configure = (others) => void written(folder, { ...defaults, ...others });
  }
  const relay = await spawned(kind, command, folder, env);
  /** Writes other settings into its config file; it does not read them by itself. */
  relay.configure = configure;
  return relay;
}

/** Writes a config file and those beside it. */
function written(folder, settings) {
  for (const [name, content] of Object.entries(settings.files)) writeFileSync(join(folder, name), content);
  const file = join(folder, 'relay.toml');
  writeFileSync(file, toToml(settings));
  return file;
}

/** Runs `fanfare COMMAND… --config` on a file with these settings to its end: { code, stdout, stderr }. */
export async function fanfare(command, settings, { env } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-test-'));
  const file = written(folder, { ...defaults, ...settings });
  const child = spawn(FANFARE_BIN, [...command, '--config', file], { env: { ...process.env, ...env } });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name].on('data', (bytes) => (said[name] += bytes));
  try {
    const code = await within(20_000, `end of fanfare ${command[0]}`, new Promise((resolve) => child.on('close', resolve)));
    return { code, ...said };
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In the environment: it ends at once, also with clients. */
export const endsAtOnce = { FANFARE_DRAIN_WAIT_S: '0', FANFARE_DRAIN_SPREAD_S: '0' };

/** Starts fanfare with exactly these arguments: for tests of the command line. */
export async function startFanfareWith(args) {
  return await startFanfareBy(FANFARE_BIN, args);
}

/** Starts fanfare by another program, which becomes it. */
export async function startFanfareBy(program, args) {
  return await spawned('fanfare', [program, args], mkdtempSync(join(tmpdir(), 'fanfare-test-')), endsAtOnce);
}

async function spawned(kind, [program, args], folder, env) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const relay = new Relay(kind, child, folder);
  running.add(relay);
  try {
    relay.port = await within(15_000, `listening line from the ${kind}`, relay.listening());
  } catch (error) {
    await relay.kill();
    throw new Error(`${error.message}\n${relay.log}`);
  }
  return relay;
}

export class Relay {
  log = '';

  constructor(kind, child, folder) {
    this.kind = kind;
    this.child = child;
    this.pid = child.pid;
    child.stdout.on('data', (bytes) => (this.log += bytes));
    child.stderr.on('data', (bytes) => (this.log += bytes));
    /** Settles with { code, signal } when the process is gone. */
    this.exited = new Promise((resolve) => {
      child.on('error', (error) => resolve({ code: -1, error }));
      child.on('close', (code, signal) => resolve({ code, signal }));
    }).finally(() => {
      running.delete(this);
      rmSync(folder, { recursive: true, force: true });
    });
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The port for operators, which `settings.ops` asks for. */
  get opsPort() {
    return Number(/^ops on http:\/\/127\.0\.0\.1:(\d+)/m.exec(this.log)[1]);
  }

  listening() {
    return new Promise((resolve, reject) => {
      let seen = '';
      this.child.stdout.on('data', (bytes) => {
        seen += bytes;
        const line = /^listening on http:\/\/127\.0\.0\.1:(\d+)\/?\s*$/m.exec(seen);
        if (line) resolve(Number(line[1]));
      });
      this.exited.then(({ code, error }) => reject(new Error(`the ${this.kind} ended with ${error ?? code}`)));
    });
  }

  /** Asks it to end; gives its exit code and how long it took. */
  async stop(ms = 15_000) {
    const from = performance.now();
    this.child.kill('SIGTERM');
    const { code, signal } = await within(ms, `end of the ${this.kind} after SIGTERM`, this.exited);
    return { code, signal, ms: performance.now() - from };
  }

  async kill() {
    this.child.kill('SIGKILL');
    return await this.exited;
  }

  /** Stops the process where it stands, as an overloaded or swapped machine would. */
  freeze() {
    this.child.kill('SIGSTOP');
  }

  thaw() {
    this.child.kill('SIGCONT');
  }

  /** Resident memory in bytes. */
  memory() {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)[1]) * 1024;
  }

  /** Seconds of processor time used so far. */
  cpuSeconds() {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100; // USER_HZ is 100 on every Linux we meet
  }

  /** For how many milliseconds each of its threads had work and no processor so far, by the thread's number. */
  queued() {
    const waits = new Map();
    for (const thread of readdirSync(`/proc/${this.pid}/task`)) {
      try {
        waits.set(thread, Number(readFileSync(`/proc/${this.pid}/task/${thread}/schedstat`, 'utf8').split(' ')[1]) / 1e6);
      } catch {
        // It has just ended.
      }
    }
    return waits;
  }

  descriptors() {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }
}

/** A relay for all tests of one `describe`: started before them, stopped after. */
export function sharedRelay({ before, after }, settings, options) {
  const holder = {};
  before(async () => {
    holder.relay = await startRelay(settings, options);
  });
  after(async () => {
    await holder.relay?.kill();
  });
  return {
    get url() {
      return holder.relay.url;
    },
    get port() {
      return holder.relay.port;
    },
    get relay() {
      return holder.relay;
    },
  };
}
