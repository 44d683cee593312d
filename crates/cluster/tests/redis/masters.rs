//! A Redis Cluster of a test's own.

use std::process::{Command, Stdio};
use std::time::Duration;

use fanfare_cluster::{Adapter, ClusterConfig};
use fanfare_test_support::within;

use crate::server::{Redis, free_port};

/// Three masters.
pub(crate) struct Masters {
    pub(crate) servers: Vec<Redis>,
    pub(crate) ports: Vec<u16>,
    buses: Vec<u16>,
}

/// One that is of no cluster yet.
async fn started(port: u16, bus: u16) -> Redis {
    let (port, bus) = (port.to_string(), bus.to_string());
    let cluster = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes", "--cluster-node-timeout", "2000"];
    let arguments = ["--port", &port, "--cluster-port", &bus, "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"];
    Redis::with(&[&arguments[..], &cluster].concat()).await
}

/// What a server says of itself has this in it, soon.
async fn says(server: &Redis, question: &[&str], text: &str) {
    let asking = async {
        while !server.say::<String>(question).await.contains(text) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(asking).await;
}

/// It knows this of a node, soon.
async fn says_line(server: &Redis, node: &str, text: &str) {
    let asking = async {
        loop {
            let nodes: String = server.say(&["CLUSTER", "NODES"]).await;
            if nodes.lines().any(|line| line.starts_with(node) && line.contains(text)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(asking).await;
}

impl Masters {
    pub(crate) async fn start() -> Self {
        let (mut servers, mut ports, mut buses) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..3 {
            let (port, bus) = (free_port(), free_port());
            servers.push(started(port, bus).await);
            ports.push(port);
            buses.push(bus);
        }
        let mut command = Command::new("redis-cli");
        command.args(["--cluster", "create", "--cluster-yes"]);
        command.args(ports.iter().map(|port| format!("127.0.0.1:{port}")));
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
        assert!(status.expect("`redis-cli` of Debian's redis-tools").success());
        let masters = Self { servers, ports, buses };
        masters.are_well().await;
        masters
    }

    /// Waits until all slots are served, as far as each knows.
    pub(crate) async fn are_well(&self) {
        for server in &self.servers {
            says(server, &["CLUSTER", "INFO"], "cluster_state:ok").await;
        }
    }

    /// A replica of one of them, which knows what it has.
    pub(crate) async fn replica(&self, of: usize) -> Redis {
        let replica = started(free_port(), free_port()).await;
        let (port, bus) = (self.ports[of].to_string(), self.buses[of].to_string());
        let () = replica.say(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await;
        let id: String = self.servers[of].say(&["CLUSTER", "MYID"]).await;
        says(&replica, &["CLUSTER", "NODES"], &id).await;
        let () = replica.say(&["CLUSTER", "REPLICATE", &id]).await;
        says(&replica, &["INFO", "replication"], "master_link_status:up").await;
        // Whom it does not know it does not ask to be elected; and who knows it as no replica does not elect it.
        let own: String = replica.say(&["CLUSTER", "MYID"]).await;
        for server in &self.servers {
            says_line(server, &own, &format!(" slave {id} ")).await;
            let masters: String = server.say(&["CLUSTER", "MYID"]).await;
            says_line(&replica, &masters, " connected").await;
        }
        replica
    }

    /// Which of them has a channel.
    pub(crate) async fn owner(&self, channel: &str) -> usize {
        let slot: u64 = self.servers[0].say(&["CLUSTER", "KEYSLOT", channel]).await;
        (slot / (16384 / 3 + 1)) as usize
    }

    pub(crate) fn config(&self, adapter: Adapter) -> ClusterConfig {
        let mut config = ClusterConfig::default();
        config.redis = self.ports.iter().map(|port| format!("redis://127.0.0.1:{port}")).collect();
        config.adapter = adapter;
        config
    }

    /// Gives the slot of a channel to the next master.
    pub(crate) async fn move_slot(&self, channel: &str) {
        let slot: u64 = self.servers[0].say(&["CLUSTER", "KEYSLOT", channel]).await;
        let owner = self.owner(channel).await;
        let next = (owner + 1) % 3;
        let id: String = self.servers[next].say(&["CLUSTER", "MYID"]).await;
        let order = (next..next + 3).map(|index| &self.servers[index % 3]);
        for server in order {
            let () = server.say(&["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", &id]).await;
        }
    }
}
