//! A client over WebSocket: joins a namespace, prints its events and acknowledges those that ask for it.
//!
//! ```text
//! cargo run --example client [-- ws://127.0.0.1:3000 /chat]
//! ```

use std::error::Error;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use socketio_codec::{Arguments, Decoder, Limits, Namespace, Packet, PacketRef, Text};
use tokio_tungstenite::tungstenite::Message;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let server = args.next().unwrap_or("ws://127.0.0.1:3000".into());
    let namespace = Namespace::try_from(args.next().unwrap_or("/".into()))?;
    listen(&server, &namespace, |text| println!("{text}")).await
}

/// Until the server closes.
pub(crate) async fn listen(
    server: &str,
    namespace: &Namespace,
    mut print: impl FnMut(String),
) -> Result<(), Box<dyn Error>> {
    let url = format!("{server}/socket.io/?EIO=4&transport=websocket");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
    let mut decoder = Decoder::new(Limits::default());
    while let Some(message) = socket.next().await {
        let decoded = match message? {
            // A text frame is an Engine.IO packet: its type, then the data.
            Message::Text(text) => match text.as_bytes().first() {
                Some(b'0') => {
                    socket.send(message_of(&PacketRef::connect(namespace, None))).await?;
                    continue;
                }
                Some(b'2') => {
                    socket.send(Message::text("3")).await?;
                    continue;
                }
                Some(b'4') => decoder.handle_text(Text::try_from(Bytes::from(text).slice(1..))?)?,
                _ => continue,
            },
            Message::Binary(attachment) => decoder.handle_binary(attachment)?,
            _ => continue,
        };
        match decoded {
            Some(Packet::Connect { .. }) => print(format!("joined {namespace}")),
            Some(Packet::Event { id, event, .. }) => {
                print(format!("{} {:?}", event.name(), event.arguments()));
                if let Some(id) = id {
                    socket.send(message_of(&PacketRef::ack(namespace, id, Arguments::empty()))).await?;
                }
            }
            Some(Packet::ConnectError { error, .. }) => return Err(format!("refused: {error:?}").into()),
            _ => {}
        }
    }
    Ok(())
}

/// An Engine.IO message, type 4.
fn message_of(packet: &PacketRef<'_>) -> Message {
    Message::text(format!("4{}", packet.to_text()))
}
