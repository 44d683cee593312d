// What the suites of access/ share.
import { clientsOf } from './clients.mjs';
import { HUB } from './relay.mjs';
import { within } from './within.mjs';

export const skip = HUB === 'reference' && 'the reference has none of it by configuration';

/** What becomes of a client: 'in', what the CONNECT_ERROR said, or { closed: why } when nothing was said. */
export async function outcome(t, variant, url, options) {
  const client = clientsOf(t, variant).start(url, options);
  return await within(15_000, 'answer to CONNECT', new Promise((resolve) => {
    client.once('connect', () => resolve('in'));
    client.once('connect_error', ({ message, data }) => resolve({ message, data }));
    client.once('disconnect', (closed) => resolve({ closed }));
  }));
}

export const refused = (code) => ({ message: 'unauthorized', data: { code } });

/** An event's ack. */
export const asked = (client, ...event) => client.timeout(10_000).emitWithAck(...event);

/** How clients come back here: as they do by themselves, but sooner. */
export const again = { reconnection: true, reconnectionDelay: 100, reconnectionDelayMax: 500 };

/** Keeps what was final for a client, whatever it came back from. */
export function finals(client, found = []) {
  client.on('connect_error', ({ message, data }) => {
    if (data !== undefined || message === 'unauthorized') found.push(`CONNECT_ERROR ${message}`);
  });
  client.on('disconnect', (reason) => reason === 'io server disconnect' && found.push(reason));
  return found;
}

/** An account, and an event that goes to it. */
export const accounts = (more = '') => `[[namespace]]
name = "/"
auth = "required"
rooms = ["account:{claims.account}"]
${more}
[[namespace.rule]]
on = "update"
to = { room = "account:{claims.account}" }
`;
