// What docs/embedding.md shows is what the file has that it names, where it is compiled.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const read = (path) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

test('every Rust example of docs/embedding.md is in the file it names, word by word', () => {
  const page = read('docs/embedding.md');
  const examples = [...page.matchAll(/^<!-- in (\S+), where it is compiled -->\n```rust\n([^]*?)^```/gm)];
  assert.ok(examples.length >= 4);
  assert.equal(examples.length, page.match(/^```rust$/gm).length, 'each names one');
  for (const [, path, example] of examples) assert.ok(read(path).includes(example), example);
});
