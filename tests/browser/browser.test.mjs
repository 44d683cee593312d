// Two pages of another origin in headless Chromium, with the official bundle.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { launchBrowser, openPage, serve, shows } from '../lib/browser.mjs';
import { HUB, clientDir, startRelay } from '../lib/relay.mjs';
import { bothApplications, withRules } from '../lib/settings.mjs';
import { until } from '../lib/within.mjs';

const html = readFileSync(new URL('page.html', import.meta.url), 'utf8');
const bundle = readFileSync(join(clientDir, 'socket.io.min.js'));

let browser;
before(async () => (browser = await launchBrowser()));
after(() => browser?.close());

/** The pages' own origin; `source` is where they take the client bundle from. */
async function origin(t, source = '/bundle.js') {
  const site = await serve({
    '/': ['text/html', html.replace('/bundle.js', source)],
    '/bundle.js': ['text/javascript', bundle],
  });
  t.after(() => site.close());
  return site;
}

async function relayWith(t, settings, options) {
  const relay = await startRelay({ ...withRules(bothApplications), ...settings }, options);
  t.after(() => relay.kill());
  return relay;
}

const pageUrl = (site, relay, name, transports = '') =>
  `${site.url}/?relay=${encodeURIComponent(relay.url)}&transports=${transports}&name=${name}`;

async function seeEachOther(site, relay, transports) {
  const [one, two] = await Promise.all(['one', 'two'].map((name) => openPage(browser, pageUrl(site, relay, name, transports))));
  await Promise.all([one, two].map((page) => shows(page, '#status', 'connected')));
  await one.click('#send');
  await Promise.all([one, two].map((page) => shows(page, '#changes li', 'one: Größe 🎉 1-2-255')));
  await two.click('#send');
  await Promise.all([one, two].map((page) => shows(page, '#changes li', 'two: Größe 🎉 1-2-255')));
  assert.equal(await one.locator('#changes li').count(), 2);
  await Promise.all([one, two].map((page) => page.context().close()));
}

describe('two pages of another origin', () => {
  for (const transports of ['polling', 'websocket', '']) {
    test(`see each other's changes when any origin is allowed (${transports || 'default with upgrade'})`, async (t) => {
      const [site, relay] = [await origin(t), await relayWith(t, { corsOrigins: ['*'] })];
      await seeEachOther(site, relay, transports);
    });
  }

  test('see each other\'s changes when their origin is on the list', async (t) => {
    const site = await origin(t);
    const relay = await relayWith(t, { corsOrigins: ['http://other.test', site.url] });
    await seeEachOther(site, relay, 'polling');
  });

  for (const [how, corsOrigins] of [['no origin is allowed', []], ['other origins are allowed', ['http://other.test']]]) {
    test(`do not get in by WebSocket either when ${how}`, { skip: HUB === 'reference' && 'it lets every page in' }, async (t) => {
      const [site, relay] = [await origin(t), await relayWith(t, { corsOrigins })];
      const page = await openPage(browser, pageUrl(site, relay, 'one', 'websocket'));
      await shows(page, '#status', 'not connected: websocket error');
      // The log has a thread of its own: the page may hear of it first.
      const line = await until('a line in the log', () => relay.log.split('\n').find((text) => text.includes('cors.origins')));
      assert.ok(line.includes(site.url), `the log names the origin and the setting:\n${relay.log}`);
      await page.context().close();
    });
  }

  test('get in by WebSocket when nothing is enforced', async (t) => {
    const [site, relay] = [await origin(t), await relayWith(t, { corsEnforce: false })];
    const page = await openPage(browser, pageUrl(site, relay, 'one', 'websocket'));
    await shows(page, '#status', 'connected');
    await page.context().close();
  });

  for (const [how, corsOrigins] of [['no origin is allowed', []], ['other origins are allowed', ['http://other.test']]]) {
    test(`do not connect and say so when ${how}`, async (t) => {
      const [site, relay] = [await origin(t), await relayWith(t, { corsOrigins })];
      const page = await openPage(browser, pageUrl(site, relay, 'one'));
      await shows(page, '#status', 'not connected: xhr poll error');
      assert.ok(page.said.some((line) => /CORS policy/.test(line)), `the browser names the reason:\n${page.said.join('\n')}`);
      await page.context().close();
    });
  }

  test('take the client bundle from the relay', async (t) => {
    const relay = await relayWith(t, { corsOrigins: ['*'], clientDir });
    const site = await origin(t, `${relay.url}/socket.io/socket.io.js`);
    await seeEachOther(site, relay, '');
  });

  test('come back by themselves after the relay restarts', async (t) => {
    const site = await origin(t);
    const first = await relayWith(t, { corsOrigins: ['*'] }, { willReturn: true });
    const page = await openPage(browser, pageUrl(site, first, 'one'));
    await shows(page, '#status', 'connected');
    await first.stop();
    await shows(page, '#status', /^(disconnected: transport|not connected)/);
    const second = await startRelay({ ...withRules(bothApplications), corsOrigins: ['*'] }, { port: first.port });
    t.after(() => second.kill());
    await shows(page, '#status', /^connected$/);
    await page.click('#send');
    await shows(page, '#changes li', 'one: Größe');
    await page.context().close();
  });
});
