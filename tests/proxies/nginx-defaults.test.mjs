// Behind an nginx with as little in its configuration as there can be: without `proxy_http_version 1.1` it speaks HTTP/1.0 to
// the relay, WebSockets too.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clientsOf, upgraded, variants } from '../lib/clients.mjs';
import { startProxy } from '../lib/proxies.mjs';
import { sharedRelay } from '../lib/relay.mjs';
import { talks } from './checks.mjs';

/** The document's `location` with these lines alone. */
const only = (lines) => [
  [/(?<=proxy_pass .*;)(.*?)(?=^ *\})/ms, lines],
  [/^ *(hash|keepalive).*$/gm, ''],
];
const handsOnUpgrades = 'proxy_set_header Host $http_host; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';

describe('behind nginx without proxy_http_version 1.1', async () => {
  const hub = sharedRelay({ before, after });
  const proxy = await startProxy({ before, after }, 'nginx', [hub], only(handsOnUpgrades));
  for (const variant of variants) {
    test(`a client gets through (${variant.title})`, async (t) => {
      const client = await clientsOf(t, variant).connect(proxy.url, { ca: proxy.ca });
      if (!variant.options.transports) await upgraded(client);
      await talks(client);
    });
  }
});

describe('behind nginx that hands on no upgrades', async () => {
  const hub = sharedRelay({ before, after });
  const proxy = await startProxy({ before, after }, 'nginx', [hub], only(''));
  for (const variant of variants.filter(({ options }) => options.transports?.[0] !== 'websocket')) {
    test(`a client stays on polling (${variant.title})`, async (t) => {
      const client = await clientsOf(t, variant).connect(proxy.url, { ca: proxy.ca });
      await talks(client);
      assert.equal(client.io.engine.transport.name, 'polling');
    });
  }
});
