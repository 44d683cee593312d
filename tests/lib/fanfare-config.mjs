// The one place that knows the key names of fanfare's TOML. Adjust here when they change.

export function toToml(settings) {
  const lines = [];
  const put = (key, value) => value !== undefined && lines.push(`${key} = ${toml(value)}`);

  put('path', settings.path);
  put('client_dir', settings.clientDir);

  lines.push('[drain]');
  put('wait_s', settings.drain.waitS);
  put('spread_s', settings.drain.spreadS);
  put('max_per_s', settings.drain.maxPerS);
  put('deadline_s', settings.drain.deadlineS);

  lines.push('[engine]');
  put('ping_interval_ms', settings.pingIntervalMs);
  put('ping_timeout_ms', settings.pingTimeoutMs);
  put('upgrade_timeout_ms', settings.upgradeTimeoutMs);
  put('connect_timeout_ms', settings.connectTimeoutMs);
  put('max_payload_bytes', settings.maxPayloadBytes);
  put('parser', settings.parser);
  put('http_keep_alive_ms', settings.httpKeepAliveMs);
  put('cookie', settings.cookie);

  if (settings.slowConsumer) {
    lines.push('[limits]');
    put('outbox_bytes_max', settings.slowConsumer.bytes);
    put('outbox_stall_max_ms', settings.slowConsumer.stallMs);
    put('outbox_bytes_total_max', settings.slowConsumer.totalBytes);
  }

  if (settings.unlimited) {
    lines.push('[limits.client]', 'events_per_s = 0', 'bytes_per_s = 0', 'refusals_per_s = 0');
    lines.push('[limits.node]', 'handshakes_per_s = 0');
  }

  if (settings.cluster) {
    lines.push('[cluster]');
    for (const [key, value] of Object.entries(settings.cluster)) put(key, value);
  }

  if (settings.toml) return `${lines.join('\n')}\n${settings.toml}`;

  lines.push('[cors]');
  put('enforce', settings.corsEnforce);
  if (settings.corsOrigins.length > 0) {
    put('origins', settings.corsOrigins);
    put('credentials', settings.corsCredentials);
  }

  if (settings.trustedProxies) {
    lines.push('[limits.address]');
    put('trusted_proxies', settings.trustedProxies);
  }

  if (settings.ops) {
    lines.push('[ops]');
    put('listen', ['127.0.0.1:0']);
  }

  if (settings.apiKeys) {
    lines.push('[api]');
    put('listen', ['127.0.0.1:0']);
    for (const key of settings.apiKeys) {
      lines.push('[[api.key]]');
      for (const [name, value] of Object.entries(key)) put(name, value);
    }
  }

  const someRule = settings.namespaces.some(({ rules }) => rules?.length > 0);
  for (const namespace of settings.namespaces) {
    lines.push('[[namespace]]');
    put('name', namespace.name);
    // Without any rule at all everything is relayed. Beside a namespace that has rules, that has to be said.
    const rules = namespace.rules?.length > 0 || !someRule ? (namespace.rules ?? []) : [{ on: '*' }];
    for (const rule of rules) {
      lines.push('[[namespace.rule]]');
      put('on', rule.on);
      put('emit', rule.emit);
      put('to', rule.to);
      put('volatile', rule.volatile);
      put('count', rule.count);
      put('join', rule.join);
      put('leave', rule.leave);
    }
  }
  return lines.join('\n') + '\n';
}

/** How a client that did not read is named in the log line of its session's end. */
export const slowConsumerInLog = /slow[ _-]?consumer/i;

function toml(value) {
  if (Array.isArray(value)) return `[${value.map(toml).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    return `{ ${Object.entries(value).map(([key, v]) => `${key} = ${toml(v)}`).join(', ')} }`;
  }
  return JSON.stringify(value); // strings, numbers and booleans are written alike
}
