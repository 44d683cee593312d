//! A handler that waits may go on on another thread.

fn main() {
    socketio::Handlers::new().on("message", async |_, text: String| {
        let text = std::rc::Rc::new(text);
        std::future::ready(()).await;
        println!("{text}");
    });
}
