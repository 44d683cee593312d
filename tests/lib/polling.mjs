// An Engine.IO session over HTTP, request by request.
import { request } from './raw-http.mjs';

export class PollingSession {
  constructor(port, path, open) {
    this.port = port;
    this.path = path;
    this.open = open;
    this.sid = open.sid;
  }

  /** Handshakes; the open packet's content is `.open`. */
  static async start(port, { path = '/socket.io/', headers } = {}) {
    const answer = await request(port, `${path}?EIO=4&transport=polling`, { headers });
    if (answer.status !== 200) throw new Error(`no handshake but ${answer.status} ${answer.body}`);
    return new PollingSession(port, path, JSON.parse(answer.body.toString().slice(1)));
  }

  /** Handshakes and joins a namespace; gives what the CONNECT was answered. */
  static async joined(port, { connect = '40', ...options } = {}) {
    const session = await PollingSession.start(port, options);
    await session.post(connect);
    await session.poll();
    return session;
  }

  target(transport = 'polling') {
    return `${this.path}?EIO=4&transport=${transport}&sid=${this.sid}`;
  }

  /** Waits in a poll. */
  async poll(options) {
    return await request(this.port, this.target(), options);
  }

  async post(body, options = {}) {
    return await request(this.port, this.target(), { method: 'POST', body, ...options });
  }
}
