// Two clients that talk quietly while others do not, in a process of their own: what they wait for is the relay and
// never the test that makes the noise. One sends, the other hears.
//
//   const pair = await quietPair(t, relay);            // the relay has a namespace /quiet (see `quietly`)
//   const before = await pair.measure(1000);           // { p50, p99, worst, rounds } in ms
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { openWebSocket } from './raw-ws.mjs';
import { event, within } from './within.mjs';

const target = '/socket.io/?EIO=4&transport=websocket';

/** Settings in which `rules` are those of the noise, and a pair has a namespace of its own. */
export const quietly = (rules = [{ on: '*' }]) => ({
  // The noise is as loud as it can be: what is looked at is what holds without limits.
  unlimited: true,
  namespaces: [{ name: '/', rules: [word, ...rules] }, { name: '/quiet', rules: [word] }],
});
const word = { on: 'word', to: 'others' };

/**
 * Starts `pairs` of them: more than one, so that no thread or lane of the relay is without. In the namespace `/` they hear
 * the noise as well.
 */
export async function quietPair(t, relay, { pairs = 3, namespace = '/quiet' } = {}) {
  const child = fork(fileURLToPath(import.meta.url), [String(relay.port), String(pairs), namespace]);
  t.after(() => child.kill('SIGKILL'));
  const gone = new Promise((_, reject) => child.once('exit', () => reject(new Error('the quiet pair has ended'))));
  gone.catch(() => {});
  const told = (ms) => within(ms, 'word from the quiet pair', Promise.race([event(child, 'message', ms), gone]));
  await told(10_000);
  return {
    /** What they wait for from now on, for so long. */
    async measure(ms) {
      child.send({ ms });
      const [{ failed, ...times }] = await told(ms + 60_000);
      if (failed) throw new Error(`the quiet pair: ${failed}; the end of the log:\n${relay.log.slice(-500)}`);
      return times;
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port, pairs, namespace] = process.argv.slice(2);
  const head = namespace === '/' ? '' : `${namespace},`;
  const loops = await Promise.all(Array.from({ length: Number(pairs) }, () => pairOf(Number(port), head)));
  process.on('message', async ({ ms }) => {
    const times = [];
    const end = performance.now() + ms;
    const failed = await Promise.all(loops.map((one) => one(end, times))).then(() => undefined, (error) => error.message);
    times.sort((a, b) => a - b);
    const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
    process.send({ failed, p50: at(0.5), p99: at(0.99), worst: at(1), rounds: times.length });
  });
  process.on('disconnect', () => process.exit());
  process.send('ready');
}

/** Two clients; a function that plays rounds until `end` and writes down how long each took. */
async function pairOf(port, head) {
  const [sender, hearer] = await Promise.all([0, 1].map(() => joined(port, head)));
  let number = 0;
  return async (end, times) => {
    while (performance.now() < end) {
      const mark = `${process.pid} ${Math.random()} ${number++}`;
      const from = performance.now();
      sender.send(`42${head}["word","${mark}"]`);
      for (;;) {
        const got = await hearer.next(30_000);
        if (got.closed) throw new Error('closed');
        if (got.payload.includes(mark)) break;
        if (got.payload.toString() === '2') hearer.send('3');
      }
      times.push(performance.now() - from);
      // The sender hears pings, and perhaps the noise.
      if (sender.frames.splice(0).some(({ payload }) => payload.toString() === '2')) sender.send('3');
      if (sender.closed) throw new Error('closed');
      await delay(5);
    }
  };
}

async function joined(port, head) {
  const ws = await openWebSocket(port, target);
  ws.send(`40${head}`);
  await ws.until(/^40/);
  return ws;
}
