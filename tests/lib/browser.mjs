// Headless Chromium from Debian, driven by playwright-core.
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';
import { event } from './within.mjs';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Without these a browser looks for its maker's hosts, which a closed network refuses many times a second. */
const args = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

export const launchBrowser = () => chromium.launch({ executablePath, args, headless: true });

/** Opens a page; what it says on its console and its errors are in `page.said`. */
export async function openPage(browser, url) {
  const context = await browser.newContext(); // its own cookies and cache, as another person has
  const page = await context.newPage();
  page.said = [];
  page.on('console', (message) => page.said.push(message.text()));
  page.on('pageerror', (error) => page.said.push(`error: ${error.message}`));
  await page.goto(url);
  return page;
}

/** Waits until an element has this text; otherwise says what the page showed and said instead. */
export async function shows(page, selector, text, timeout = 10_000) {
  try {
    await page.locator(selector, { hasText: text }).first().waitFor({ timeout });
  } catch {
    const shown = await page.locator('body').innerText().catch(() => 'nothing');
    throw new Error(`the page does not show "${text}" in ${selector} but:\n${shown}\nand said:\n${page.said.join('\n')}`);
  }
}

/** A static server on a port of its own: another origin than the relay's. `files`: path → [type, content]. */
export async function serve(files) {
  const server = createServer((request, response) => {
    const file = files[new URL(request.url, 'http://x').pathname];
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': file[0] }).end(file[1]);
  }).listen(0, '127.0.0.1');
  await event(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
