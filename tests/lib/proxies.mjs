// Proxies in front of relays, as docs/behind-a-proxy.md has them configured: the test takes the document's own block and puts
// its ports, names and files in.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect as http2, constants } from 'node:http2';
import { Agent, request } from 'node:https';
import { connect as tcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './ports.mjs';
import { event, until, within } from './within.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const ours = here('../.cache/proxies');
const docs = readFileSync(here('../../docs/behind-a-proxy.md'), 'utf8');

/** A code block of the document. */
const block = (language) => new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'ms').exec(docs)[1];

/**
 * What each needs around its block: `wrap` gives the whole file. Then the edits that checks make: `bare` has no stickiness,
 * `brief` gives up what is silent for a second (Caddy nothing, Apache no WebSockets), `hurried` keeps idle connections as
 * long, or for `patience` ms.
 */
export const proxies = {
  nginx: {
    block: block('nginx'),
    args: (file, folder) => ['-p', folder, '-c', file],
    wrap: (config, folder) => `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
      events { worker_connections 256; }
      http { access_log off; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')}
      ${config} }`,
    bare: [/hash .*;|userid.*;/g, ''],
    brief: [/(proxy_read_timeout) 60s/, '$1 1s'],
    hurried: [/(keepalive_timeout) 60s/, '$1 1s'],
  },
  haproxy: {
    block: block('haproxy'),
    args: (file) => ['-db', '-q', '-f', file],
    wrap: (config) => `global\n    maxconn 256\n    ssl-default-bind-options ssl-min-ver TLSv1.2\n${config}`,
    bare: [/^ *cookie .*|cookie [ab]/gm, ''],
    brief: [/(timeout (?:client|server|tunnel)) 60s/g, '$1 1s'],
    // It closes half of what it has not needed each time, and thinks that it needs those of its health checks.
    hurried: [/check$/gm, 'pool-purge-delay 1s'],
    patience: 6000,
  },
  caddy: {
    block: block('caddyfile'),
    args: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
    // Its administration has a fixed port, and redirects would take port 80.
    wrap: (config, folder) => `{\n admin off\n auto_https disable_redirects\n storage file_system ${folder}/data\n log {\n level ERROR\n }\n}\n${config}`,
    bare: [/lb_policy cookie route/, 'lb_policy round_robin'],
    brief: undefined,
    hurried: [/(keepalive) 60s/, '$1 1s'],
  },
  apache2: {
    block: block('apache'),
    args: (file, folder) => ['-D', 'FOREGROUND', '-f', file, '-d', folder],
    wrap: (config, folder, port) => {
      const root = program('apache2').startsWith(ours) ? ours : '';
      const enabled = /^a2enmod (.*)$/m.exec(docs)[1].split(' ');
      const modules = ['mpm_event', 'authz_core', 'socache_shmcb', ...enabled]
        .map((name) => `LoadModule ${name}_module ${root}/usr/lib/apache2/modules/mod_${name}.so`);
      return `${modules.join('\n')}\nListen ${port}\nPidFile ${folder}/pid\nDefaultRuntimeDir ${folder}\nMutex file:${folder}\n
        ServerName localhost\nErrorLog ${folder}/log\nLogLevel crit\nStartServers 1\nUser #65534\nGroup #65534\n${config}`;
    },
    bare: [/ProxySet stickysession.*|Header add .*/g, ''],
    brief: [/(ProxyTimeout) 60/, '$1 1'],
    briefly: ['polling'],
    hurried: [/ttl=60/g, 'ttl=1'],
  },
};

function program(name) {
  const own = ['sbin', 'bin'].map((folder) => join(ours, 'usr', folder, name)).find(existsSync);
  return process.env[name.toUpperCase()] ?? own ?? name;
}

/** Libraries that came with our programs. */
const libraries = () => readdirSync(join(ours, 'usr/lib')).filter((name) => name.endsWith('-linux-gnu')).map((name) => join(ours, 'usr/lib', name));

