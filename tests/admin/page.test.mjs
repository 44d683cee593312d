// The published Admin UI, unchanged, in headless Chromium. With SCREENSHOT=<a file> it also takes the picture of README.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { skip } from '../lib/access.mjs';
import { adminToml, loggedIn, uiDir } from '../lib/admin.mjs';
import { launchBrowser, serve, shows } from '../lib/browser.mjs';
import { clientsOf, received } from '../lib/clients.mjs';
import { ops } from '../lib/reload.mjs';
import { startRelay } from '../lib/relay.mjs';
import { event, until } from '../lib/within.mjs';

let browser;
before(async () => (browser = await launchBrowser()));
after(() => browser?.close());

const rules = `[[namespace]]
name = "/"
[[namespace.rule]]
on = "*"
to = "all"
[[namespace.rule]]
on = "enter"
join = "room:{args.0}"
[[namespace]]
name = "/chat"
[[namespace.rule]]
on = "*"
to = "all"
`;

async function started(t, more, before = '') {
  const relay = await startRelay({ toml: before + ops + adminToml(`dir = ${JSON.stringify(uiDir)}\n${more}`) + rules });
  t.after(() => relay.kill());
  return relay;
}

/** The page at an address. What it has of other hosts (icons) comes from npm, or not at all: a test asks nobody else. */
async function opened(t, url) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  t.after(() => context.close());
  const page = await context.newPage();
  page.said = [];
  page.on('pageerror', (error) => page.said.push(`error: ${error.message}`));
  await page.route(/^https:/, (route) => {
    const icons = /@mdi\/font@latest\/([a-z/0-9.-]+)/.exec(route.request().url());
    const file = icons && fileURLToPath(new URL(`../node_modules/@mdi/font/${icons[1]}`, import.meta.url));
    return file ? route.fulfill({ path: file }) : route.abort();
  });
  await page.goto(url);
  return page;
}

/** Fills in the form that the page begins with. */
async function logIn(page, url, password) {
  await page.getByLabel('Server URL').fill(url);
  await page.getByLabel('Username').fill('admin');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Connect' }).click();
}

const goTo = (page, title) => page.locator('nav .v-list-item', { hasText: title }).first().click();

