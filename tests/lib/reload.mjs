// Having a relay read its configuration anew.

/** What a test of reloads begins its TOML with. */
export const ops = '[ops]\nlisten = ["127.0.0.1:0"]\n';

/** Asks for a reload: { status, changes, warnings } or { status, problems }. */
export async function reload(relay, headers = {}) {
  const answer = await fetch(`http://127.0.0.1:${relay.opsPort}/reload`, { method: 'POST', headers });
  const text = await answer.text();
  return { status: answer.status, ...(text && JSON.parse(text)) };
}

/** Writes another configuration and has it read. */
export async function reloaded(relay, settings) {
  relay.configure(settings);
  const answer = await reload(relay);
  if (answer.status !== 200) throw new Error(`refused: ${answer.status} ${answer.problems?.join('\n')}`);
  return answer;
}

/** What probes are told: [status, body]. */
export async function ready(relay) {
  const answer = await fetch(`http://127.0.0.1:${relay.opsPort}/readyz`);
  return [answer.status, await answer.text()];
}
