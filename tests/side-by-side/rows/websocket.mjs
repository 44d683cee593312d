// PROTOCOL.md, "WebSocket frames": from the first request to the last frame.
import { opcode } from '../../lib/raw-ws.mjs';
import { upgradeHeaders } from '../../lib/raw-ws.mjs';
import { requestBytes } from '../../lib/raw-http.mjs';

const target = '?EIO=4&transport=websocket';
const nobody = 'AAAAAAAAAAAAAAAAAAAA';

const refused = (name, query, headers, more) => ({
  name: `a WebSocket with ${name}`,
  play: async (c) => {
    const ws = await c.ws(query, { headers });
    await ws?.end(2000);
  },
  seen: ['400'],
  ...more,
});

/** A joined client does something; then either the connection ends or an event still comes back. */
const framed = (name, act, seen, more) => ({
  name,
  play: async (c) => {
    const ws = await c.client({ connect: '40' });
    await act(ws, c);
    ws.send('42["still here"]');
    for (;;) {
      const got = await ws.raw.text();
      c.note(`← ${got}`);
      if (got.startsWith('closed') || got === '42["still here"]') return;
    }
  },
  seen,
  ...more,
});

const lives = ['42["still here"]'];
const closes = ['← closed'];

export const websocket = [
  {
    name: 'a handshake over WebSocket',
    play: async (c) => {
      const ws = await c.ws();
      await ws.expect();
      await ws.isQuiet();
    },
    seen: ['101', '"upgrades":[]', '← nothing'],
  },
  refused('an unknown transport', '?EIO=4&transport=x'),
  refused('no transport', '?EIO=4'),
  refused('the transport __proto__', '?EIO=4&transport=__proto__'),
  refused('the transport polling', '?EIO=4&transport=polling', {}, { seen: ['→'] }),
  refused('an unknown sid', `${target}&sid=${nobody}`),
  refused('a sid of 5,000 letters', `${target}&sid=${'a'.repeat(5000)}`),
  refused('no EIO', '?transport=websocket', {}, { seen: ['→'] }),
  refused('EIO 3', '?EIO=3&transport=websocket', {}, { seen: ['→'] }),
  refused('an unknown sid and no EIO', `?transport=websocket&sid=${nobody}`),
  refused('version 12', target, { 'sec-websocket-version': '12' }),
  refused('version 8', target, { 'sec-websocket-version': '8' }, { seen: ['→'] }),
  refused('no version', target, { 'sec-websocket-version': [] }),
  refused('no key', target, { 'sec-websocket-key': [] }),
  refused('a short key', target, { 'sec-websocket-key': 'AAAA' }),
  refused('a key that is no base64', target, { 'sec-websocket-key': '!'.repeat(24) }),
  refused('an upgrade to something else', target, { upgrade: 'h2c' }),
  refused('no Upgrade header', target, { upgrade: [] }),
  refused('no Connection header', target, { connection: [] }),
  refused('an Origin with an invalid character', target, { origin: 'http://a\x7fb' }),
  ...['POST', 'PUT'].map((method) => ({
    name: `a WebSocket by ${method}`,
    play: (c) => c.bytes('upgrade', requestBytes(`/socket.io/${target}`, { method, headers: { ...upgradeHeaders(), 'content-length': '0' } }), { thenCloses: 1000 }),
    seen: ['400'],
  })),
  {
    name: 'a WebSocket at another path',
    play: async (c) => {
      await c.bytes('upgrade', requestBytes(`/other/${target}`, { headers: upgradeHeaders() }), { thenCloses: 1000 });
    },
    seen: ['→'],
  },
  ...['one', 'one, two'].map((protocol) => ({
    name: `a WebSocket that offers the subprotocols ${protocol}`,
    play: async (c) => {
      const ws = await c.ws(target, { headers: { 'sec-websocket-protocol': protocol } });
      await ws?.expect();
    },
    seen: ['→'],
  })),
  {
    name: 'a WebSocket that offers compression',
    play: async (c) => {
      const ws = await c.ws(target, { headers: { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits' } });
      await ws?.expect();
    },
    seen: ['101'],
  },
  {
    name: 'a WebSocket with the version in a header of many',
    play: async (c) => {
      const ws = await c.ws(target, { headers: { connection: 'keep-alive, Upgrade', upgrade: 'WebSocket' } });
      await ws?.expect();
    },
    seen: ['101'],
  },

  framed('a pong out of turn', (ws) => ws.send('3'), lives),
  framed('a pong with data', (ws) => ws.send('3probe'), lives),
  framed('an open packet', (ws) => ws.send('0'), lives),
  framed('an upgrade packet', (ws) => ws.send('5'), lives),
  framed('a noop', (ws) => ws.send('6'), lives),
  framed('a ping', (ws) => ws.send('2'), closes),
  framed('a probe after the handshake', (ws) => ws.send('2probe'), closes),
  framed('an empty text frame', (ws) => ws.send(''), closes),
  framed('a type that does not exist', (ws) => ws.send('9'), closes),
  framed('a letter', (ws) => ws.send('x'), closes),
  framed('text that starts with b, which is polling\'s', (ws) => ws.send('bAQID'), closes),
  framed('a close', (ws) => ws.send('1'), ['→']),
  framed('a close with data', (ws) => ws.send('1x'), ['→']),
  framed('an empty message', (ws) => ws.send('4'), closes),
  framed('several packets in one frame are one packet', (ws) => ws.send('42["a"]\x1e42["b"]'), closes),
  framed('an empty binary frame nobody announced', (ws) => ws.send(Buffer.alloc(0)), closes),

  framed('a message in three frames', (ws) => {
    ws.frame('42["x",', { fin: false });
    ws.frame('"in', { fin: false, op: opcode.continuation });
    ws.frame(' three"]', { op: opcode.continuation });
  }, ['42["x","in three"]', ...lives]),
  framed('a message in frames with a ping between', (ws) => {
    ws.frame('42["x",', { fin: false });
    ws.frame('hello', { op: opcode.ping });
    ws.frame('1]', { op: opcode.continuation });
  }, ['42["x",1]', 'pong aGVsbG8=', ...lives]),
  framed('a character split between frames', (ws) => {
    const text = Buffer.from('42["ü"]');
    ws.frame(text.subarray(0, 5), { fin: false, op: opcode.text });
    ws.frame(text.subarray(5), { op: opcode.continuation });
  }, ['42["ü"]', ...lives]),
  framed('a WebSocket ping', (ws) => ws.frame('hello', { op: opcode.ping }), ['pong aGVsbG8=', ...lives]),
  framed('a WebSocket pong', (ws) => ws.frame('hello', { op: opcode.pong }), lives),
  framed('an empty WebSocket ping', (ws) => ws.frame('', { op: opcode.ping }), ['← pong', ...lives]),

  framed('a frame without a mask', (ws) => ws.frame('42["x"]', { mask: false }), ['closed 1002']),
  ...[1, 2, 4, 7].map((rsv) => framed(`reserved bits ${rsv}`, (ws) => ws.frame('42["x"]', { rsv }), ['closed 1002'])),
  ...[3, 7, 11, 15].map((op) => framed(`the opcode ${op}`, (ws) => ws.frame('x', { op }), ['closed 1002'])),
  framed('a continuation of nothing', (ws) => ws.frame('x', { op: opcode.continuation }), ['closed 1002']),
  framed('a new message within a message', (ws) => {
    ws.frame('42["x"', { fin: false });
    ws.frame('42["y"]');
  }, ['closed 1002']),
  framed('a ping of 126 bytes', (ws) => ws.frame('x'.repeat(126), { op: opcode.ping }), ['closed 1002']),
  framed('a ping in fragments', (ws) => ws.frame('x', { op: opcode.ping, fin: false }), ['closed 1002']),
  framed('text that is not UTF-8', (ws) => ws.frame(Buffer.from('42["\xff"]', 'latin1'), { op: opcode.text }), ['closed 1007']),
  framed('a surrogate encoded as if it were a character', (ws) => ws.frame(Buffer.from([0x34, 0x32, 0xed, 0xa0, 0x80]), { op: opcode.text }), ['closed 1007']),
  framed('text that ends inside a character', (ws) => ws.frame(Buffer.from([0x34, 0x32, 0xe2, 0x82]), { op: opcode.text }), ['closed 1007']),
  framed('a length of 2^63', (ws) => ws.write(Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])), closes),
  framed('a length of 2^40', (ws) => ws.frame('x', { length: 2 ** 40 }), closes),

  framed('a WebSocket close with 1000', (ws) => ws.frame(Buffer.from([0x03, 0xe8]), { op: opcode.close }), closes),
  framed('a WebSocket close without a code', (ws) => ws.frame('', { op: opcode.close }), closes),
  framed('a WebSocket close with 1005, which nobody may send', (ws) => ws.frame(Buffer.from([0x03, 0xed]), { op: opcode.close }), closes),
  framed('a WebSocket close of one byte', (ws) => ws.frame(Buffer.from([3]), { op: opcode.close }), closes),

  framed('a message of exactly the limit', (ws) => ws.send(`42["x","${'y'.repeat(990)}"]`), lives, { profile: 'small' }),
  framed('a message one byte over the limit', (ws) => ws.send(`42["x","${'y'.repeat(991)}"]`), ['closed 1009'], { profile: 'small' }),
  framed('a message over the limit in two frames', (ws) => {
    ws.frame(`42["x","${'y'.repeat(600)}`, { fin: false });
    ws.frame(`${'y'.repeat(600)}"]`, { op: opcode.continuation });
  }, ['closed 1009'], { profile: 'small' }),
  framed('a frame that says it is over the limit', (ws) => ws.frame('4', { length: 1001 }), ['closed 1009'], { profile: 'small' }),
  framed('an attachment over the limit', (ws) => ws.send('451-["x",{"_placeholder":true,"num":0}]', Buffer.alloc(1001)), ['closed 1009'], { profile: 'small' }),
];

/** A session over polling and a WebSocket that wants to take over. */
const upgrading = (name, play, seen, more) => ({
  name,
  play: async (c) => {
    const session = await c.session({ connect: '40' });
    await play(c, session);
  },
  seen,
  ...more,
});

export const upgrades = [
  upgrading('a whole upgrade', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    const poll = await s.waitingPoll();
    await poll.stillWaits();
    ws.send('2probe');
    await ws.expect();
    await poll.answered();
    ws.send('5', '42["after"]');
    await ws.expect();
  }, ['3probe', '| 6', '42["after"]']),
  upgrading('nothing is written to the WebSocket before the upgrade packet', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    ws.send('2probe');
    await ws.expect();
    await s.post('42["meanwhile"]');
    await ws.isQuiet();
    ws.send('5');
    await ws.expect();
  }, ['3probe', '← nothing', '42["meanwhile"]']),
  upgrading('an event during the upgrade goes to the waiting poll', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    const poll = await s.waitingPoll();
    await poll.stillWaits();
    ws.send('2probe');
    await ws.expect();
    await s.post('42["meanwhile"]');
    await poll.answered();
    ws.send('5', '42["after"]');
    await ws.expect();
  }, ['42["after"]'], { loose: 'the poll is answered by whichever comes first, the noop or the event' }),
  upgrading('every poll during the upgrade is answered with a noop', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    ws.send('2probe');
    await ws.expect();
    await s.get();
    await s.get();
    ws.send('5');
    ws.send('42["after"]');
    await ws.expect();
  }, ['| 6', '42["after"]']),
  upgrading('a first frame that is no probe', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    ws.send('42["x"]');
    await ws.end();
    await s.lives();
  }, ['← closed', 'the session lives']),
  upgrading('a first frame that is a plain ping', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    ws.send('2');
    await ws.end();
    await s.lives();
  }, ['← closed', 'the session lives']),
  upgrading('an upgrade packet without a probe', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    ws.send('5');
    ws.send('42["x"]');
    await ws.expect();
    await s.lives();
  }, ['←']),
  upgrading('a probe twice', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    ws.send('2probe');
    await ws.expect();
    ws.send('2probe');
    await ws.expect();
    ws.send('5', '42["after"]');
    await ws.expect();
  }, ['←']),
  upgrading('a message between probe and upgrade', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    ws.send('2probe');
    await ws.expect();
    ws.send('42["too soon"]');
    await ws.end();
    await s.lives();
  }, ['3probe', '← closed', 'the session lives']),
  upgrading('a candidate that is dropped', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    ws.send('2probe');
    await ws.expect();
    ws.raw.reset();
    await s.post('42["polling goes on"]');
    await s.get();
  }, ['42["polling goes on"]']),
  upgrading('a second try after a dropped candidate', async (c, s) => {
    const first = await c.ws(s.wsQuery);
    first.send('x');
    await first.end();
    const second = await c.ws(s.wsQuery);
    second.send('2probe');
    await second.expect();
    second.send('5', '42["second"]');
    await second.expect();
  }, ['42["second"]']),
  upgrading('two candidates at once', async (c, s) => {
    const first = await c.ws(s.wsQuery);
    const second = await c.ws(s.wsQuery);
    await second.end();
    first.send('2probe');
    await first.expect();
    first.send('5', '42["first"]');
    await first.expect();
  }, ['← closed', '42["first"]']),
  upgrading('a candidate that never sends the upgrade packet', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    ws.send('2probe');
    await ws.expect();
    await c.timed('the candidate is closed', ws.end(2000), { from: 200, to: 1500 });
    await s.lives();
  }, ['on time', 'the session lives'], { profile: 'upgradeSoon' }),
  upgrading('a candidate that says nothing', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    await c.timed('the candidate is closed', ws.end(2000), { from: 200, to: 1500 });
    await s.lives();
  }, ['on time', 'the session lives'], { profile: 'upgradeSoon' }),
  upgrading('a candidate with another EIO', async (c, s) => {
    const ws = await c.ws(s.wsQuery.replace('EIO=4', 'EIO=3'));
    await ws?.end();
    await s.lives();
  }, ['400', 'the session lives']),
  upgrading('after the upgrade polling is over', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    ws.send('2probe');
    await ws.expect();
    ws.send('5', '42["x"]');
    await ws.expect();
    await s.get();
    await s.post('42["y"]');
    const again = await c.ws(s.wsQuery);
    await again?.end();
    ws.send('42["the first lives"]');
    await ws.expect();
  }, ['"code":3', '← closed', '42["the first lives"]']),
  upgrading('a waiting poll when the upgrade packet comes', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    ws.send('2probe');
    await ws.expect();
    const poll = await s.waitingPoll();
    ws.send('5');
    await poll.answered();
    ws.send('42["x"]');
    await ws.expect();
  }, ['poll →', '42["x"]'], { loose: 'the poll arrives before the upgrade packet or after it' }),
  upgrading('the client closes during the upgrade', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    ws.send('2probe');
    await ws.expect();
    await s.post('1');
    await ws.end();
    await s.lives();
  }, ['is gone', '← closed']),
  upgrading('attachments that were queued before the upgrade', async (c, s) => {
    const ws = await c.ws(s.wsQuery);
    ws.send('2probe');
    await ws.expect();
    await s.post('452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]\x1ebAQ==\x1ebAg==\x1e42["y"]');
    ws.send('5');
    await ws.expect(4);
  }, ['452-["x"', 'binary AQ==', 'binary Ag==', '42["y"]']),
  {
    name: 'polling for a session that began over WebSocket',
    play: async (c) => {
      const ws = await c.ws();
      const { sid } = JSON.parse((await ws.raw.text()).slice(1));
      await c.http(`?EIO=4&transport=polling&sid=${sid}`);
      await c.http(`?EIO=4&transport=polling&sid=${sid}`, { method: 'POST', body: '40' });
      ws.send('40');
      await ws.expect();
    },
    seen: ['"code":3', '← 40{'],
  },
  {
    name: 'a plain GET by websocket for a session that began over WebSocket',
    play: async (c) => {
      const ws = await c.ws();
      const { sid } = JSON.parse((await ws.raw.text()).slice(1));
      const request = await c.later('request', `?EIO=4&transport=websocket&sid=${sid}`);
      await request.stillWaits();
      ws.send('40');
      await ws.expect();
    },
    seen: ['← 40{'],
  },
  {
    name: 'a second WebSocket for a session that began over WebSocket',
    play: async (c) => {
      const first = await c.ws();
      const { sid } = JSON.parse((await first.raw.text()).slice(1));
      const second = await c.ws(`?EIO=4&transport=websocket&sid=${sid}`);
      second?.send('2probe');
      await second?.expect();
      first.send('40');
      await first.expect();
    },
    seen: ['← 40{'],
  },
];
