//! What cannot be written as JSON.

fn emit(socket: &socketio::Socket) -> Result<(), socketio::EmitError> {
    socket.emit("started", (std::time::Instant::now(),))
}

fn main() {}
