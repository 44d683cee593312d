//! Nobody waits for an answer when a socket has left.

fn main() {
    socketio::Handlers::new().disconnected(|_, _| "bye");
}
