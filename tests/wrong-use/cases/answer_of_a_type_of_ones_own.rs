//! What a handler gives back is sent like any other arguments.

#[derive(serde::Serialize)]
struct Message {
    text: String,
}

fn main() {
    socketio::Handlers::new().on("message", |_, text: String| Message { text });
}
