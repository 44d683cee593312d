// Whether the API is what it says of itself: schemathesis asks whatever its description allows, and much that it does not.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'node:test';
import { ALL, apiUrl, ask, started } from '../lib/api.mjs';
import { skip } from '../lib/access.mjs';
import { clientsOf } from '../lib/clients.mjs';
import { within } from '../lib/within.mjs';

const schemathesis = process.env.SCHEMATHESIS ?? fileURLToPath(new URL('../.cache/venv-api/bin/schemathesis', import.meta.url));

describe('GET /api/openapi.json', { skip }, () => {
  test('describes every route, for whoever asks', async (t) => {
    const relay = await started(t);
    const { status, body } = await ask(relay, 'GET', '/api/openapi.json', undefined, { key: null });
    assert.equal(status, 200);
    assert.match(body.openapi, /^3\.1\./);
    const routes = Object.entries(body.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
    assert.deepEqual(routes.sort(), [
      'delete /api/rooms/{room}/sockets', 'delete /api/sockets/{id}', 'get /api/namespaces', 'get /api/nodes', 'get /api/rooms', 'get /api/rooms/{room}',
      'get /api/sockets', 'get /api/sockets/{id}', 'post /api/emit', 'post /api/emit/batch', 'post /api/rooms/{room}/sockets',
      'post /api/sockets/{id}/rooms',
    ]);
  });

  test('is true', async (t) => {
    assert.ok(existsSync(schemathesis), `no ${schemathesis}: tests/setup.sh installs it from PyPI, or SCHEMATHESIS says where it is`);
    const relay = await started(t);
    await clientsOf(t).connectMany(3, relay.url);
    const args = [
      'run', `${apiUrl(relay)}/api/openapi.json`, '--header', `Authorization: Bearer ${ALL}`, '--max-examples', '40', '--seed', '1',
      '--phases', 'examples,coverage,fuzzing', '--checks', 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth',
      '--no-color',
    ];
    const { code, said } = await within(100_000, 'end of schemathesis', new Promise((resolve) => {
      const child = execFile(schemathesis, args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        resolve({ code: error ? error.code : 0, said: stdout + stderr });
      });
      t.after(() => child.kill());
    }));
    assert.equal(code, 0, said);
  });
});
