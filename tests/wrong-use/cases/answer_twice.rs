//! An acknowledgement is answered once.

fn answer(ack: socketio::AckSender) {
    let _ = ack.send("one");
    let _ = ack.send("two");
}

fn main() {}
