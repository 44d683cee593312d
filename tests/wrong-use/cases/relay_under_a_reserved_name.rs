//! A name to relay under was received, or is checked: `EventName::new`.

fn relay(socket: &socketio::Socket, event: &socketio::Event) {
    socket.broadcast().relay("disconnect", event.arguments());
}

fn main() {}
