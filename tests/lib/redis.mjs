// A Redis of the test's own, on a port that it finds: killed and started again, asked and told as an operator would.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { freePort } from './ports.mjs';
import { event, until, within } from './within.mjs';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

const REDIS_SERVER = process.env.REDIS_SERVER ?? 'redis-server';

const takesConnections = (port) => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1');
  socket.on('connect', () => resolve(true)).on('error', () => resolve(false)).on('close', () => socket.destroy());
  socket.on('connect', () => socket.destroy());
});

export class Redis {
  /**
   * @param options.args further arguments
   * @param options.tls whether it speaks nothing else
   * @param options.hasBus whether it also takes the port that is 10,000 higher
   */
  static async start({ args = [], port, tls, hasBus = false } = {}) {
    const redis = new this();
    redis.folder = mkdtempSync(join(tmpdir(), 'fanfare-redis-'));
    redis.args = args;
    for (let tries = 0; ; tries += 1) {
      redis.port = port ?? await freePort(...(hasBus ? [10_000] : []));
      try {
        await redis.rise(tls);
        return redis;
      } catch (error) {
        // Somebody was faster.
        if (tries === 3 || port) throw error;
      }
    }
  }

  async rise(tls = this.tls) {
    this.tls = tls;
    const where = tls ? ['--port', '0', '--tls-port', String(this.port)] : ['--port', String(this.port)];
    const args = [...where, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.folder, ...this.args];
    this.child = spawn(REDIS_SERVER, this.command ?? args, { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this.child);
    let said = '';
    this.child.stdout.on('data', (bytes) => (said += bytes));
    this.child.stderr.on('data', (bytes) => (said += bytes));
    const { child } = this;
    this.exited = new Promise((resolve) => child.on('close', resolve).on('error', resolve)).finally(() => running.delete(child));
    let isGone = false;
    this.exited.then(() => (isGone = true));
    await until('a Redis', async () => {
      if (isGone) throw new Error(`redis-server ended:\n${said}`);
      return await takesConnections(this.port);
    });
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** A client of its own; `redis.close()` closes it. */
  async client() {
    if (!this.ours) {
      this.ours = createClient({ url: this.url });
      this.ours.on('error', () => {});
      await this.ours.connect();
    }
    return this.ours;
  }

  /** One command, in parts. */
  async ask(...command) {
    return await within(10_000, `reply to ${command[0]}`, (await this.client()).sendCommand(command));
  }

  async publish(channel, body) {
    return await (await this.client()).publish(channel, body);
  }

  async publishSharded(channel, body) {
    return await (await this.client()).sPublish(channel, body);
  }

  async kill() {
    this.ours?.destroy();
    this.ours = undefined;
    this.child.kill('SIGKILL');
    await this.exited;
  }

  freeze() {
    this.child.kill('SIGSTOP');
  }

  thaw() {
    this.child.kill('SIGCONT');
  }

  async stop() {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A sentinel that watches one master, which it calls `mine`, and is enough by itself to name another. */
export class Sentinel extends Redis {
  static async start(master) {
    const sentinel = new Sentinel();
    sentinel.folder = mkdtempSync(join(tmpdir(), 'fanfare-sentinel-'));
    sentinel.args = [];
    sentinel.port = await freePort();
    const file = join(sentinel.folder, 'sentinel.conf');
    writeFileSync(file, `port ${sentinel.port}
bind 127.0.0.1
dir ${sentinel.folder}
sentinel monitor mine 127.0.0.1 ${master} 1
sentinel down-after-milliseconds mine 500
sentinel failover-timeout mine 3000
`);
    sentinel.command = [file, '--sentinel'];
    await sentinel.rise();
    return sentinel;
  }
}
