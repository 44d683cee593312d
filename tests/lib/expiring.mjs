// Clients in a process of their own whose tokens all end at one moment: when does each connection end, and is it told?
//
//   const clients = await expiring(t, relay, 5000);
//   await clients.renewed(exp);                        // [{ at: ms since 1970, said: 'what was last told, if of an end' }]
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { many } from './bystander.mjs';
import { openWebSocket } from './raw-ws.mjs';
import { token } from './tokens.mjs';
import { event, within } from './within.mjs';

/** Starts them; returns when all are in, with tokens that last. */
export async function expiring(t, relay, count) {
  const child = fork(fileURLToPath(import.meta.url), [String(relay.port), String(count)]);
  t.after(() => child.kill('SIGKILL'));
  await event(child, 'message', 60_000);
  return {
    /** Each brings a token that ends at `exp`; returns when all connections have. */
    async renewed(exp) {
      child.send(exp);
      const ends = (await event(child, 'message', patience(exp) + 5000))[0];
      if (ends.error) throw new Error(ends.error);
      return ends;
    },
  };
}

/** How long all of them may take: the end, a grace, and what a busy machine adds. */
const patience = (exp) => exp * 1000 - Date.now() + 30_000;

/** One of them. It reads from the beginning to its end: no ping of its waits for what the others do. */
class Client {
  constructor(ws, sub) {
    [this.ws, this.sub] = [ws, sub];
    this.renewed = new Promise((resolve) => (this.isRenewed = resolve));
    this.end = this.#live();
    this.end.catch(() => {});
  }

  async #live() {
    let said;
    for (;;) {
      const got = await this.ws.next(110_000);
      if (got.closed) return { at: Date.now(), said: got.code ?? said };
      const text = got.payload.toString();
      if (text === '2') this.ws.send('3');
      else if (text.startsWith('431')) this.isRenewed(text);
      else if (/^(41|44|1$)/.test(text)) said = text;
    }
  }

  async renew(exp) {
    this.ws.send(`421${JSON.stringify(['auth:renew', { token: token({ sub: this.sub, exp }) }])}`);
    const answer = await Promise.race([this.renewed, this.end]);
    if (typeof answer !== 'string') throw new Error(`ended before it was renewed (${answer.said})`);
    if (!answer.startsWith('431[{"status":"ok"')) throw new Error(answer);
    if (Date.now() / 1000 > exp) throw new Error('too slow: renewed when it was over');
    return await this.end;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port, count] = process.argv.slice(2);
  const clients = [];
  await many(Number(count), 25, async () => {
    const sub = String(clients.length);
    const ws = await openWebSocket(port, '/socket.io/?EIO=4&transport=websocket');
    ws.send(`40${JSON.stringify({ token: token({ sub }) })}`);
    await ws.until(/^40/, 20_000);
    clients.push(new Client(ws, sub));
  });
  process.on('message', (exp) => {
    within(patience(exp), 'end of all', Promise.all(clients.map((client) => client.renew(exp)))).then(
      (ends) => process.send(ends),
      ({ message }) => process.send({ error: message }),
    );
  });
  process.on('disconnect', () => process.exit());
  process.send('in');
}
