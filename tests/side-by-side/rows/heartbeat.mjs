// PROTOCOL.md, "Heartbeat", "Closing" and the other time-outs. Times are written down as words.

const interval = 300;
const timeout = 400;
const slack = 800; // a busy machine is late, never early

export const heartbeat = [
  {
    name: 'the first ping over WebSocket comes after the interval',
    play: async (c) => {
      const ws = await c.client();
      await c.timed('first ping', ws.expect(1, 2000), { from: interval * 0.8, to: interval + slack });
      ws.send('3');
      await c.timed('second ping', ws.expect(1, 2000), { from: interval * 0.8, to: interval + slack });
    },
    seen: ['first ping: on time', 'second ping: on time', '← 2'],
  },
  {
    name: 'a client over WebSocket that does not answer is closed after the time-out',
    play: async (c) => {
      const ws = await c.client();
      await ws.expect(1, 2000);
      await c.timed('close', ws.end(2000), { from: timeout * 0.8, to: timeout + slack });
    },
    seen: ['close: on time', '← closed'],
  },
  {
    name: 'a pong before the ping does not replace the one after it',
    play: async (c) => {
      const ws = await c.client();
      ws.send('3');
      await ws.expect(1, 2000);
      await c.timed('close', ws.end(2000), { from: timeout * 0.8, to: timeout + slack });
    },
    seen: ['close: on time'],
  },
  {
    name: 'a waiting poll gets the ping',
    play: async (c) => {
      const session = await c.session();
      await c.timed('first ping', session.get(), { from: interval * 0.8, to: interval + slack });
      await session.post('3');
      await c.timed('second ping', session.get(), { from: interval * 0.8, to: interval + slack });
    },
    seen: ['| 2', 'first ping: on time', 'second ping: on time'],
  },
  {
    name: 'a client over polling that does not answer is closed',
    play: async (c) => {
      const session = await c.session();
      await session.get();
      const poll = await session.waitingPoll();
      await c.timed('close', poll.answered(), { from: timeout * 0.8, to: timeout + slack });
      await session.lives();
    },
    seen: ['| 1', 'close: on time', 'is gone'],
  },
  {
    name: 'a heartbeat goes on after the upgrade',
    play: async (c) => {
      const session = await c.session({ connect: '40' });
      const ws = await c.ws(session.wsQuery);
      ws.send('2probe');
      await ws.expect();
      ws.send('5');
      await ws.expect(1, 2000);
      ws.send('3');
      await ws.expect(1, 2000);
    },
    seen: ['3probe', '← 2'],
  },
].map((row) => ({ ...row, profile: 'quick' }));

export const connectTimeout = [
  {
    name: 'no CONNECT over WebSocket',
    play: async (c) => {
      const ws = await c.client();
      await c.timed('close', ws.end(2000), { from: interval * 0.8, to: interval + slack });
    },
    seen: ['close: on time', '← closed'],
  },
  {
    name: 'no CONNECT over polling',
    play: async (c) => {
      const session = await c.session();
      await c.timed('close', session.get(), { from: interval * 0.8, to: interval + slack });
      await session.lives();
    },
    seen: ['| 1', 'close: on time'],
  },
  {
    name: 'a CONNECT that is refused is none',
    play: async (c) => {
      const ws = await c.client({ connect: '40/nope,' });
      await c.timed('close', ws.end(2000), { from: interval * 0.8, to: interval + slack });
    },
    seen: ['Invalid namespace', 'close: on time'],
  },
  {
    name: 'a client that leaves its only namespace stays connected',
    play: async (c) => {
      const ws = await c.client({ connect: '40' });
      ws.send('41');
      await ws.isQuiet(700);
    },
    seen: ['← nothing'],
  },
].map((row) => ({ ...row, profile: 'connectSoon' }));

/** The relay ends while each kind of client is there. These rows have a relay of their own. */
export const shutdown = [
  {
    name: 'a joined WebSocket client when the relay ends',
    play: async (c) => {
      const ws = await c.client({ connect: '40' });
      c.relay.stop();
      await ws.end();
    },
    seen: ['← closed'],
  },
  {
    name: 'a WebSocket client without a namespace when the relay ends',
    play: async (c) => {
      const ws = await c.client();
      c.relay.stop();
      await ws.end();
    },
    seen: ['← closed'],
  },
  {
    name: 'a waiting poll when the relay ends',
    play: async (c) => {
      const session = await c.session({ connect: '40' });
      const poll = await session.waitingPoll();
      await poll.stillWaits();
      c.relay.stop();
      await poll.answered();
    },
    seen: ['poll waits', '| 1'],
  },
  {
    name: 'a client in the middle of its upgrade when the relay ends',
    play: async (c) => {
      const session = await c.session({ connect: '40' });
      const ws = await c.ws(session.wsQuery);
      ws.send('2probe');
      await ws.expect();
      c.relay.stop();
      await ws.end();
    },
    seen: ['3probe', '← closed'],
  },
].map((row) => ({ ...row, profile: 'plain', ownRelay: true }));
