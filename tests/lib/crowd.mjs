// Many clients at the price of few: WebSockets that read whatever comes, count its bytes and answer pings by the clock.
import { frame, openWebSocket } from './raw-ws.mjs';
import { many } from './bystander.mjs';

const target = '/socket.io/?EIO=4&transport=websocket';

/** Joins `count` clients that read as fast as this process can. */
export async function crowd(t, relay, count, { connect = '40' } = {}) {
  const members = [];
  t.after(() => members.forEach(({ socket }) => socket.destroy()));
  await many(count, 25, async () => {
    const ws = await openWebSocket(relay.port, target);
    ws.send(connect);
    await ws.until(/^40/);
    const member = { socket: ws.socket, bytes: 0, closed: false };
    const over = () => (member.closed = true);
    // From here on nobody takes frames apart.
    ws.socket.removeAllListeners('data');
    ws.socket.on('data', (bytes) => (member.bytes += bytes.length)).on('end', over).on('close', over);
    members.push(member);
  });
  // A pong that was not asked for does no harm.
  const pongs = setInterval(() => members.forEach(({ socket }) => socket.destroyed || socket.write(frame('3'))), 10_000);
  t.after(() => clearInterval(pongs));
  return {
    members,
    get closed() {
      return members.filter(({ closed }) => closed).length;
    },
    get bytes() {
      return members.reduce((sum, { bytes }) => sum + bytes, 0);
    },
  };
}
