//! Handlers as methods of a struct.

use socketio::codec::InvalidNamespace;
use socketio::{AckSender, Admission, ConnectRequest, Event, Member, Namespace, ServerBuilder, Socket};

/// `update` goes to all, or to all but its sender if there are `others`; `echo` back to its sender; and there are two rooms.
pub(super) fn register(builder: ServerBuilder, has_others: bool) -> Result<ServerBuilder, InvalidNamespace> {
    builder.namespace("/", Hub { has_others })
}

struct Hub {
    has_others: bool,
}

struct Client {
    has_others: bool,
}

impl Namespace for Hub {
    fn connect(&self, _request: ConnectRequest) -> Admission {
        Admission::accept(Client { has_others: self.has_others })
    }
}

impl Member for Client {
    fn event(&mut self, socket: &Socket, event: Event, _ack: Option<AckSender>) {
        let to = match event.name().as_ref() {
            "update" if self.has_others => socket.broadcast(),
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
