// PhotoFlow's set-up: the page on Vite's dev server, and the hub inside it, behind its proxy, and elsewhere.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';
import { launchBrowser, openPage, shows } from '../lib/browser.mjs';
import { startRelay } from '../lib/relay.mjs';
import { bothApplications, withRules } from '../lib/settings.mjs';
import { hubInside, tasksApi } from './plugins.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

let browser;
before(async () => (browser = await launchBrowser()));
after(() => browser?.close());

/** The dev server, as `vite` starts it; `socketUrl` is in its environment. */
async function devServer(t, { plugins = [], proxy, socketUrl }) {
  if (socketUrl) process.env.VITE_SOCKET_URL = socketUrl;
  t.after(() => delete process.env.VITE_SOCKET_URL);
  const server = await createServer({
    configFile: false,
    root: here('app'),
    cacheDir: here('../.cache/vite'),
    logLevel: 'error',
    plugins: [tasksApi(), ...plugins],
    server: { host: '127.0.0.1', port: 0, proxy },
    // Found at the start, not at the first request: that would reload the page under the test.
    optimizeDeps: { include: ['socket.io-client'] },
  });
  await server.listen();
  t.after(() => server.close());
  return `http://127.0.0.1:${server.httpServer.address().port}/`;
}

async function relayFor(t, settings, options) {
  const relay = await startRelay({ ...withRules(bothApplications), ...settings }, options);
  t.after(() => relay.kill());
  return relay;
}

/** Two tabs add a task each, and both see both. */
async function tabsUpdateEachOther(url) {
  const tabs = await Promise.all([openPage(browser, url), openPage(browser, url)]);
  const both = (selector, text) => Promise.all(tabs.map((tab) => shows(tab, selector, text)));
  await both('#status', 'connected');
  await both('#transport', 'websocket');
  for (const [n, tab] of tabs.entries()) {
    await tab.click('#add');
    await both(`#tasks li:nth-child(${n + 1})`, 'task');
  }
  const lists = await Promise.all(tabs.map((tab) => tab.locator('#tasks').innerText()));
  assert.equal(lists[0], lists[1]);
  await Promise.all(tabs.map((tab) => tab.context().close()));
}

describe('two tabs of a page on Vite\'s dev server update each other', () => {
  test('with the hub inside the dev server, as before', async (t) => {
    await tabsUpdateEachOther(await devServer(t, { plugins: [hubInside()] }));
  });

  test('with the relay behind the dev server\'s proxy', async (t) => {
    const relay = await relayFor(t);
    await tabsUpdateEachOther(await devServer(t, { proxy: { '/socket.io': { target: relay.url, ws: true } } }));
  });

  test('with the relay at VITE_SOCKET_URL, another origin', async (t) => {
    const relay = await relayFor(t, { corsOrigins: ['*'] });
    await tabsUpdateEachOther(await devServer(t, { socketUrl: relay.url }));
  });

  test('and say so when the relay at VITE_SOCKET_URL does not allow their origin', async (t) => {
    const relay = await relayFor(t);
    const page = await openPage(browser, await devServer(t, { socketUrl: relay.url }));
    await shows(page, '#status', 'not connected: xhr poll error');
    await page.context().close();
  });

  test('and come back when the relay behind the proxy restarts', async (t) => {
    const first = await relayFor(t, {}, { willReturn: true });
    const url = await devServer(t, { proxy: { '/socket.io': { target: first.url, ws: true } } });
    const page = await openPage(browser, url);
    await shows(page, '#status', 'connected');
    await first.stop();
    await shows(page, '#status', /^(disconnected|not connected)/);
    const second = await startRelay(withRules(bothApplications), { port: first.port });
    t.after(() => second.kill());
    await shows(page, '#status', /^connected$/);
    await page.click('#add');
    await shows(page, '#tasks li:nth-child(1)', 'task');
    await page.context().close();
  });
});
