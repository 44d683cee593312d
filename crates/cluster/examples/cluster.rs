//! A chat that any number of nodes serve, Node servers with `@socket.io/redis-adapter` among them.
//!
//! `PORT=3000 cargo run --example cluster`, and the same with `PORT=3001`: what a client of one says, the clients of the other
//! hear. `REDIS` says where Redis is (default `redis://127.0.0.1:6379`), `SHARDED=1` that the fleet has the sharded adapter.

use std::env;
use std::error::Error;

use fanfare_cluster::{Adapter, Cluster, ClusterConfig, Mode, Notices};
use socketio::{Handlers, Server, ServerConfig, serve};

fn chat() -> Handlers {
    Handlers::new()
        .on("join", |socket, room: String| socket.join(room))
        // To everybody else, wherever they are.
        .on("say", |socket, text: String| socket.broadcast().emit("say", text))
        // How many there are on all nodes, and how many nodes did not say.
        .on("who", async |socket, ()| {
            let (sockets, nodes) = socket.everyone().count().await;
            (sockets, nodes.missing)
        })
        // To the programs of all other nodes, in Node `io.on("announce", …)`.
        .on("announce", |socket, text: String| socket.everyone().server_side_emit("announce", text))
        // What those say, in Node `io.serverSideEmit("announce", …)`, and ask, by `io.serverSideEmitWithAck("clients")`.
        .on_server_side_emit("announce", |everyone, text: String| everyone.local().emit("announced", text))
        .on_server_side_emit("clients", async |everyone, ()| everyone.local().count().await.0)
}

async fn log(mut notices: Notices) {
    while let Some(notice) = notices.next().await {
        println!("{notice}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = ClusterConfig::at(env::var("REDIS").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned()));
    if env::var_os("SHARDED").is_some() {
        config.adapter = Adapter::Sharded(Mode::Dynamic);
    }
    let cluster = Cluster::new(config)?;
    cluster.notices().map(|notices| tokio::spawn(log(notices)));
    let server = cluster.join(Server::builder(ServerConfig::default()).namespace("/", chat())?).build();

    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let service = server.clone();
    let stopped = async { drop(tokio::signal::ctrl_c().await) };
    serve(listener, move |request| service.call(request), stopped).await;
    cluster.leave().await;
    Ok(())
}