/** Starts a proxy in front of one relay or two. `edits`: [pattern, replacement] for its block. */
export async function startProxy({ before, after }, name, hubs, edits = []) {
  const proxy = { name, hubs };
  before(async () => {
    const { block, wrap, args } = proxies[name];
    const folder = (proxy.folder = mkdtempSync(join(tmpdir(), `fanfare-${name}-`)));
    proxy.port = await freePort();
    const ca = authority();
    const told = [
      ...edits,
      [/10\.0\.0\.11:3000/g, `127.0.0.1:${hubs[0].port}`],
      [/10\.0\.0\.12:3000/g, `127.0.0.1:${(hubs[1] ?? hubs[0]).port}`],
      [/\/etc\/ssl\/app\.example\.com/g, join(certificates, 'site')],
      [/^app\.example\.com/m, `https://localhost:${proxy.port}`],
      [/app\.example\.com/g, 'localhost'],
      [/\b443\b/g, proxy.port],
    ];
    const config = told.reduce((text, [pattern, by]) => {
      if (!text.match(pattern) && edits.some(([edit]) => edit === pattern)) throw new Error(`no ${pattern} in:\n${text}`);
      return text.replace(pattern, by);
    }, block);
    const file = join(folder, name === 'haproxy' ? 'haproxy.cfg' : 'config');
    writeFileSync(file, wrap(config, folder, proxy.port));
    const env = { PATH: process.env.PATH, HOME: folder, ...(existsSync(ours) && { LD_LIBRARY_PATH: libraries().join(':') }) };
    const child = (proxy.child = spawn(program(name), args(file, folder), { env, stdio: ['ignore', 'pipe', 'pipe'] }));
    proxy.said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (proxy.said += bytes));
    const gone = new Promise((_, reject) => {
      child.on('error', reject).on('exit', (code) => reject(new Error(`${name} ended with ${code}:\n${proxy.said}`)));
    });
    gone.catch(() => {});
    process.on('exit', () => child.kill('SIGKILL'));
    const listens = until(`${name} listens`, () => new Promise((resolve) => {
      const socket = tcp({ port: proxy.port, host: '127.0.0.1' });
      socket.on('connect', () => resolve(socket.destroy())).on('error', () => resolve(undefined));
    }));
    await Promise.race([listens, gone]);
    Object.assign(proxy, { ca, url: `https://localhost:${proxy.port}` });
  });
  after(async () => {
    // Apache has children of its own, which end when it is asked to.
    if (proxy.child?.exitCode === null) {
      const gone = event(proxy.child, 'exit', 10_000);
      proxy.child.kill(name === 'apache2' ? 'SIGTERM' : 'SIGKILL');
      await gone;
    }
    if (proxy.folder) rmSync(proxy.folder, { recursive: true, force: true });
  });
  return proxy;
}

let certificates;

/** A certificate for `localhost` by an authority of our own, which it gives; once. */
function authority() {
  const at = (name) => join(certificates, name);
  if (certificates === undefined) {
    certificates = mkdtempSync(join(tmpdir(), 'fanfare-ca-'));
    process.on('exit', () => rmSync(certificates, { recursive: true, force: true }));
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const openssl = (...args) => execFileSync('openssl', ['req', '-x509', ...key, ...args], { stdio: 'ignore' });
    openssl('-subj', '/CN=Fanfare tests', '-keyout', at('ca.key'), '-out', at('ca.crt'));
    openssl('-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-addext', 'basicConstraints=critical,CA:false',
      '-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-keyout', at('site.key'), '-out', at('site.crt'));
    writeFileSync(at('site.pem'), ['site.crt', 'site.key'].map((name) => readFileSync(at(name))).join(''));
  }
  return readFileSync(at('ca.crt'));
}

/** How requests go over HTTP/1.1: `ask(method, path, headers, body)` gives { status, headers, body }. */
export function http1(t, proxy, options = {}) {
  const agent = new Agent({ keepAlive: true, ca: proxy.ca, ...options });
  t.after(() => agent.destroy());
  return (method, path, headers = {}, body) => within(10_000, 'answer', new Promise((resolve, reject) => {
    const asked = request(proxy.url + path, { method, headers, agent }, (answer) => {
      collected(answer).then((text) => resolve({ status: answer.statusCode, headers: answer.headers, body: text }), reject);
    });
    asked.on('error', reject).end(body);
  }));
}

/** The same over HTTP/2, all on one connection, which is `ask.session`. */
export async function http2Of(t, proxy) {
  const session = http2(proxy.url, { ca: proxy.ca });
  t.after(() => session.destroy());
  await event(session, 'remoteSettings');
  const ask = (method, path, headers = {}, body) => within(10_000, 'answer', new Promise((resolve, reject) => {
    const stream = session.request({ ':method': method, ':path': path, ...headers }, { endStream: body === undefined });
    stream.on('error', reject).on('response', ({ [constants.HTTP2_HEADER_STATUS]: status, ...rest }) => {
      collected(stream).then((text) => resolve({ status, headers: rest, body: text }), reject);
    });
    if (body !== undefined) stream.end(body);
  }));
  return Object.assign(ask, { session });
}

async function collected(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** A polling session that keeps cookies as a browser does. `node` is the relay that has it. */
export async function pollingOver(ask) {
  const jar = {};
  const cookie = () => Object.entries(jar).map(([name, value]) => `${name}=${value}`).join('; ');
  const go = async (method, query = '', body) => {
    const headers = cookie() ? { cookie: cookie() } : {};
    const answer = await ask(method, `/socket.io/?EIO=4&transport=polling${query}`, headers, body);
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      jar[name] = value;
    }
    return answer;
  };
  const answer = await go('GET');
  if (answer.status !== 200) throw new Error(`no handshake but ${answer.status} ${answer.body}`);
  const { sid, pingInterval } = JSON.parse(answer.body.slice(1));
  return { jar, cookie, node: pingInterval, poll: () => go('GET', `&sid=${sid}`), post: (body) => go('POST', `&sid=${sid}`, body) };
}
