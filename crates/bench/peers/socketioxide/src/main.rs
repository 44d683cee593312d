//! The same relay on `socketioxide`, with its defaults: the strongest peer in Rust.

use std::env;
use std::error::Error;
use std::time::Duration;

use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = SocketIo::builder();
    if let Ok(interval) = env::var("BENCH_PING_INTERVAL_MS") {
        builder = builder.ping_interval(Duration::from_millis(interval.parse()?));
    }
    if let Ok(bytes) = env::var("BENCH_MAX_PAYLOAD_BYTES") {
        builder = builder.max_payload(bytes.parse()?);
    }
    let (layer, io) = builder.build_layer();
    io.ns("/", async |socket: SocketRef| {
        if env::var("BENCH_UPDATE_TO").is_ok_and(|to| to == "others") {
            socket.on("update", async |socket: SocketRef, Data::<Value>(message)| {
                let _ = socket.broadcast().emit("update", &message).await;
            });
        } else {
            socket.on("update", async |io: SocketIo, Data::<Value>(message)| {
                let _ = io.emit("update", &message).await;
            });
        }
        socket.on("echo", async |socket: SocketRef, Data::<Value>(message)| {
            let _ = socket.emit("echo", &message);
        });
        socket.on("join-crowd", async |socket: SocketRef| socket.join("crowd"));
        socket.on("join-pair", async |socket: SocketRef| socket.join("pair"));
        socket.on("to-crowd", async |io: SocketIo, Data::<Value>(message)| {
            let _ = io.to("crowd").emit("to-crowd", &message).await;
        });
        socket.on("to-pair", async |io: SocketIo, Data::<Value>(message)| {
            let _ = io.to("pair").emit("to-pair", &message).await;
        });
    });

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, axum::Router::new().layer(layer)).await?;
    Ok(())
}
