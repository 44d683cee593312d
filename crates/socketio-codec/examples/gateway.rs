//! A gateway over WebSocket: clients know a namespace by one name, the server behind by another.
//!
//! ```text
//! cargo run --example gateway [-- 127.0.0.1:4000 ws://127.0.0.1:3000 /chat /v2/chat]
//! ```

use std::error::Error;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use socketio_codec::{Decoder, Limits, Namespace, PacketRef, Text};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{accept_async, connect_async};

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let mut args = std::env::args().skip(1);
    let mut argument = |default: &str| args.next().unwrap_or(default.to_owned());
    let listener = TcpListener::bind(argument("127.0.0.1:4000")).await?;
    let server = argument("ws://127.0.0.1:3000");
    let (outside, inside) = (Namespace::try_from(argument("/chat"))?, Namespace::try_from(argument("/v2/chat"))?);
    loop {
        let (client, _) = listener.accept().await?;
        let (server, outside, inside) = (server.clone(), outside.clone(), inside.clone());
        tokio::spawn(async move {
            if let Err(error) = carry(client, &server, &outside, &inside).await {
                eprintln!("{error}");
            }
        });
    }
}

/// Between a client and the server, until one of them is gone.
pub(crate) async fn carry(client: TcpStream, server: &str, outside: &Namespace, inside: &Namespace) -> Outcome {
    let (to_client, from_client) = accept_async(client).await?.split();
    let url = format!("{server}/socket.io/?EIO=4&transport=websocket");
    let (to_server, from_server) = connect_async(url).await?.0.split();
    tokio::select! {
        ended = forward(from_client, to_server, outside, inside) => ended,
        ended = forward(from_server, to_client, inside, outside) => ended,
    }
}

/// One direction: packets for `old` become packets for `new`.
async fn forward<From, To>(mut from: From, mut to: To, old: &Namespace, new: &Namespace) -> Outcome
where
    From: Stream<Item = Result<Message, tungstenite::Error>> + Unpin,
    To: Sink<Message, Error = tungstenite::Error> + Unpin,
{
    let mut decoder = Decoder::new(Limits::default());
    while let Some(message) = from.next().await {
        let decoded = match message? {
            // An Engine.IO message, type 4. The other types are about the connection.
            Message::Text(text) if text.starts_with('4') => {
                decoder.handle_text(Text::try_from(Bytes::from(text).slice(1..))?)?
            }
            Message::Binary(attachment) => decoder.handle_binary(attachment)?,
            other => {
                to.send(other).await?;
                None
            }
        };
        let Some(mut packet) = decoded else { continue };
        if packet.namespace() == old {
            packet.set_namespace(new.clone());
        }
        let packet = PacketRef::from(&packet);
        to.send(Message::text(format!("4{}", packet.to_text()))).await?;
        for attachment in packet.attachments() {
            to.send(Message::binary(attachment.clone())).await?;
        }
    }
    Ok(())
}
