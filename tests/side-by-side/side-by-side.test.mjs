// Plays every row of the table with the reference and with the relay under test, and compares what came back.
// `HUB=reference` compares the reference with itself: that shows which rows are steady enough to be compared.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { HUB, startReference, startRelay } from '../lib/relay.mjs';
import { differences } from './differences.mjs';
import { Player } from './play.mjs';
import { sameMeaning } from './same-meaning.mjs';
import { table } from './table.mjs';

const reference = new Player(startReference);
const relay = new Player(startRelay);
after(() => Promise.all([reference.end(), relay.end()]));

for (const [section, rows] of Object.entries(table)) {
  // Rows wait more than they compute.
  describe(`side by side, ${section}`, { concurrency: 4 }, () => {
    for (const row of rows) {
      const reason = differences[`${section}: ${row.name}`];
      test(`${row.name}${reason ? ' (differs on purpose)' : ''}`, async () => {
        for (let takes = 3; ; takes--) {
          const [theirs, ours] = await Promise.all([reference.play(row), relay.play(row)]);
          try {
            return compare(row, theirs, ours, reason);
          } catch (error) {
            if (takes === 1 || !isAboutTime(row, [...theirs, ...ours])) throw error;
          }
        }
      });
    }
  });
}

function compare(row, theirs, ours, reason) {
  for (const text of row.seen) {
    assert.ok(theirs.join('\n').includes(text), `the reference no longer says ${text}:\n${theirs.join('\n')}`);
  }
  if (row.loose) return;
  const [said, wanted] = row.exact ? [ours, theirs] : [ours.map(sameMeaning), theirs.map(sameMeaning)];
  if (reason && HUB !== 'reference') {
    assert.notDeepEqual(said, wanted, `no longer differs; it was listed because: ${reason}`);
  } else {
    assert.deepEqual(said, wanted);
  }
}

/** On a busy machine a moment is missed now and then; what is wrong is wrong in every take. */
const isAboutTime = ({ loose }, lines) => loose || lines.some((line) => /: (too early|late) \(|within \d+ ms/.test(line));

test('every difference listed names a row of the table', () => {
  const names = new Set(Object.entries(table).flatMap(([section, rows]) => rows.map(({ name }) => `${section}: ${name}`)));
  assert.deepEqual(Object.keys(differences).filter((name) => !names.has(name)), []);
  const all = Object.values(table).flat().length;
  assert.equal(names.size, all, 'two rows of a section have the same name');
});
