// A Redis that is killed, throws out its subscribers, or stands still: rows 20 to 22, for each kind of fleet.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { scrape } from '../lib/metrics.mjs';
import { until, within } from '../lib/within.mjs';
import { ALL_NODE, Fleet } from './fleet.mjs';

// The 15 seconds of row 20 are for `make test-full`.
const LONG = process.env.CLUSTER_LONG === '1';

/** What goes from one client of a relay to another of it, again and again: the slowest takes less than a second. */
export function locally(one, other) {
  let slowest = 0;
  let goes = true;
  const over = (async () => {
    for (let number = 0; goes; number += 1) {
      const from = performance.now();
      const back = new Promise((resolve) => other.socket.on('to-others', (mark) => mark === `local ${number}` && resolve()));
      one.socket.emit('to-others', `local ${number}`);
      await within(15_000, 'a local delivery', back);
      other.socket.off('to-others');
      slowest = Math.max(slowest, performance.now() - from);
      await delay(10);
    }
  })();
  return {
    async isQuick() {
      goes = false;
      await over;
      assert.ok(slowest < 1000, `a local delivery took ${Math.round(slowest)} ms`);
    },
  };
}

/** Numbered events of a client of F to its own and to G's, and who heard which. */
export const numbers = (person) => person.heard.filter(([name]) => name === 'stream').map(([, number]) => number);

// On a busy machine it is this process that does not read in time, and for a slow consumer a relay closes it: 40 MB may wait.
const PATIENT = { slowConsumer: { bytes: 64 << 20, stallMs: 30_000, totalBytes: 256 << 20 } };

/** What goes wrong with the Redis of a fleet: rows 20 to 22; and `more` of the same fleet. */
export function trouble(kind, more = () => {}) {
  describe(`a ${kind.title} fleet whose Redis is in trouble`, { skip: ALL_NODE && 'Node servers do not hold up' }, () => {
    let fleet;
    before(async () => (fleet = await Fleet.start(kind, { settings: PATIENT })));
    afterEach(() => fleet?.disperse());
    after(() => fleet?.stop());

    for (const ms of LONG ? [3000, 15_000] : [3000]) {
      test(`20: it is killed, and back after ${ms / 1000} s`, { timeout: 60_000 }, async () => {
        const [one, other, remote] = [await fleet.client('F'), await fleet.client('F'), await fleet.client('G')];
        const local = locally(one, other);
        await fleet.redis.kill();
        for (let number = 0; number < 20; number += 1) {
          one.socket.emit('stream', number);
          await delay(ms / 20);
        }
        await fleet.redis.rise();
        await fleet.whole(4, 15_000);
        await local.isQuick();
        one.socket.emit('stream', 'after');
        await until('the next event', () => numbers(remote).includes('after'));
        assert.deepEqual(numbers(one), [...Array(20).keys(), 'after']);
        const heard = numbers(remote);
        assert.deepEqual(heard, [...new Set(heard)], 'something came twice');
        const page = await scrape(fleet.servers.F.opsPort);
        assert.equal(page.value('fanfare_cluster_up'), 1);
        assert.ok(page.value('fanfare_cluster_reconnects_total') > 0);
        // What did not reach the others is counted: too old, or refused since it was not joined.
        const lost = 20 - heard.filter(Number.isInteger).length;
        assert.ok(page.sum('fanfare_cluster_dropped_total') >= lost, page.text);
        await fleet.settled();
      });
    }

    test('21: its subscribers are killed, three times', { timeout: 60_000 }, async () => {
      const people = await fleet.crowd('/', ['websocket']);
      for (let time = 0; time < 3; time += 1) {
        await fleet.redis.ask('CLIENT', 'KILL', 'TYPE', 'pubsub');
        await fleet.whole(4, 15_000);
      }
      people.forEach((person) => (person.heard.length = 0));
      await until('a message by all', async () => {
        people[2].socket.emit('update', 'whole');
        await delay(50);
        return people.every(({ heard }) => heard.length > 0);
      });
      assert.equal(await fleet.count(), 4);
    });

    test('22: it stands still for four seconds', { timeout: 60_000 }, async () => {
      const [one, other, remote] = [await fleet.client('F'), await fleet.client('F'), await fleet.client('G')];
      const local = locally(one, other);
      await fleet.redis.ask('CLIENT', 'PAUSE', '4000', 'ALL');
      one.socket.emit('stream', 'meanwhile');
      const answer = await within(1000, 'an answer', one.socket.emitWithAck('update', 1));
      assert.equal(answer.status, 'ok');
      assert.ok(['sent', 'waiting', 'lost'].includes(answer.cluster), JSON.stringify(answer));
      await delay(4200);
      await local.isQuick();
      await fleet.whole(4, 15_000);
      one.socket.emit('stream', 'after');
      await until('the next event', () => numbers(remote).includes('after'), { ms: 8000 });
      assert.deepEqual(numbers(one), ['meanwhile', 'after']);
    });

    more(() => fleet);
  });
}
