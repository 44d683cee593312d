// Names and texts of clients in the log: on somebody's terminal they must stay text.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../lib/raw-http.mjs';
import { openWebSocket } from '../lib/raw-ws.mjs';
import { HUB, startRelay } from '../lib/relay.mjs';
import { withRules } from '../lib/settings.mjs';
import { until } from '../lib/within.mjs';

const target = '/socket.io/?EIO=4&transport=websocket';
const polling = '/socket.io/?EIO=4&transport=polling';
const deceptive = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
// C1, DEL, bidirectional overrides and isolates, a separator, and what forges a line once it is unescaped.
const hostile = '\u009b2J\u007f\u202eevil\u2066\u2028 \\u001b[31m\\n2026-01-01 ERROR fanfare::relay: forged';

describe('the log', { skip: HUB === 'reference' && 'it has none' }, () => {
  for (const format of ['text', 'json']) {
    test(`as ${format} shows what clients send as text, at every level`, async (t) => {
      const relay = await startRelay(withRules([{ on: 'known' }]), { args: ['--log', 'trace', '--log-format', format] });
      t.after(() => relay.kill());
      const ws = await openWebSocket(relay.port, target, { headers: { 'user-agent': 'x\x9by' } });
      ws.send('40');
      await ws.until(/^40/);
      ws.send(`421["${hostile}"]`);
      await ws.until(/^431/);
      ws.send(`421["${'\u202e'.repeat(30_000)}"]`);
      await ws.until(/^431/);
      ws.send(`40/${hostile.replaceAll(',', '')},`);
      await ws.end();
      await request(relay.port, `/socket.io/?EIO=4&transport=%C2%9B%E2%80%AE`);
      await request(relay.port, polling, { headers: { origin: `http://x${'\x9b"'.repeat(4000)}`, host: `${'h'.repeat(4000)}.example` } });
      await until('the end of the session', () => /session closed/.test(relay.log));
      await relay.stop();
      const lines = relay.log.trimEnd().split('\n').filter((line) => !line.startsWith('listening on'));
      assert.ok(lines.length >= 4, relay.log);
      // What is cut at 256 bytes is longer as escapes, at most six letters for one byte.
      for (const line of lines) {
        assert.ok(line.length < 3 * 6 * 256, `${line.length}: ${line.slice(0, 500)}`);
        assert.doesNotMatch(line, deceptive);
        if (format === 'text') assert.match(line, /^\S+Z +[A-Z]+ fanfare::\w+: /);
        else assert.match(JSON.parse(line).target, /^fanfare::\w+$/);
      }
      const refused = lines.find((line) => line.includes('event refused'));
      if (format === 'text') assert.ok(refused.includes('\\u{9b}2J\\u{7f}\\u{202e}evil\\u{2066}'), refused);
      else assert.equal(JSON.parse(refused).event, `"${hostile}"`);
      assert.ok(lines.some((line) => line.includes('event refused') && /…\+89\d{3}/.test(line)), 'a long name is cut');
      assert.ok(lines.some((line) => line.includes('cors.origins') && /origin.{1,8}http:\/\/x/.test(line)), relay.log);
      // All that is about the connection has its number.
      const about = lines.filter((line) => /event refused|broke the protocol|session closed/.test(line));
      const numbers = about.map((line) => /connection"?[=:](\d+)/.exec(line)[1]);
      assert.ok(about.length >= 4 && new Set(numbers).size === 1, about.join('\n'));
    });
  }
});