describe('the Admin UI', { skip }, () => {
  test('logs in with the right password only, and comes back without one', async (t) => {
    const relay = await started(t, '');
    const page = await opened(t, `${relay.url}/admin`);
    await logIn(page, relay.url, 'wrong');
    await shows(page, '.v-dialog', 'Invalid credentials');
    await logIn(page, relay.url, 'secret');
    await shows(page, 'body', 'Dashboard');
    await page.locator('.v-dialog--active').waitFor({ state: 'hidden' });
    await shows(page, 'nav', 'Servers');
    assert.equal(await page.locator('nav .v-list-item', { hasText: 'Sockets' }).count(), 0, 'in production there are sums only');
    await page.reload();
    await shows(page, 'tr', '/chat');
    assert.equal(await page.locator('.v-dialog--active').count(), 0, 'its session was kept');
    assert.deepEqual(page.said, []);
  });

  test('shows clients come and go, puts one into a room that is emitted to, and disconnects one', async (t) => {
    const relay = await started(t, 'mode = "development"\nserver_id = "relay-1"');
    const clients = clientsOf(t);
    const one = await clients.connect(relay.url);
    const page = await opened(t, `${relay.url}/admin/`);
    await logIn(page, relay.url, 'secret');
    await goTo(page, 'Sockets');
    await shows(page, 'tr', one.id);
    const two = await clients.connect(relay.url);
    await shows(page, 'tr', two.id);
    const ids = [one.id, two.id];

    await page.locator('tr', { hasText: one.id }).click();
    await page.getByLabel('Join a room').fill('by hand');
    await page.locator('main form button[type=submit]').click();
    await shows(page, 'tr', 'by hand');
    // The page has no form for events; what it would send is what an administrator sends here.
    const [heard, others] = [received(one, 'x'), []];
    two.onAny((name) => others.push(name));
    (await loggedIn(t, relay.url)).emit('emit', '/', 'by hand', 'x', 1);
    assert.deepEqual(await heard, [1]);

    one.emit('enter', 'a');
    await goTo(page, 'Rooms');
    await page.getByRole('row', { name: 'room:a Public' }).waitFor();
    await goTo(page, 'Events');
    await shows(page, 'tr', 'enter');

    await goTo(page, 'Sockets');
    const gone = event(two, 'disconnect');
    const row = (id) => page.locator('main .v-data-table tr:visible', { hasText: id });
    await row(two.id).locator('button').first().click();
    assert.equal((await gone)[0], 'io server disconnect');
    one.disconnect();
    // The button is on the row, which leads to the details of whoever it was.
    await goTo(page, 'Sockets');
    for (const id of ids) await until(`no ${id} on the page`, async () => (await row(id).count()) === 0);
    assert.deepEqual([page.said, others], [[], []]);
  });

  test('shows names as they are, whatever is in them', async (t) => {
    const relay = await started(t, 'mode = "development"\nserver_id = "<b id=broken>"');
    const one = await clientsOf(t).connect(`${relay.url}?x=<img src=x onerror=broken()>`, { extraHeaders: { 'user-agent': '<img src=x onerror=broken()>' } });
    const page = await opened(t, `${relay.url}/admin/`);
    await page.exposeFunction('broken', () => page.said.push('what a client said was run'));
    await logIn(page, relay.url, 'secret');
    const name = '<img src=x onerror=broken()>{{broken()}}';
    (await loggedIn(t, relay.url)).emit('join', '/', name, one.id);
    await goTo(page, 'Rooms');
    await shows(page, 'tr', name);
    one.emit(name, name);
    await goTo(page, 'Events');
    await shows(page, 'tr', name);
    await goTo(page, 'Servers');
    await shows(page, 'tr', '<b id=broken>');
    await goTo(page, 'Sockets');
    await page.locator('main tr:visible', { hasText: one.id }).first().click();
    await shows(page, 'main td', '<img src=x onerror=broken()>');
    assert.deepEqual(page.said, []);
    assert.equal(await page.locator('#broken, img[src=x]').count(), 0);
  });

  test('connects from where its makers host it, if cors says so', async (t) => {
    // Of another origin, with credentials, as https://admin.socket.io does.
    const files = ['', 'js/app.0d7d7845.js', 'js/chunk-vendors.934c03ff.js', 'css/app.6e3b9661.css', 'css/chunk-vendors.9f55d012.css'];
    const types = { js: 'text/javascript', css: 'text/css', '': 'text/html' };
    const site = await serve(Object.fromEntries(files.map((file) =>
      [`/${file}`, [types[/[a-z]*$/.exec(file)[0]], readFileSync(`${uiDir}/${file || 'index.html'}`)]])));
    t.after(() => site.close());
    const relay = await started(t, '', `[cors]\norigins = [${JSON.stringify(site.url)}]\ncredentials = true\n`);
    const page = await opened(t, site.url);
    await logIn(page, relay.url, 'secret');
    await shows(page, 'tr', '/chat');
  });

  test('makes a picture, if it is asked to', { skip: !process.env.SCREENSHOT && 'SCREENSHOT names no file' }, async (t) => {
    const relay = await started(t, 'server_id = "relay-1"');
    const clients = clientsOf(t);
    const all = await clients.connectMany(40, relay.url, { transports: ['websocket'] });
    await clients.connectMany(8, relay.url, { transports: ['polling'] });
    await clients.connectMany(15, `${relay.url}/chat`);
    const page = await opened(t, `${relay.url}/admin/`);
    await logIn(page, relay.url, 'secret');
    await shows(page, 'tr', '/chat');
    // A minute or so of life, for the diagrams.
    for (let second = 0; second < 75; second++) {
      for (let count = 0; count < 5 + 10 * Math.abs(Math.sin(second / 9)); count++) all[count].emit('update', { second, text: 'x'.repeat(40) });
      if (second % 3 === 0) all[second % 40].disconnect();
      if (second % 4 === 0) await clients.connect(relay.url, { transports: ['websocket'] });
      await delay(1000);
    }
    await page.screenshot({ path: process.env.SCREENSHOT });
  });
});
