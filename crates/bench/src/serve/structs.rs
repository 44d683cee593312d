//! Handlers as methods of a struct.

use socketio::codec::InvalidNamespace;
use socketio::{AckSender, Admission, ConnectRequest, Event, Member, Namespace, ServerBuilder, Socket};

/// What the peers do: events to all, and back to their sender; two rooms.
pub(super) fn register(builder: ServerBuilder) -> Result<ServerBuilder, InvalidNamespace> {
    builder.namespace("/", Hub)
}

struct Hub;

struct Client;

impl Namespace for Hub {
    fn connect(&self, _request: ConnectRequest) -> Admission {
        Admission::accept(Client)
    }
}

impl Member for Client {
    fn event(&mut self, socket: &Socket, event: Event, _ack: Option<AckSender>) {
        let to = match event.name().as_ref() {
            "update" => socket.everyone(),
            "echo" => socket.only(),
            "to-crowd" => socket.everyone().to("crowd"),
            "to-pair" => socket.everyone().to("pair"),
            "join-crowd" => return socket.join("crowd"),
            "join-pair" => return socket.join("pair"),
            _ => return,
        };
        to.relay(event.raw_name(), event.arguments());
    }
}
