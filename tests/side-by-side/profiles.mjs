// The settings under which rows are played. One pair of relays per profile, shared by its rows.
import { clientDir } from '../lib/relay.mjs';

const origins = ['http://a.test', 'http://b.test:8080'];
// Rows are played at the same time, and must not hear each other.
const toSender = [{ on: '*', to: 'sender' }];
const echo = { namespaces: [{ name: '/', rules: toSender }] };

const suites = { namespaces: [{ name: '/', rules: toSender }, { name: '/custom', rules: toSender }] };

export const profiles = {
  /** The defaults of both; no CORS; every event comes back to its sender under its own name. */
  plain: echo,
  /** A heartbeat short enough to be waited for. */
  quick: { ...echo, pingIntervalMs: 300, pingTimeoutMs: 400 },
  /** A heartbeat of which a twentieth can be told from a busy machine. */
  steadyHeartbeat: { ...echo, pingIntervalMs: 2000, pingTimeoutMs: 2000 },
  /** A namespace as the official suites want it, and their heartbeat. */
  suites,
  suitesHeartbeat: { ...suites, pingIntervalMs: 300, pingTimeoutMs: 200 },
  suitesConnectSoon: { ...suites, connectTimeoutMs: 1000 },
  /** Only the upgrade time-out is short. */
  upgradeSoon: { ...echo, upgradeTimeoutMs: 300 },
  /** Only the connect time-out is short. */
  connectSoon: { ...echo, connectTimeoutMs: 300 },
  /** Limits small enough to be passed cheaply. */
  small: { ...echo, maxPayloadBytes: 1000 },
  corsAny: { ...echo, corsOrigins: ['*'] },
  corsList: { ...echo, corsOrigins: origins },
  corsOne: { ...echo, corsOrigins: [origins[0]] },
  corsCredentials: { ...echo, corsOrigins: origins, corsCredentials: true },
  /** As the reference: the list says who may read, and keeps nobody out. */
  corsOpen: { ...echo, corsOrigins: origins, corsEnforce: false },
  open: { ...echo, corsEnforce: false },
  /** The client bundle is served. */
  bundle: { ...echo, clientDir },
  bundleCors: { ...echo, clientDir, corsOrigins: ['*'] },
  /** A second namespace with a rule that renames. */
  namespaces: {
    namespaces: [{ name: '/', rules: toSender }, { name: '/photos', rules: [{ on: 'change', emit: 'changed', to: 'sender' }] }],
  },
};
