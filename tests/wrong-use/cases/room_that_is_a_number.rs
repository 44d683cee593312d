//! A room has a name.

fn join(socket: &socketio::Socket) {
    socket.join(5);
}

fn main() {}
