//! Handlers as closures, one for each event.

use socketio::codec::{EventName, InvalidNamespace};
use socketio::{Arguments, Broadcast, Handlers, ServerBuilder, Socket};

/// The same as those of a struct do.
pub(super) fn register(builder: ServerBuilder, has_others: bool) -> Result<ServerBuilder, InvalidNamespace> {
    let update = match has_others {
        true => Socket::broadcast,
        false => Socket::everyone,
    };
    let handlers = [
        ("update", update),
        ("echo", Socket::only),
        ("to-crowd", |socket| socket.everyone().to("crowd")),
        ("to-pair", |socket| socket.everyone().to("pair")),
    ];
    let handlers = handlers.into_iter().fold(Handlers::new(), |handlers, (name, to)| relaying(handlers, name, to));
    let handlers = handlers.on("join-crowd", |socket, ()| socket.join("crowd"));
    builder.namespace("/", handlers.on("join-pair", |socket, ()| socket.join("pair")))
}

/// Arguments pass as they came.
fn relaying(handlers: Handlers, name: &'static str, to: fn(&Socket) -> Broadcast) -> Handlers {
    let raw = EventName::new(name).expect("none that Socket.IO reserves");
    handlers.on(name, move |socket, arguments: Arguments| to(&socket).relay(&raw, &arguments))
}
