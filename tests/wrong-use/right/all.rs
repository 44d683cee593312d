//! What the cases get wrong, right.

use std::collections::HashMap;

use socketio::{AckSender, Argument, Handlers, Joined, Spread};

#[derive(serde::Serialize, serde::Deserialize)]
struct Message {
    text: String,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Known {
    text: String,
}

impl Argument for Known {}

fn emit(socket: &socketio::Socket, message: Message, known: Known, list: Vec<Message>) -> Result<(), socketio::EmitError> {
    socket.emit("message", (&message,))?;
    socket.emit("message", &known)?;
    socket.emit("message", &list)?;
    socket.emit("message", Spread(&list))?;
    socket.emit("message", HashMap::from([("a", &message)]))?;
    socket.leave(&["a", "b"]);
    socket.to(["a", "b"]).except(&socket.id()).emit("message", Some(&message))
}

fn user(_: Joined<u8>, known: Known) -> Known {
    known
}

fn main() {
    let _ = Handlers::connect(|_| Ok(1_u8))
        .on("user", user)
        .on("message", |_, (message,): (Message,)| (message,))
        .on("later", async |socket, (_, known): (Option<String>, Known)| (known, *socket.state()));
    let _: fn(AckSender) = |ack| drop(ack.send(Known { text: "one".into() }));
    let _ = emit;
}
