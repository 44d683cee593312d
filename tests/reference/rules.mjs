// What the relay does with an event, said with the official server's own means.

/** Relays the events of a namespace by rules; without a rule, everything to all. */
export function relayEvents(namespace, rules = []) {
  const effective = rules.length > 0 ? rules : [{ on: '*' }];
  namespace.on('connection', (socket) => {
    socket.on('error', () => {}); // a client may name its event so, and without a listener Node would end
    socket.onAny((name, ...args) => {
      if (name === undefined) return; // an event packet without a payload
      const acknowledge = typeof args.at(-1) === 'function' ? args.pop() : undefined;
      const rule = effective.find(({ on }) => on === name) ?? effective.find(({ on }) => on === '*');
      if (!rule) {
        acknowledge?.({ status: 'error', code: 'no_rule', message: `no rule for event "${name}"` });
        return;
      }
      if (rule.leave) socket.leave(rule.leave);
      if (rule.join) socket.join(rule.join);
      if ((rule.join || rule.leave) && rule.to === undefined) {
        acknowledge?.({ status: 'ok', recipients: 0 }); // the rule only moves the sender
        return;
      }
      const { target, recipients } = scope(namespace, socket, rule.to ?? 'all');
      (rule.volatile ? target.volatile : target).emit(rule.emit ?? name, ...args);
      acknowledge?.({ status: 'ok', recipients });
    });
  });
}

function scope(namespace, socket, to) {
  switch (to) {
    case 'all':
      return { target: namespace, recipients: namespace.sockets.size };
    case 'others':
      return { target: socket.broadcast, recipients: namespace.sockets.size - 1 };
    case 'sender':
      return { target: socket, recipients: 1 };
    default:
      return { target: namespace.to(to.room), recipients: namespace.adapter.rooms.get(to.room)?.size ?? 0 };
  }
}
