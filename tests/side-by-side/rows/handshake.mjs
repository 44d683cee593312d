// PROTOCOL.md, "Engine.IO v4 over HTTP": the checks, in their order.
const get = (name, target, seen, more) => ({ name, play: (c) => c.http(target), seen, ...more });
const send = (name, method, target, seen, more) => ({ name, play: (c) => c.http(target, { method }), seen, ...more });
const nobody = 'AAAAAAAAAAAAAAAAAAAA';

/** A request as it stands. */
const bytes = (name, head, seen) => ({ name, play: (c) => c.bytes('answer', Buffer.from(head, 'latin1')), seen });
const target = '/socket.io/?EIO=4&transport=polling';
const lines = (count, line) => Array.from({ length: count }, (_, i) => `${line(i)}\r\n`).join('');

export const handshake = [
  bytes('an empty Upgrade, as proxies leave it', `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: \r\n\r\n`, ['0{"sid"']),
  bytes('raw quotes and brackets in a query', `GET ${target}&q={"a":"<b>"} HTTP/1.1\r\nHost: a\r\n\r\n`, ['0{"sid"']),
  bytes('200 header lines', `GET ${target} HTTP/1.1\r\nHost: a\r\n${lines(200, (i) => `x-${i}: v`)}\r\n`, ['0{"sid"']),
  bytes('200 cookie lines', `GET ${target} HTTP/1.1\r\nHost: a\r\n${lines(200, (i) => `cookie: a${i}=v`)}\r\n`, ['0{"sid"']),
  bytes('HTTP/1.1 without a Host', `GET ${target} HTTP/1.1\r\n\r\n`, ['400']),
  bytes('HTTP/1.1 with two Hosts', `GET ${target} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`, ['200']),
  bytes('HTTP/1.0 without a Host', `GET ${target} HTTP/1.0\r\n\r\n`, ['0{"sid"']),
  bytes('a header line that ends with LF alone', `GET ${target} HTTP/1.1\r\nHost: a\n\r\n`, ['400']),
  bytes('a head that ends with LF alone', `GET ${target} HTTP/1.1\r\nHost: a\r\n\n`, ['400']),
  bytes('an upgrade by HTTP/1.0', `GET ${target.replace('polling', 'websocket')} HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\n`
    + 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n', ['101']),
  get('a handshake over polling', '?EIO=4&transport=polling', ['200', '"upgrades":["websocket"]', '"maxPayload":1000000']),
  get('a handshake with parameters that mean nothing', '?EIO=4&transport=polling&t=abc&b64=1&x', ['0{"sid"']),
  get('an empty sid is no sid', '?EIO=4&transport=polling&sid=', ['0{"sid"']),
  get('parameters are percent-decoded', '?%45IO=%34&transport=poll%69ng', ['0{"sid"']),
  get('of a duplicated parameter the last counts', '?EIO=3&EIO=4&transport=x&transport=polling', ['0{"sid"']),
  get('a duplicated transport whose last is unknown', '?EIO=4&transport=polling&transport=x', ['"code":0']),

  get('no transport', '?EIO=4', ['400', '{"code":0,"message":"Transport unknown"}', 'application/json']),
  get('no query at all', '', ['"code":0']),
  get('an empty transport', '?EIO=4&transport=', ['"code":0']),
  get('an unknown transport', '?EIO=4&transport=tcp', ['"code":0']),
  get('a transport in capitals', '?EIO=4&transport=Polling', ['"code":0']),
  get('the transport webtransport', '?EIO=4&transport=webtransport', ['"code":0']),
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length'].map((name) =>
    get(`the transport ${name}`, `?EIO=4&transport=${name}`, ['"code":0'])),
  send('an unknown transport is told before a wrong method', 'POST', '?EIO=4&transport=tcp', ['"code":0']),
  get('an unknown transport is told before an unknown sid', `?EIO=4&transport=tcp&sid=${nobody}`, ['"code":0']),

  {
    name: 'an Origin with an invalid character',
    play: (c) => c.http('?EIO=4&transport=polling', { headers: { origin: 'http://a\x7fb' } }),
    seen: ['400'],
  },
  {
    name: 'an invalid Origin is told before an unknown sid',
    play: (c) => c.http(`?EIO=4&transport=polling&sid=${nobody}`, { headers: { origin: 'http://a\x7fb' } }),
    seen: ['400'],
  },

  get('an unknown sid', `?EIO=4&transport=polling&sid=${nobody}`, ['{"code":1,"message":"Session ID unknown"}']),
  ...['__proto__', 'constructor', 'x', '%00', 'a'.repeat(5000), '%F0%9F%8E%89'].map((sid) =>
    get(`the sid ${sid.slice(0, 20)}`, `?EIO=4&transport=polling&sid=${sid}`, ['"code":1'])),
  send('an unknown sid is told before everything a POST may do wrong', 'POST', `?transport=polling&sid=${nobody}`, ['"code":1']),
  get('an unknown sid is told before a missing EIO', `?transport=polling&sid=${nobody}`, ['"code":1']),

  {
    name: 'a known sid with another transport',
    play: async (c) => {
      const session = await c.session();
      await c.http(session.wsQuery);
      await session.lives();
    },
    seen: ['{"code":3,"message":"Bad request"}', 'the session lives'],
  },
  ...['EIO=3&', 'EIO=5&', 'EIO=&', 'EIO=04&', ''].map((eio) => ({
    name: `a known sid with "${eio}"`,
    play: async (c) => {
      const session = await c.session();
      await c.http(session.query.replace('EIO=4&', eio));
      await session.lives();
    },
    seen: ['"code":3', 'the session lives'],
  })),

  ...['POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'].map((method) =>
    send(`a handshake by ${method}`, method, '?EIO=4&transport=polling', ['400'])),
  send('a wrong method is told before a missing EIO', 'POST', '?transport=polling', ['"code":2']),
  send('a wrong method is told before a plain GET would be', 'POST', '?EIO=4&transport=websocket', ['"code":2']),
  get('transport websocket without an upgrade', '?EIO=4&transport=websocket', ['"code":3']),
  get('transport websocket without an upgrade and without EIO', '?transport=websocket', ['"code":3']),

  get('no EIO', '?transport=polling', ['{"code":5,"message":"Unsupported protocol version"}']),
  ...['', '3', '2', '5', '44', '4.0', '04', 'x', '%204', '-4'].map((eio) =>
    get(`EIO "${eio}"`, `?EIO=${eio}&transport=polling`, ['"code":5'])),

  get('a path below the relay\'s', '/socket.io/anything/else?EIO=4&transport=polling', ['0{"sid"']),
  ...['/socket.io?EIO=4&transport=polling', '/socket.iox/?EIO=4&transport=polling', '/', '/other', '/SOCKET.IO/?EIO=4&transport=polling',
    '//socket.io/?EIO=4&transport=polling', '/a/../socket.io/?EIO=4&transport=polling', '/socket%2Eio/?EIO=4&transport=polling'].map((path) =>
    get(`the path ${path}`, path, ['404'])),
  get('the client bundle when it is not served', 'socket.io.js', ['"code":0']),
];
