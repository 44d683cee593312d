//! Is it one argument, or a list of them? Only the program knows.

#[derive(serde::Serialize)]
struct Message {
    text: String,
}

fn emit(socket: &socketio::Socket, message: Message) -> Result<(), socketio::EmitError> {
    socket.emit("message", &message)
}

fn main() {}
