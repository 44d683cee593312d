//! How a node becomes one of the fleet, and why it does not.

use std::time::Duration;

use fanfare_cluster::{AtStart, Cluster, ClusterConfig, LinkNotice, Notice, Phase};
use fanfare_test_support::within;
use socketio::{Server, ServerConfig};

use crate::node::{Node, Open};
use crate::server::Redis;

fn is_waiting(notice: &Notice) -> bool {
    matches!(notice, Notice::Link(LinkNotice::Waiting(_)))
}

async fn waits(config: ClusterConfig, because: &str) -> Node {
    let mut node = Node::start(config).await;
    let notice = node.noted(is_waiting).await.to_string();
    assert!(notice.contains(because), "{notice}");
    assert!(!node.cluster.is_ready() && node.cluster.status().phase != Phase::Joined);
    node
}

#[tokio::test]
async fn a_node_waits_for_its_redis_and_serves_meanwhile() {
    let mut redis = Redis::prepared(&["--port", "0"], |_| {});
    let mut node = waits(ClusterConfig::at(redis.url()), "cannot connect").await;
    let mut client = node.client().await;
    node.server.of("/").unwrap().emit("x", ()).unwrap();
    assert_eq!(client.hears().await, r#"42["x"]"#);
    redis.restart().await;
    within(node.cluster.joined()).await;
    assert!(node.cluster.is_ready());
    let joined = node.noted(|notice| matches!(notice, Notice::Link(LinkNotice::Joined { .. }))).await;
    assert!(!joined.is_warning() && joined.to_string().starts_with("joined the cluster"), "{joined}");
}

#[tokio::test]
async fn a_node_that_is_to_fail_fails() {
    let redis = Redis::prepared(&["--port", "0"], |_| {});
    let mut config = ClusterConfig::at(redis.url());
    config.at_start = AtStart::Fail;
    let node = Node::start(config).await;
    let why = within(node.cluster.failed()).await;
    assert!(why.contains("cannot connect"), "{why}");
}

#[tokio::test]
async fn a_node_that_may_be_alone_is_ready_alone() {
    let redis = Redis::prepared(&["--port", "0"], |_| {});
    let mut config = ClusterConfig::at(redis.url());
    config.at_start = AtStart::Alone;
    let node = Node::start(config).await;
    assert!(node.cluster.is_ready());
}

#[tokio::test]
async fn a_wrong_password_is_said_and_not_shown() {
    let redis = Redis::start().await;
    let () = redis.say(&["ACL", "SETUSER", "app", "on", ">right", "~*", "&*", "+@all"]).await;
    let at = |password: &str| format!("unix://app:{password}@{}", redis.socket().display());
    let node = waits(ClusterConfig::at(at("hunter2")), "WRONGPASS").await;
    assert!(!format!("{:?} {:?}", node.cluster, node.cluster.status()).contains("hunter2"));
    Node::joined(ClusterConfig::at(at("right"))).await;
}

#[tokio::test]
async fn missing_rights_are_named() {
    let redis = Redis::start().await;
    let commands =
        ["+subscribe", "+psubscribe", "+unsubscribe", "+punsubscribe", "+publish", "+pubsub", "+ping", "+hello"];
    let rule = |channels: &[&str]| {
        let mut rule = vec!["ACL", "SETUSER", "app", "reset", "on", ">p"];
        rule.extend(commands);
        rule.extend(channels.to_vec());
        rule.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()
    };
    let set = async |channels: &[&str]| {
        let rule = rule(channels);
        let () = redis.say(&rule.iter().map(String::as_str).collect::<Vec<_>>()).await;
    };
    let all = ["&socket.io#/#*", "&socket.io-request#*", "&socket.io-response#*", "&socket.io-fanfare#"];
    set(&all[1..]).await;
    let url = format!("unix://app:p@{}", redis.socket().display());
    let node = waits(ClusterConfig::at(url), "PSUBSCRIBE socket.io#/#* is refused: NOPERM").await;
    set(&all).await;
    within(node.cluster.joined()).await;
}

/// Between the way to Redis and the namespaces that are said to it the server's thread may be held up, as on a busy machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_knows_no_namespace_yet_has_not_joined() {
    let redis = Redis::start().await;
    let () = redis.say(&["ACL", "SETUSER", "deaf", "on", ">p", "resetchannels", "+@all", "&socket.io*"]).await;
    let mut config = ClusterConfig::at(format!("unix://deaf:p@{}", redis.socket().display()));
    config.at_start = AtStart::Fail;
    let cluster = Cluster::new(config).unwrap();
    let (peers, seen) = (cluster.peers(), cluster.clone());
    let builder = Server::builder(ServerConfig::default()).namespace("/", Open).unwrap();
    let builder = builder.peers(move |local| {
        let peers = peers(local);
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(seen.status().phase, Phase::Connecting);
        peers
    });
    let _server = builder.build();
    let why = within(cluster.failed()).await;
    assert!(why.contains("PSUBSCRIBE socket.io#/#*"), "{why}");
    assert!(!cluster.is_up());
}

#[tokio::test]
async fn nobody_there_and_no_such_name_are_told_apart() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    waits(ClusterConfig::at(format!("redis://{closed}")), "refused").await;
    waits(ClusterConfig::at("redis://no-such-host.invalid"), "no-such-host.invalid").await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for_longer_than_a_while() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    waits(ClusterConfig::at(url), "it does not answer").await;
}

#[test]
fn wrong_configurations_are_refused_at_once() {
    for (config, says) in [
        (ClusterConfig::default(), "no address"),
        (ClusterConfig::at("http://a"), "scheme"),
        (
            {
                let mut config = ClusterConfig::at("redis://a");
                config.prefix.clear();
                config
            },
            "prefix",
        ),
        (
            {
                let mut config = ClusterConfig::at("rediss://a");
                config.ca = Some(fanfare_cluster::Pem::File("/no/such/file".into()));
                config
            },
            "/no/such/file",
        ),
        (
            {
                let mut config = ClusterConfig::at("rediss://a");
                config.ca = Some(fanfare_cluster::Pem::Text(b"x".to_vec()));
                config
            },
            "ca: no certificate",
        ),
    ] {
        let error = Cluster::new(config).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[tokio::test]
async fn who_leaves_leaves_in_time_whatever_redis_does() {
    let redis = Redis::start().await;
    let node = Node::joined(ClusterConfig::at(redis.url())).await;
    let () = redis.say(&["CLIENT", "PAUSE", "20000", "ALL"]).await;
    let begun = std::time::Instant::now();
    within(node.cluster.leave()).await;
    assert!(begun.elapsed() < Duration::from_secs(4));
    within(node.cluster.leave()).await;
}

#[tokio::test]
async fn a_server_of_before_resp3_is_told_apart() {
    let redis = Redis::with(&["--port", "0", "--rename-command", "HELLO", "NO-HELLO"]).await;
    waits(ClusterConfig::at(redis.url()), "it does not speak RESP3").await;
}
