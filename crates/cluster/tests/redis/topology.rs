//! A Redis Cluster, and a master that sentinels watch.

use std::time::Duration;

use fanfare_cluster::{Adapter, ClusterConfig, LinkNotice, Mode, Notice};
use fanfare_test_support::within;
use socketio::Nodes;

use crate::masters::Masters;
use crate::node::Node;
use crate::server::{Redis, free_port};

fn is_joined(notice: &Notice) -> bool {
    matches!(notice, Notice::Link(LinkNotice::Joined { .. }))
}

#[tokio::test]
async fn nodes_meet_over_a_redis_cluster() {
    let masters = Masters::start().await;
    for adapter in [Adapter::Classic, Adapter::Sharded(Mode::Dynamic)] {
        let config = masters.config(adapter);
        let (f, g) = (Node::joined(config.clone()).await, Node::joined(config).await);
        f.knows_peers(1).await;
        g.knows_peers(1).await;
        let mut client = g.member(&["news"]).await;
        let io = || f.server.of("/").unwrap();
        for number in 0..100 {
            io().emit("n", (number,)).unwrap();
        }
        for number in 0..100 {
            assert_eq!(client.hears().await, format!(r#"42["n",{number}]"#), "{adapter:?}");
        }
        let found = within(io().to("news").fetch_sockets()).await;
        assert_eq!((found.remote.len(), found.nodes), (1, Nodes::new(1, 0)), "{adapter:?}");
        let asked = io().emit_with_ack("ask", (), Duration::from_secs(5)).unwrap();
        assert_eq!(client.hears().await, r#"420["ask"]"#);
        client.say("430[1]").await;
        assert_eq!(within(asked).await.elsewhere.received.len(), 1);
        within(f.cluster.leave()).await;
        g.knows_peers(0).await;
    }
}

#[tokio::test]
async fn subscriptions_follow_their_slot() {
    let masters = Masters::start().await;
    let config = masters.config(Adapter::Sharded(Mode::Dynamic));
    let (mut f, mut g) = (Node::joined(config.clone()).await, Node::joined(config).await);
    for node in [&mut f, &mut g] {
        node.noted(is_joined).await;
    }
    masters.move_slot("socket.io#/#").await;
    for node in [&mut f, &mut g] {
        node.noted(|notice| matches!(notice, Notice::Link(LinkNotice::Lost(_)))).await;
        node.noted(is_joined).await;
    }
    let mut client = g.client().await;
    // The publisher finds out by itself, by a message that is lost.
    let speaking = async {
        loop {
            f.server.of("/").unwrap().emit("x", ()).unwrap();
            if tokio::time::timeout(Duration::from_millis(50), client.hears()).await.is_ok() {
                return;
            }
        }
    };
    within(speaking).await;
}

#[tokio::test]
async fn nodes_follow_the_master_that_sentinels_name() {
    let (port, replica_port, sentinel_port) = (free_port(), free_port(), free_port());
    let (port_text, replica_text) = (port.to_string(), replica_port.to_string());
    let mut master = Redis::with(&["--port", &port_text, "--bind", "127.0.0.1"]).await;
    let of = format!("127.0.0.1 {port}");
    let replica =
        ["--port", &replica_text, "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0", "--replicaof", &of];
    let replica = Redis::with(&replica).await;
    let synced = async {
        while !replica.say::<String>(&["INFO", "replication"]).await.contains("master_link_status:up") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(synced).await;
    let settings = format!(
        "port {sentinel_port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {port} 1\n\
         sentinel down-after-milliseconds main 300\nsentinel failover-timeout main 2000\n"
    );
    let prepare = |directory: &std::path::Path| std::fs::write(directory.join("sentinel.conf"), settings).unwrap();
    let sentinel = Redis::prepared(&["{}/sentinel.conf", "--sentinel"], prepare).begun().await;
    let knows_replica = async {
        while !sentinel.say::<String>(&["INFO", "sentinel"]).await.contains("slaves=1") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(knows_replica).await;
    let config = ClusterConfig::at(format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{sentinel_port}/main"));
    let (mut f, mut g) = (Node::joined(config.clone()).await, Node::joined(config.clone()).await);
    for node in [&mut f, &mut g] {
        node.noted(is_joined).await;
    }
    master.kill();
    for node in [&mut f, &mut g] {
        node.noted(is_joined).await;
    }
    let mut client = g.client().await;
    f.server.of("/").unwrap().emit("x", ()).unwrap();
    assert_eq!(client.hears().await, r#"42["x"]"#);
    let mut config = config;
    config.redis = vec![format!("redis+sentinel://127.0.0.1:{sentinel_port}/other")];
    let mut lost = Node::start(config).await;
    let notice = lost.noted(|notice| matches!(notice, Notice::Link(LinkNotice::Waiting(_)))).await.to_string();
    assert!(notice.contains("knows no master"), "{notice}");
}
