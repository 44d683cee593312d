// PROTOCOL.md: poll, post and what closes a session over HTTP.
import { requestBytes } from '../../lib/raw-http.mjs';

const joined = (name, play, seen, more) => ({
  name,
  play: async (c) => play(c, await c.session({ connect: '40' })),
  seen,
  ...more,
});
const bare = (name, play, seen, more) => ({ name, play: async (c) => play(c, await c.session()), seen, ...more });

/** The POST is answered, and then the session lives or not. */
const posted = (name, body, seen, more) =>
  bare(name, async (c, session) => {
    await session.post(body);
    await session.lives();
  }, seen, more);

const post = (c, session, headers, body) =>
  c.bytes('post', Buffer.concat([requestBytes(c_path(session), { method: 'POST', headers }), Buffer.from(body)]), { thenCloses: 1000 });
const c_path = (session) => `/socket.io/${session.query}`;
const text = 'text/plain;charset=UTF-8';

export const polling = [
  bare('CONNECT over polling', async (c, s) => {
    await s.post('40');
    await s.get();
  }, ['text/html', '| ok', '40{"sid":"<id>"}', 'no-store']),
  bare('an event in the same payload as its CONNECT', async (c, s) => {
    await s.post('40\x1e42["x"]');
    await s.get();
    await s.lives();
  }, ['| ok']),
  joined('packets that wait come in one answer', async (c, s) => {
    await s.post('42["a",1]\x1e42["b"]\x1e42["c",null]');
    await s.get();
  }, ['42["a",1]␞42["b"]␞42["c",null]']),
  joined('a poll waits for an event', async (c, s) => {
    const poll = await s.waitingPoll();
    await poll.stillWaits();
    await s.post('42["late"]');
    await poll.answered();
  }, ['poll waits', '42["late"]']),
  joined('a binary event in one POST', async (c, s) => {
    await s.post('451-["x",{"_placeholder":true,"num":0}]\x1ebAP8e');
    await s.get();
  }, ['␞bAP8e']),
  joined('a binary event in two POSTs', async (c, s) => {
    await s.post('451-["x",{"_placeholder":true,"num":0}]');
    await s.post('bAQI=');
    await s.get();
  }, ['␞bAQI=']),
  joined('base64 without its padding', async (c, s) => {
    await s.post('451-["x",{"_placeholder":true,"num":0}]\x1ebAQI');
    await s.get();
  }, ['bAQI=']),
  joined('base64 in lines that end in LF', async (c, s) => {
    await s.post('451-["x",{"_placeholder":true,"num":0}]\x1ebAQID\nBAUG\nBw==\n');
    await s.get();
  }, ['bAQIDBAUGBw==']),
  joined('base64 in lines that end in CRLF', async (c, s) => {
    await s.post('451-["x",{"_placeholder":true,"num":0}]\x1ebAQID\r\nBAUG\r\nBw==\r\n\x1e42["behind"]');
    await s.get();
  }, ['bAQIDBAUGBw==', '42["behind"]']),
  joined('base64url instead of base64', async (c, s) => {
    await s.post('451-["x",{"_placeholder":true,"num":0}]\x1eb_-8=');
    await s.get();
  }, ['b/+8=']),
  joined('an empty attachment', async (c, s) => {
    await s.post('451-["x",{"_placeholder":true,"num":0}]\x1eb');
    await s.get();
  }, ['␞b']),
  joined('unicode', async (c, s) => {
    await s.post('42["ü","漢🎉\\ud83d\u2028"]');
    await s.get();
  }, ['漢🎉']),
  joined('bytes that are not UTF-8', async (c, s) => {
    await s.post(Buffer.from('42["x","\xff\xfe"]', 'latin1'));
    await s.get();
  }, ['42["x"']),

  joined('a POST behind a waiting poll on the same connection', async (c, s) => {
    const poll = await s.waitingPoll();
    poll.connection.write(requestBytes(c_path(s), { method: 'POST', body: '42["behind"]' }));
    await poll.answered();
  }, ['42["behind"]']),
  {
    name: 'a connection that is idle for eight seconds',
    play: (c) => c.bytes('answer', requestBytes('/socket.io/?EIO=4&transport=polling'), { thenCloses: 8000 }),
    seen: ['0{"sid"', 'the connection ends'],
  },
  { ...joined('what waits is more than maxPayload', async (c, s) => {
    for (const name of ['a', 'b']) await s.post(`42["${name}","${'y'.repeat(900)}"]`);
    await s.get();
  }, ['␞42["b"']), profile: 'small' },
  bare('a second poll while one waits', async (c, s) => {
    const first = await s.waitingPoll('first');
    await first.stillWaits();
    await s.get();
    await first.answered();
    await s.lives();
  }, ['first waits', '400', 'is gone']),
  bare('a second POST while one is read', async (c, s) => {
    const first = await c.later('first', s.query, { method: 'POST', headers: { 'content-type': text, 'content-length': 10 } });
    await first.stillWaits();
    await s.post('3');
    await first.answered();
    await s.lives();
  }, ['400', 'is gone']),
  bare('a second POST while one is read ends the waiting poll', async (c, s) => {
    const poll = await s.waitingPoll();
    const first = await c.later('first', s.query, { method: 'POST', headers: { 'content-type': text, 'content-length': 10 } });
    await first.stillWaits();
    await s.post('3');
    await poll.answered();
  }, ['400']),
  bare('a client that drops its waiting poll', async (c, s) => {
    const poll = await s.waitingPoll();
    await poll.stillWaits();
    poll.connection.destroy();
    await poll.answered();
    await s.endsSoon();
  }, ['is gone']),
  bare('a client that drops its POST half-way', async (c, s) => {
    const first = await c.later('first', s.query, { method: 'POST', headers: { 'content-type': text, 'content-length': 10 } });
    await first.stillWaits();
    first.connection.destroy();
    await first.answered();
    await s.endsSoon();
  }, ['is gone']),

  posted('an empty body', '', ['| ok', 'is gone']),
  posted('a packet type that does not exist', '9', ['| ok', 'is gone']),
  posted('a letter as packet type', 'x', ['| ok', 'is gone']),
  posted('a ping from the client', '2', ['| ok', 'is gone']),
  posted('a ping with data from the client', '2probe', ['| ok', 'is gone']),
  posted('a pong out of turn', '3', ['the session lives']),
  posted('an open packet', '0', ['the session lives']),
  posted('an upgrade packet', '5', ['the session lives']),
  posted('a noop', '6', ['the session lives']),
  posted('separators only', '\x1e\x1e', ['is gone']),
  posted('a separator at the end', '3\x1e', ['is gone']),
  posted('a separator at the start', '\x1e3', ['is gone']),
  posted('what is no base64 as a binary message', 'b!!!!', ['the session closes']),
  posted('an empty message', '4', ['the session closes']),
  posted('a close', '1', ['| ok', 'is gone']),
  bare('a close answers the waiting poll with a noop', async (c, s) => {
    const poll = await s.waitingPoll();
    await poll.stillWaits();
    await s.post('1');
    await poll.answered();
    await s.lives();
  }, ['| 6', 'is gone']),
  joined('what follows a close in the same POST is not acted on', async (c, s) => {
    const poll = await s.waitingPoll();
    await poll.stillWaits();
    // Before the close nothing that comes back: which of the two is first would be a race.
    await s.post('3\x1e1\x1e42["after"]');
    await poll.answered();
    await s.lives();
  }, ['is gone']),
  joined('what precedes a broken packet in the same POST', async (c, s) => {
    const poll = await s.waitingPoll();
    await poll.stillWaits();
    await s.post('3\x1e9');
    await poll.answered();
    await s.lives();
  }, ['is gone']),
  joined('a refused packet ends the waiting poll', async (c, s) => {
    const poll = await s.waitingPoll();
    await poll.stillWaits();
    await s.post('42[broken');
    await poll.answered();
    await s.lives();
  }, ['is gone']),
  joined('a refused packet while no poll waits is told by the next poll', async (c, s) => {
    await s.post('42[broken');
    await s.get();
    await s.lives();
  }, ['is gone']),

  ...['PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'].map((method) =>
    bare(`${method} with a sid`, async (c, s) => {
      await c.http(s.query, { method });
      await s.lives();
    }, ['the session lives'])),

  bare('application/octet-stream', async (c, s) => {
    await s.post('3', { headers: { 'content-type': 'application/octet-stream' } });
    await s.lives();
  }, ['400', 'is gone']),
  ...['text/plain', 'application/json', 'application/x-www-form-urlencoded', 'application/octet-stream; charset=x'].map((type) =>
    joined(`content type ${type}`, async (c, s) => {
      await s.post('42["typed"]', { headers: { 'content-type': type } });
      await s.get();
    }, ['42["typed"]'])),

  { ...joined('a body of exactly the limit', async (c, s) => {
    await s.post(`42["x","${'y'.repeat(990)}"]`);
    await s.get();
  }, ['| ok']), profile: 'small' },
  { ...bare('a body one byte over the limit', async (c, s) => {
    await post(c, s, { 'content-type': text, 'content-length': 1001 }, `42["x","${'y'.repeat(991)}"]`);
    await s.lives();
  }, ['413', 'the session lives']), profile: 'small' },
  { ...bare('a body over the limit in bytes, not in characters', async (c, s) => {
    await s.post(`42["x","${'ü'.repeat(501)}"]`);
    await s.lives();
  }, ['413', 'the session lives']), profile: 'small' },
  { ...bare('a chunked body over the limit', async (c, s) => {
    await post(c, s, { 'content-type': text, 'transfer-encoding': 'chunked' }, `3e9\r\n${'4'.repeat(1001)}\r\n0\r\n\r\n`);
    await s.lives();
  }, ['413', 'the session lives']), profile: 'small' },
  { ...joined('a chunked body within the limit', async (c, s) => {
    await post(c, s, { 'content-type': text, 'transfer-encoding': 'chunked', connection: 'close' }, '5\r\n42["x\r\n4\r\n",1]\r\n0\r\n\r\n');
    await s.get();
  }, ['42["x",1]']), profile: 'small' },
];

