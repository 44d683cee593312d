// The examples of docs/api.md and docs/emitting.md, as they are written there.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ALL, apiUrl, ask, started } from '../lib/api.mjs';
import { skip } from '../lib/access.mjs';
import { clientsOf, recorded, settled } from '../lib/clients.mjs';
import { within } from '../lib/within.mjs';

const [api, emitting] = ['api.md', 'emitting.md'].map((name) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8'));
const blocks = (page, language) => page.split(`\`\`\`${language}\n`).slice(1).map((rest) => rest.split('```')[0]);

const run = (program, args, env) => within(15_000, `end of ${program}`, new Promise((resolve) => {
  execFile(program, args, { env: { ...process.env, ...env } }, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }));
}));

describe('docs/api.md', { skip }, () => {
  test('has commands that do what it says', async (t) => {
    const relay = await started(t);
    const client = await clientsOf(t).connect(relay.url);
    client.on('ping', (ack) => ack('pong'));
    const seen = recorded(client);
    await ask(relay, 'POST', `/api/sockets/${client.id}/rooms`, { join: ['account:42', 'news'] });
    const commands = blocks(api, 'sh').flatMap((block) => block.trim().split('\n')).filter((line) => line.startsWith('curl '));
    assert.ok(commands.length >= 10, commands.join('\n'));
    for (const command of commands) {
      const { code, stdout, stderr } = await run('bash', ['-c', command], { API: apiUrl(relay), KEY: ALL });
      assert.equal(code, 0, `${command}\n${stderr}`);
      const answer = JSON.parse(stdout);
      assert.equal(answer.code, undefined, `${command}\n${stdout}`);
      if (command.includes('/api/emit ')) assert.equal(answer.recipients, 1, `${command}\n${stdout}`);
      if (command.includes('ping')) assert.deepEqual(answer.acks, [{ socket: client.id, args: ['pong'] }]);
      if (command.includes('/api/sockets')) assert.equal(answer.sockets[0].id, client.id);
    }
    await settled(client, 'mark');
    const names = seen.map(([name]) => name);
    assert.deepEqual(names, ['update', 'update', 'image', 'ping', 'a', 'b', 'paid', 'mark']);
  });
});

describe('docs/emitting.md', { skip }, () => {
  test('has programs that emit, and say so when they could not', async (t) => {
    const relay = await started(t);
    const client = await clientsOf(t).connect(relay.url);
    const seen = recorded(client);
    const program = (language) => blocks(emitting, language)[0].replaceAll('http://127.0.0.1:3001', apiUrl(relay));
    const programs = [
      ['bash', ['-c', program('sh')]],
      [process.execPath, ['--input-type=module', '-e', program('js')]],
      ['python3', ['-c', program('python')]],
      ['php', ['-r', program('php').replace('<?php', '')]],
    ];
    for (const [program, args] of programs) {
      const { code, stderr } = await run(program, args, { FANFARE_API_KEY: ALL });
      assert.equal(code, 0, `${program}: ${stderr}`);
      const refused = await run(program, args, { FANFARE_API_KEY: 'another' });
      assert.notEqual(refused.code, 0, program);
    }
    await settled(client, 'mark');
    assert.deepEqual(seen.slice(0, -1), programs.map(() => ['update', { id: 1 }]));
  });
});
