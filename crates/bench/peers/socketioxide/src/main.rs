//! The same relay on `socketioxide`, with its defaults: the strongest peer in Rust. With `BENCH_REDIS_URL`, one of several
//! servers, by its adapter for Redis.

use std::env;
use std::error::Error;
use std::time::Duration;

use serde_json::Value;
use socketioxide::adapter::Adapter;
use socketioxide::extract::{Data, SocketRef};
use socketioxide::layer::SocketIoLayer;
use socketioxide::{SocketIo, SocketIoBuilder};
use socketioxide_redis::{RedisAdapter, RedisAdapterCtr};
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
    match env::var("BENCH_REDIS_URL") {
        Ok(url) => in_cluster(builder, &url).await,
        Err(_) => {
            let (layer, io) = builder.build_layer();
            io.ns("/", connected);
            serve(layer).await
        }
    }
}

async fn in_cluster(builder: SocketIoBuilder, url: &str) -> Result<(), Box<dyn Error>> {
    // It asks for RESP3.
    let client = redis::Client::open(format!("{url}?protocol=resp3"))?;
    let adapter = RedisAdapterCtr::new_with_redis(&client).await?;
    let (layer, io) = builder.with_adapter::<RedisAdapter<_>>(adapter).build_layer();
    io.ns("/", connected).await?;
    serve(layer).await
}

async fn serve<A: Adapter>(layer: SocketIoLayer<A>) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, axum::Router::new().layer(layer)).await?;
    Ok(())
}

async fn connected<A: Adapter>(socket: SocketRef<A>) {
    if env::var("BENCH_UPDATE_TO").is_ok_and(|to| to == "others") {
        socket.on("update", async |socket: SocketRef<A>, Data::<Value>(message)| {
            let _ = socket.broadcast().emit("update", &message).await;
        });
    } else {
        socket.on("update", async |io: SocketIo<A>, Data::<Value>(message)| {
            let _ = io.emit("update", &message).await;
        });
    }
    socket.on("echo", async |socket: SocketRef<A>, Data::<Value>(message)| {
        let _ = socket.emit("echo", &message);
    });
    socket.on("join-crowd", async |socket: SocketRef<A>| socket.join("crowd"));
    socket.on("join-pair", async |socket: SocketRef<A>| socket.join("pair"));
    socket.on("to-crowd", async |io: SocketIo<A>, Data::<Value>(message)| {
        let _ = io.to("crowd").emit("to-crowd", &message).await;
    });
    socket.on("to-pair", async |io: SocketIo<A>, Data::<Value>(message)| {
        let _ = io.to("pair").emit("to-pair", &message).await;
    });
}
