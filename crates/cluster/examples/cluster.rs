//! A chat that any number of nodes serve, Node servers with `@socket.io/redis-adapter` among them.
//!
//! `PORT=3000 cargo run --example cluster`, and the same with `PORT=3001`: what a client of one says, the clients of the other
//! hear. `REDIS` says where Redis is (default `redis://127.0.0.1:6379`).

use std::env;
use std::error::Error;

use fanfare_cluster::{Cluster, ClusterConfig, Notices};
use socketio::{AckSender, Admission, ConnectRequest, Event, Member, Namespace, Server, ServerConfig, Socket, serve};

struct Chat;

struct Guest;

impl Namespace for Chat {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(Guest)
    }
}

impl Member for Guest {
    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        match &*event.name() {
            "join" => event.deserialize::<String>(0).into_iter().for_each(|room| socket.join(room)),
            // To everybody else, wherever they are.
            "say" => socket.broadcast().relay(event.raw_name(), event.arguments()),
            "who" => return drop(tokio::spawn(count(socket.clone(), ack))),
            _ => {}
        }
        if let Some(ack) = ack {
            let _ = ack.send(("done",));
        }
    }
}

/// How many there are on all nodes, and how many nodes did not say.
async fn count(socket: Socket, ack: Option<AckSender>) {
    let (sockets, nodes) = socket.everyone().count().await;
    if let Some(ack) = ack {
        let _ = ack.send((sockets, nodes.missing));
    }
}

async fn log(mut notices: Notices) {
    while let Some(notice) = notices.next().await {
        println!("{notice}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let redis = env::var("REDIS").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let cluster = Cluster::new(ClusterConfig::at(redis))?;
    cluster.notices().map(|notices| tokio::spawn(log(notices)));
    let server = cluster.join(Server::builder(ServerConfig::default()).namespace("/", Chat)?).build();

    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let service = server.clone();
    let stopped = async { drop(tokio::signal::ctrl_c().await) };
    serve(listener, move |request| service.call(request), stopped).await;
    cluster.leave().await;
    Ok(())
}
