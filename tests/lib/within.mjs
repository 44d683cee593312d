// Waiting. Tests never sleep to wait for something: they await it, and these helpers put the limit on it.
import { setTimeout as delay } from 'node:timers/promises';

/** Long enough on a machine that does other things beside. */
export const PATIENCE = 15_000;

/** Limits a promise: rejects with `what` in the message when it takes longer than `ms`. */
export async function within(ms, what, promise) {
  let timer;
  const limit = new Promise((_, reject) => {
    // Made here, so that the stack says who waited.
    const late = new Error(`no ${what} within ${ms} ms`);
    timer = setTimeout(() => reject(late), ms);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** The arguments of the next `name` from an emitter of any kind (Node's or component-emitter). */
export function event(emitter, name, ms = PATIENCE) {
  return within(ms, `event "${name}"`, new Promise((resolve) => emitter.once(name, (...args) => resolve(args))));
}

/**
 * Asks until the answer is truthy. For what announces nothing: another process' memory, its descriptors,
 * a server that starts to refuse.
 */
export async function until(what, question, { ms = PATIENCE, every = 20 } = {}) {
  const end = Date.now() + ms;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`${what}: not so after ${ms} ms`);
    await delay(every);
  }
}

/** Whether a promise is still open after `ms`. The only way to see that something does *not* happen. */
export async function stillWaits(promise, ms = 150) {
  const open = Symbol('open');
  return (await Promise.race([promise, delay(ms, open)])) === open;
}
