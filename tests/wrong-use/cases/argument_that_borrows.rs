//! An argument outlives the packet it came in: a handler may wait.

fn main() {
    socketio::Handlers::new().on("message", |_, (text,): (&str,)| println!("{text}"));
}
