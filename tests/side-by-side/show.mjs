// Prints what the reference (or with --relay the relay under test) answers, for whoever writes rows or code:
//   node side-by-side/show.mjs [--relay] [part of a section or row]
import { startReference, startRelay } from '../lib/relay.mjs';
import { Player } from './play.mjs';
import { table } from './table.mjs';

const relay = process.argv.includes('--relay');
const wanted = process.argv.slice(2).find((arg) => arg !== '--relay') ?? '';
const player = new Player(relay ? startRelay : startReference);
for (const [section, rows] of Object.entries(table)) {
  for (const row of rows) {
    if (!`${section}: ${row.name}`.includes(wanted)) continue;
    const from = performance.now();
    const transcript = await player.play(row);
    console.log(`\n${section}: ${row.name} (${(performance.now() - from) | 0} ms)`);
    transcript.forEach((line) => console.log(`    ${line}`));
    const missing = (row.seen ?? []).filter((text) => !transcript.join('\n').includes(text));
    if (missing.length > 0) console.log(`    !!! not seen: ${missing.join(' ¦ ')}`);
  }
}
await player.end();
