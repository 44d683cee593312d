// What docs/embedding.md shows is what the crate's guide has, where it is compiled.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const read = (path) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

test('every Rust example of docs/embedding.md is in the guide, word by word', () => {
  const guide = read('crates/socketio/GUIDE.md');
  const examples = [...read('docs/embedding.md').matchAll(/^```rust\n([^]*?)^```/gm)].map(([, example]) => example);
  assert.ok(examples.length >= 3);
  for (const example of examples) assert.ok(guide.includes(example), example);
});
