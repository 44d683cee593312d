//! A handler's arguments are types that can be read.

struct Message;

fn main() {
    socketio::Handlers::new().on("message", |_, (_,): (Message,)| ());
}
