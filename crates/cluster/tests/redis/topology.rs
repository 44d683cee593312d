//! A Redis Cluster, and a master that sentinels watch.

use std::process::{Command, Stdio};
use std::time::Duration;

use fanfare_cluster::{Adapter, ClusterConfig, LinkNotice, Mode, Notice};
use fanfare_test_support::within;
use socketio::Nodes;

use crate::node::Node;
use crate::server::{Redis, free_port};

fn is_joined(notice: &Notice) -> bool {
    matches!(notice, Notice::Link(LinkNotice::Joined { .. }))
}

/// Three masters.
struct Masters {
    servers: Vec<Redis>,
    ports: Vec<u16>,
}

impl Masters {
    async fn start() -> Self {
        let (mut servers, mut ports) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let (port, bus) = (free_port(), free_port());
            let (port_text, bus) = (port.to_string(), bus.to_string());
            let arguments = [
                "--port",
                &port_text,
                "--cluster-port",
                &bus,
                "--bind",
                "127.0.0.1",
                "--cluster-enabled",
                "yes",
                "--cluster-config-file",
                "nodes",
                "--cluster-node-timeout",
                "2000",
            ];
            servers.push(Redis::with(&arguments).await);
            ports.push(port);
        }
        let mut command = Command::new("redis-cli");
        command.args(["--cluster", "create", "--cluster-yes"]);
        command.args(ports.iter().map(|port| format!("127.0.0.1:{port}")));
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
        assert!(status.expect("`redis-cli` of Debian's redis-tools").success());
        let masters = Self { servers, ports };
        for server in &masters.servers {
            let is_ok = async { server.say::<String>(&["CLUSTER", "INFO"]).await.contains("cluster_state:ok") };
            let waiting = async move {
                if !is_ok.await {
                    while !server.say::<String>(&["CLUSTER", "INFO"]).await.contains("cluster_state:ok") {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
            };
            within(waiting).await;
        }
        masters
    }

    fn config(&self, adapter: Adapter) -> ClusterConfig {
        let mut config = ClusterConfig::default();
        config.redis = self.ports.iter().map(|port| format!("redis://127.0.0.1:{port}")).collect();
        config.adapter = adapter;
        config
    }

    /// Gives the slot of a channel to the next master.
    async fn move_slot(&self, channel: &str) {
        let slot: u64 = self.servers[0].say(&["CLUSTER", "KEYSLOT", channel]).await;
        let owner = (0..3).find(|index| {
            let third = 16384 / 3 + 1;
            (slot / third) as usize == *index
        });
        let next = (owner.unwrap() + 1) % 3;
        let id: String = self.servers[next].say(&["CLUSTER", "MYID"]).await;
        let order = (next..next + 3).map(|index| &self.servers[index % 3]);
        for server in order {
            let () = server.say(&["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", &id]).await;
        }
    }
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
