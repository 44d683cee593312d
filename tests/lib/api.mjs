// A relay with an HTTP API, and requests to it.
import { createHash } from 'node:crypto';
import { startRelay } from './relay.mjs';

export const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** The lines of a key. `more` is TOML, such as 'rooms = ["account:*"]'. */
export const key = (name, text, may = ['emit', 'read', 'move', 'disconnect'], more = '') =>
  `[[api.key]]\nname = "${name}"\nsha256 = "${sha256(text)}"\nmay = ${JSON.stringify(may)}\n${more}\n`;

export const ops = '[ops]\nlisten = ["127.0.0.1:0"]\n';
export const listen = '[api]\nlisten = ["127.0.0.1:0"]\n';

/** Events go to everybody; `join` and `leave` are for rooms of the client's choice. */
export const namespaces = ['/', '/chat'].map((name) => `[[namespace]]
name = "${name}"
rule = [
  { on = "*", to = "all" },
  { on = "enter", join = "account:{args.0}" },
  { on = "leave", leave = "account:{args.0}" },
  { on = "say", to = { room = "news" }, require_member = true },
]
`).join('');

export const ALL = 'all-of-it';

/** Starts a relay whose key ALL may do everything, unless `toml` says otherwise. */
export async function started(t, { toml = ops + listen + key('all', ALL) + namespaces, ...options } = {}, env) {
  const relay = await startRelay({ toml, ...options }, env);
  t.after(() => relay.kill());
  return relay;
}

export const apiUrl = (relay) => /^api on (http\S+)/m.exec(relay.log)[1];

/** A request: { status, headers, body }. `body` is what is sent as JSON; a text is sent as it is. */
export async function ask(relay, method, path, body, { key = ALL, headers = {}, url = apiUrl(relay) } = {}) {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...headers },
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await answer.text();
  const type = answer.headers.get('content-type');
  return { status: answer.status, headers: answer.headers, type, body: /json/.test(type ?? '') ? JSON.parse(text) : text };
}

export const emit = (relay, body, options) => ask(relay, 'POST', '/api/emit', body, options);

/** [status, code, field] of a problem. */
export const problem = ({ status, type, body }) => {
  if (!/^application\/problem\+json/.test(type ?? '')) throw new Error(`no problem: ${status} ${JSON.stringify(body)}`);
  if (body.status !== status) throw new Error(`${body.status} in a ${status}`);
  return [status, body.code, body.field];
};