export const jsonp = [
  { name: 'a JSONP handshake', play: (c) => c.http('?EIO=4&transport=polling&j=7'), seen: ['___eio[7]("0{'] },
  { name: 'a JSONP handshake whose number is none', play: (c) => c.http('?EIO=4&transport=polling&j=abc'), seen: ['___eio[]('] },
  { name: 'a JSONP handshake with more than digits', play: (c) => c.http('?EIO=4&transport=polling&j=1]x(2'), seen: ['___eio[12]('] },
  { name: 'a JSONP handshake with an empty number', play: (c) => c.http('?EIO=4&transport=polling&j='), seen: ['200'] },
  joined('a poll by JSONP escapes what a script cannot hold', async (c, s) => {
    await s.post('42["x","\\"\u2028\u2029</script>\\\\\\n"]');
    await s.get('&j=3');
  }, ['200']),
  {
    name: 'a JSONP session',
    play: async (c) => {
      const { body } = await c.http('?EIO=4&transport=polling&j=0');
      const sid = /sid\\":\\"([^\\]+)/.exec(body)[1];
      const query = `?EIO=4&transport=polling&j=1&sid=${sid}`;
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      await c.http(query, { method: 'POST', headers: form, body: 'd=40' });
      await c.http(query);
      await c.http(query, { method: 'POST', headers: form, body: `d=${encodeURIComponent('42["x","ü+ \\\\n"]')}` });
      await c.http(query);
      await c.http(query, { method: 'POST', headers: form, body: 'd=42%5B%22a+b%22%5D' });
      await c.http(query);
    },
    seen: ['___eio[0]("40{', '42[\\"x\\"', 'a b'],
  },
  {
    name: 'a JSONP POST without d',
    play: async (c) => {
      const { body } = await c.http('?EIO=4&transport=polling&j=0');
      const sid = /sid\\":\\"([^\\]+)/.exec(body)[1];
      await c.http(`?EIO=4&transport=polling&j=1&sid=${sid}`, { method: 'POST', body: 'x=40' });
      await c.http(`?EIO=4&transport=polling&sid=${sid}`, { method: 'POST', body: '3' });
    },
    seen: ['ok'],
  },
];

const large = (c, s) => s.post(`42["x","${'y'.repeat(2000)}"]`);

export const compression = [
  ...['gzip', 'deflate', 'gzip, deflate, br', 'deflate, gzip', 'gzip;q=0, deflate', 'br', 'identity', '*', 'GZIP', 'gzip;q=0'].map((accept) =>
    joined(`an answer of 2 kB for a client that accepts ${accept}`, async (c, s) => {
      await large(c, s);
      await s.get('', { headers: { 'accept-encoding': accept } });
    }, ['200'])),
  joined('an answer of 2 kB for a client that says nothing', async (c, s) => {
    await large(c, s);
    await s.get();
  }, ['200']),
  ...[1023, 1024].map((size) =>
    joined(`an answer of ${size} bytes`, async (c, s) => {
      await s.post(`42["x","${'y'.repeat(size - 10)}"]`);
      await s.get('', { headers: { 'accept-encoding': 'gzip' } });
    }, ['200'])),
  joined('a large answer by JSONP', async (c, s) => {
    await large(c, s);
    await s.get('&j=1', { headers: { 'accept-encoding': 'gzip' } });
  }, ['200']),
];
