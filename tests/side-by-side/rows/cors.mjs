// PROTOCOL.md, "CORS only when configured", and the client bundle.
const origin = 'http://a.test';
const foreign = 'http://evil.test';
const target = '?EIO=4&transport=polling';
const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,x-token' };

const profiled = (profile) => [
  { name: `${profile}: a handshake from an allowed origin`, play: (c) => c.http(target, { headers: { origin } }) },
  { name: `${profile}: a handshake from a foreign origin`, play: (c) => c.http(target, { headers: { origin: foreign } }) },
  { name: `${profile}: a handshake without an origin`, play: (c) => c.http(target) },
  { name: `${profile}: an error`, play: (c) => c.http('?EIO=4&transport=x', { headers: { origin } }) },
  { name: `${profile}: an unknown sid`, play: (c) => c.http(`${target}&sid=x`, { headers: { origin } }) },
  { name: `${profile}: a preflight`, play: (c) => c.http(target, { method: 'OPTIONS', headers: { origin, ...preflight } }) },
  { name: `${profile}: a preflight without requested headers`, play: (c) => c.http(target, { method: 'OPTIONS', headers: { origin } }) },
  { name: `${profile}: a preflight from a foreign origin`, play: (c) => c.http(target, { method: 'OPTIONS', headers: { origin: foreign, ...preflight } }) },
  { name: `${profile}: a preflight of what does not exist`, play: (c) => c.http('?transport=x', { method: 'OPTIONS', headers: { origin, ...preflight } }) },
  {
    name: `${profile}: a POST and a poll`,
    play: async (c) => {
      const session = await c.session({ headers: { origin } });
      await session.post('40', { headers: { origin } });
      await session.get('', { headers: { origin } });
    },
  },
  {
    name: `${profile}: a WebSocket`,
    play: async (c) => {
      const ws = await c.ws(undefined, { headers: { origin } });
      await ws.expect();
    },
  },
  {
    name: `${profile}: a WebSocket from a foreign origin`,
    play: async (c) => {
      const ws = await c.ws(undefined, { headers: { origin: foreign } });
      await ws?.expect();
    },
  },
  {
    name: `${profile}: a refused WebSocket`,
    play: async (c) => await c.ws('?EIO=4&transport=x', { headers: { origin } }),
  },
  { name: `${profile}: a path that is not the relay's`, play: (c) => c.http('/other', { headers: { origin } }) },
].map((row) => ({ ...row, profile, seen: ['→'] }));

export const cors = [
  ...['corsAny', 'corsList', 'corsOne', 'corsCredentials', 'corsOpen'].flatMap(profiled),
  ...['plain', 'open'].flatMap((profile) => [
    { name: `${profile}: without CORS a foreign origin gets no header`, play: (c) => c.http(target, { headers: { origin } }) },
    {
      name: `${profile}: without CORS a foreign origin by WebSocket`,
      play: async (c) => {
        const ws = await c.ws(undefined, { headers: { origin } });
        await ws?.expect();
      },
    },
    {
      name: `${profile}: without CORS a POST from a foreign origin`,
      play: async (c) => {
        const session = await c.session();
        await session.post('40', { headers: { origin } });
        await session.lives();
      },
    },
  ].map((row) => ({ ...row, profile, seen: ['→'] }))),
  ...[['its own', (port) => `http://127.0.0.1:${port}`], ['its own by https', (port) => `https://127.0.0.1:${port}`]].map(
    ([which, own]) => ({
      name: `without CORS ${which} origin`,
      play: async (c) => {
        await c.http(target, { headers: { origin: own(c.port), host: `127.0.0.1:${c.port}` } });
        const ws = await c.ws(undefined, { headers: { origin: own(c.port), host: `127.0.0.1:${c.port}` } });
        await ws.expect();
      },
      seen: ['200', '101'],
    })),
  {
    name: 'without CORS a preflight is a handshake by a wrong method',
    play: (c) => c.http(target, { method: 'OPTIONS', headers: { origin, ...preflight } }),
    seen: ['"code":2'],
  },
];

const files = ['socket.io.js', 'socket.io.js.map', 'socket.io.min.js', 'socket.io.min.js.map', 'socket.io.esm.min.js',
  'socket.io.esm.min.js.map', 'socket.io.msgpack.min.js', 'socket.io.msgpack.min.js.map'];

export const bundle = [
  ...files.map((file) => ({ name: `the bundle ${file}`, play: (c) => c.http(file), seen: ['200', 'etag'] })),
  { name: 'the bundle with a query', play: (c) => c.http('socket.io.js?v=1'), seen: ['→'] },
  { name: 'a file that is not of the bundle', play: (c) => c.http('other.js'), seen: ['"code":0'] },
  { name: 'a path out of the bundle', play: (c) => c.http('../package.json'), seen: ['→'] },
  { name: 'an encoded path out of the bundle', play: (c) => c.http('%2e%2e%2fpackage.json'), seen: ['→'] },
  {
    name: 'a copy that is still good',
    play: async (c) => {
      const { headers } = await c.http('socket.io.min.js');
      await c.http('socket.io.min.js', { headers: { 'if-none-match': headers.etag } });
      await c.http('socket.io.min.js', { headers: { 'if-none-match': '"other"' } });
    },
    seen: ['304'],
  },
  { name: 'a compressed bundle', play: (c) => c.http('socket.io.js', { headers: { 'accept-encoding': 'gzip' } }), seen: ['gzip'] },
].map((row) => ({ ...row, profile: 'bundle' })).concat(
  { name: 'the bundle for another origin', profile: 'bundleCors', play: (c) => c.http('socket.io.min.js', { headers: { origin } }), seen: ['200'] },
);
