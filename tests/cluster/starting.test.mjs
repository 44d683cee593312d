// A start that cannot succeed says why, and waits or ends as it is told to: row 28. Without a cluster there is none: row 30.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { adminToml } from '../lib/admin.mjs';
import { clientsOf } from '../lib/clients.mjs';
import { scrape } from '../lib/metrics.mjs';
import { freePort } from '../lib/ports.mjs';
import { request } from '../lib/raw-http.mjs';
import { Redis } from '../lib/redis.mjs';
import { fanfare, startRelay } from '../lib/relay.mjs';
import { until } from '../lib/within.mjs';
import { ALL_NODE } from './fleet.mjs';

const namespaces = [{ name: '/', rules: [{ on: 'update' }] }];
const settings = (cluster, more) => ({ namespaces, ops: true, cluster, ...more });

/** How a relay ends that may not start without its fleet. */
const failing = (cluster, more) => fanfare([], settings({ at_start: 'fail', ...cluster }, more), { env: { FANFARE_LISTEN: '127.0.0.1:0' } });

const ready = async (relay) => {
  const { status, body } = await request(relay.opsPort, '/readyz');
  return `${status} ${body}`.trim();
};

describe('a start', { skip: ALL_NODE && 'of a relay' }, () => {
  let redis;
  let tls;
  let folder;
  before(async () => {
    redis = await Redis.start();
    await redis.ask('ACL', 'SETUSER', 'fleet', 'on', '>secret', 'resetchannels', '-@all',
      ...'subscribe psubscribe unsubscribe punsubscribe publish pubsub ping hello'.split(' ').map((name) => `+${name}`),
      '&socket.io#/#*', '&socket.io-request#*', '&socket.io-response#*', '&socket.io-fanfare#');
    await redis.ask('ACL', 'SETUSER', 'deaf', 'on', '>secret', 'resetchannels', '+@all', '&socket.io*');
    await redis.ask('ACL', 'SETUSER', 'default', 'resetpass', '>other');
    folder = mkdtempSync(join(tmpdir(), 'fanfare-ca-'));
    const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    for (const ca of ['ca', 'other']) {
      openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${ca}.key`, '-out', `${ca}.pem`, '-days', '2', '-subj', `/CN=${ca}`);
    }
    for (const name of ['server', 'client']) {
      openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`,
        '-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=CA:FALSE');
      openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-copy_extensions', 'copy', '-out', `${name}.pem`);
    }
    const file = (name) => join(folder, name);
    tls = await Redis.start({ tls: true, args: ['--tls-cert-file', file('server.pem'), '--tls-key-file', file('server.key'), '--tls-ca-cert-file', file('ca.pem'), '--tls-auth-clients', 'yes'] });
  });
  after(async () => {
    await redis?.stop();
    await tls?.stop();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  test('28: what is wrong ends it before it listens, and is named, but for the password', async () => {
    const { port } = redis;
    const nobody = await freePort();
    const pem = (name) => join(folder, name);
    const mine = { client_certificate: pem('client.pem'), client_key: pem('client.key') };
    for (const [cluster, why, more] of [
      [{ redis: `redis://fleet:wr0ng-pass@127.0.0.1:${port}` }, /WRONGPASS|password/i],
      [{ redis: `redis://deaf:secret@127.0.0.1:${port}` }, /socket\.io#\/#\*.*(permission|NOPERM)/i],
      [{ redis: `redis://fleet:secret@127.0.0.1:${port}` }, /socket\.io#\/admin#\*.*(permission|NOPERM)/i, { toml: adminToml('') }],
      [{ redis: `redis://127.0.0.1:${nobody}` }, /refused/i],
      [{ redis: 'redis://no-such-host.invalid:6379' }, /resolve|lookup|not known|name/i],
      [{ redis: `rediss://127.0.0.1:${tls.port}`, ca: pem('other.pem'), ...mine }, /certificate|issuer/i],
      [{ redis: `rediss://127.0.0.1:${tls.port}`, ca: pem('ca.pem') }, /certificate|closed|reset/i],
      [{ redis: `rediss://127.0.0.1:${port}`, ca: pem('ca.pem') }, /tls|corrupt|message|closed|eof|does not answer|in time/i],
    ]) {
      const { code, stdout, stderr } = await failing(cluster, more);
      assert.equal(code, 2, `${cluster.redis}: ${stderr}`);
      assert.match(stderr, why, cluster.redis);
      assert.match(stderr, /the cluster cannot be joined/);
      assert.doesNotMatch(stdout, /^listening/m);
      assert.doesNotMatch(stdout + stderr, /wr0ng-pass|:secret/);
    }
  });

  test('28: what is no address is refused by file, line and key', async () => {
    for (const [cluster, why] of [
      [{ redis: 'http://user:wr0ng-pass@127.0.0.1' }, /relay\.toml:\d+:\d+: cluster\.redis: /],
      [{ redis: 'redis://127.0.0.1', ca: '/no/such/file' }, /relay\.toml:\d+:\d+: cluster\.ca: .*no\/such\/file/],
      [{ redis: 'redis://127.0.0.1', client_key: '/no/such/file' }, /cluster\.client_key: expected cluster\.client_certificate/],
      [{ redis: 'redis://127.0.0.1', adapter: 'streams' }, /cluster\.adapter: expected "classic" or "sharded", found "streams"/],
      [{ redis: 'redis://127.0.0.1', prefix: '' }, /cluster\.prefix: /],
    ]) {
      for (const command of [['check'], []]) {
        const { code, stderr } = await fanfare(command, settings(cluster), { env: { FANFARE_LISTEN: '127.0.0.1:0' } });
        assert.equal(code, 2, stderr);
        assert.match(stderr, why);
        assert.doesNotMatch(stderr, /wr0ng-pass/);
      }
    }
  });

  test('28: with the rights that the documentation names, and by TLS with a certificate of its own, it joins', async (t) => {
    const pem = (name) => join(folder, name);
    for (const cluster of [
      { redis: `redis://fleet:secret@127.0.0.1:${redis.port}` },
      { redis: `rediss://127.0.0.1:${tls.port}`, ca: pem('ca.pem'), client_certificate: pem('client.pem'), client_key: pem('client.key') },
    ]) {
      const relay = await startRelay(settings({ at_start: 'fail', ...cluster }));
      t.after(() => relay.kill());
      await until('readiness', async () => (await ready(relay)) === '200 ready');
      const page = await scrape(relay.opsPort);
      assert.equal(page.value('fanfare_cluster_up'), 1);
      const client = await clientsOf(t).connect(relay.url);
      assert.deepEqual(await client.emitWithAck('update', 1), { status: 'ok', recipients: 1, cluster: 'sent' });
      const { code } = await relay.stop();
      assert.equal(code, 0);
      assert.doesNotMatch(relay.log, /secret/);
      assert.match(relay.log, /joined the cluster/);
    }
  });

  test('28: as it is told, it waits and is not ready, or does without; and the fleet it finds later it joins', async (t) => {
    const port = await freePort();
    const relay = await startRelay(settings({ redis: `redis://127.0.0.1:${port}` }));
    t.after(() => relay.kill());
    const alone = await startRelay(settings({ redis: `redis://127.0.0.1:${port}`, at_start: 'alone' }));
    t.after(() => alone.kill());
    assert.match(await ready(relay), /^503 cluster/);
    await until('readiness', async () => (await ready(alone)) === '200 ready');
    const client = await clientsOf(t).connect(relay.url);
    const answer = await client.emitWithAck('update', 1);
    assert.equal(answer.status, 'ok');
    assert.ok(['waiting', 'lost'].includes(answer.cluster), JSON.stringify(answer));
    await until('a line about it', () => /waiting for the cluster/.test(relay.log));
    const late = await Redis.start({ port });
    try {
      await until('readiness', async () => (await ready(relay)) === '200 ready');
      assert.equal((await client.emitWithAck('update', 1)).cluster, 'sent');
    } finally {
      await late.stop();
    }
  });

  test('under the name of another is told by both, once, and by nobody else', async (t) => {
    const own = await Redis.start();
    t.after(() => own.stop());
    const start = async (name) => {
      const relay = await startRelay(settings({ redis: own.url, name }));
      t.after(() => relay.kill());
      await until('readiness', async () => (await ready(relay)) === '200 ready');
      return relay;
    };
    const seen = (relay) => relay.log.split('\n').filter((line) => / another relay has this one's cluster\.name/.test(line));
    const appeared = (relay) => relay.log.split('\n').filter((line) => / another node is there/.test(line)).length;
    const [one, other] = [await start('eu'), await start('us')];
    const twin = await start('eu');
    for (const relay of [one, other, twin]) await until('all to be seen', () => appeared(relay) >= 2);
    for (const relay of [one, twin]) {
      assert.equal(seen(relay).length, 1, relay.log);
      assert.match(seen(relay)[0], / WARN .* uid=\S+ name="?eu/);
    }
    assert.deepEqual(seen(other), []);
    await twin.stop();
    await start('eu');
    await until('it to be told again', () => seen(one).length === 2);
  });

  test('30: without a cluster there is not a word of it', async (t) => {
    const relay = await startRelay({ namespaces, ops: true });
    t.after(() => relay.kill());
    const client = await clientsOf(t).connect(relay.url);
    assert.deepEqual(await client.emitWithAck('update', 1), { status: 'ok', recipients: 1 });
    // That the HTTP API may refuse for want of one is among the codes of its problems, whatever is configured.
    assert.doesNotMatch((await scrape(relay.opsPort)).text.replaceAll('code="cluster_unavailable"', ''), /cluster/);
    await relay.stop();
    assert.doesNotMatch(relay.log, /cluster|redis/i);
  });
});
