// What a test may ask of a relay, in words of its own. `fanfare-config.mjs` says it in the binary's TOML,
// `reference/hub.mjs` reads it as JSON: so one test starts either.

export const defaults = {
  path: '/socket.io/',
  pingIntervalMs: 25_000,
  pingTimeoutMs: 20_000,
  upgradeTimeoutMs: 10_000,
  connectTimeoutMs: 45_000,
  maxPayloadBytes: 1_000_000,
  /** 'msgpack', or the default. */
  parser: undefined,
  /** How long an idle HTTP connection is kept; undefined leaves the relay's default. */
  httpKeepAliveMs: undefined,
  /** The session's cookie, such as { name: 'io' }, or none. */
  cookie: undefined,
  /** Allowed origins; none means no CORS header at all. */
  corsOrigins: [],
  corsCredentials: false,
  /** Whether other pages are refused; undefined leaves the relay's default. */
  corsEnforce: undefined,
  /** Proxies whose X-Forwarded-Host is believed. */
  trustedProxies: undefined,
  /** [{ name, rules: [{ on, emit, to: 'all'|'others'|'sender'|{ room }, volatile,
   *  join, leave }] }]; no rule relays all. */
  namespaces: [{ name: '/', rules: [] }],
  /** TOML as it stands, in place of all but what is outside of any table and in [engine]: what only fanfare has. */
  toml: undefined,
  /** Files beside the config file: name → content. */
  files: {},
  /** Folder with the client bundle, or none. */
  clientDir: undefined,
  /** The bounds after which a client that does not read is closed; undefined leaves the relay's defaults. */
  slowConsumer: undefined, // { bytes, stallMs, totalBytes }
  /** Whether `limits.client` and `limits.node` are off: for tests of what holds without them. */
  unlimited: false,
  /** How it leaves: at once, unless a test looks at that. */
  drain: { waitS: 0, spreadS: 0 }, // and maxPerS, deadlineS
  /** The section [cluster], by its keys. */
  cluster: undefined,
  /** The keys of the HTTP API, by their settings; without any there is no API. Its address is `apiUrl` in api.mjs. */
  apiKeys: undefined,
  /** Whether there is a listener for operators: `relay.opsPort`. */
  ops: false,
};

/** The rules of the two applications that the relay replaces Node for. */
export const bothApplications = [
  { on: 'update' }, // the content dashboard: io.emit('update', m)
  { on: 'database-change', emit: 'database-changed' }, // PhotoFlow
];

/** One rule of every scope, for tests of who gets what. */
export const everyScope = [
  { on: 'to-all', to: 'all' },
  { on: 'to-others', to: 'others' },
  { on: 'to-sender', to: 'sender' },
  { on: 'to-room', to: { room: 'lobby' } },
  { on: 'enter', join: 'lobby' },
  { on: 'exit', leave: 'lobby' },
  { on: 'volatile', to: 'all', volatile: true },
];

export const withRules = (rules) => ({ namespaces: [{ name: '/', rules }] });
