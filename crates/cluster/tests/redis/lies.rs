//! Servers that say what they should not, or nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fanfare_cluster::{Adapter, ClusterConfig, LinkNotice, Mode, Notice};
use fanfare_test_support::eventually;

use crate::fake::{Answer, Fake, healthy};
use crate::masters::Masters;
use crate::node::Node;
use crate::server::{Redis, free_port};

async fn listening(more: &[&str]) -> (Redis, String) {
    let port = free_port().to_string();
    let arguments = [&["--port", &port, "--bind", "127.0.0.1"], more].concat();
    (Redis::with(&arguments).await, format!("127.0.0.1:{port}"))
}

fn sentinels(all: &[&Fake]) -> String {
    let addresses: Vec<_> = all.iter().map(|sentinel| sentinel.address.as_str()).collect();
    format!("redis+sentinel://{}/main", addresses.join(","))
}

#[tokio::test]
async fn sentinels_that_lie_are_passed_over() {
    let (_master, at) = listening(&[]).await;
    let nobody = format!("127.0.0.1:{}", free_port());
    let (_replica, replica_at) = listening(&["--replicaof", "127.0.0.1", "1"]).await;
    let (silent, hole) = (Fake::silent().await, Fake::silent().await);
    let honest = Fake::sentinel(at).await;
    let of_sentinel = Fake::sentinel(honest.address.clone()).await;
    let of_replica = Fake::sentinel(replica_at).await;
    let of_hole = Fake::sentinel(hole.address.clone()).await;
    let of_nobody = Fake::sentinel(nobody).await;
    let url = sentinels(&[&silent, &of_sentinel, &of_replica, &of_hole, &of_nobody, &honest]);
    let begun = Instant::now();
    let mut config = ClusterConfig::at(url);
    config.at_start = fanfare_cluster::AtStart::Fail;
    let _node = Node::joined(config).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "in one attempt: {:?}", begun.elapsed());
    // If there is no other, it is said what is wrong.
    let url = sentinels(&[&of_sentinel, &of_replica]);
    let mut node = Node::start(ClusterConfig::at(url)).await;
    let said = node.noted(|notice| matches!(notice, Notice::Link(LinkNotice::Waiting(_)))).await.to_string();
    assert!(said.contains("no master but a sentinel") && said.contains("no master but a slave"), "{said}");
}

#[tokio::test]
async fn silent_sentinels_are_got_past_however_many_there_are() {
    let (_master, at) = listening(&[]).await;
    let mut silent = Vec::new();
    for _ in 0..14 {
        silent.push(Fake::silent().await);
    }
    let honest = Fake::sentinel(at).await;
    let all: Vec<_> = silent.iter().chain([&honest]).collect();
    let mut node = Node::start(ClusterConfig::at(sentinels(&all))).await;
    let said = node.noted(|notice| matches!(notice, Notice::Link(_))).await.to_string();
    assert!(said.contains("it does not answer; ") && said.contains(" more"), "{said}");
    tokio::time::timeout(Duration::from_secs(15), node.cluster.joined()).await.expect("the last is asked too");
    let open = || silent.iter().map(|fake| fake.connections().1).sum::<usize>();
    eventually("who did not answer is let go", || open() == 0).await;
}

#[tokio::test]
async fn sentinels_may_ask_who_comes() {
    let (port, sentinel_port) = (free_port(), free_port());
    let arguments = ["--port", &port.to_string(), "--bind", "127.0.0.1", "--requirepass", "of-master"];
    let mut master = Redis::prepared(&arguments, |_| {});
    master.spawn();
    let settings = format!(
        "port {sentinel_port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {port} 1\nsentinel auth-pass main of-master\n\
         user default off\nuser watcher on >of-sentinel -@all +hello +sentinel|get-master-addr-by-name\n\
         user test on nopass +@all\n"
    );
    let prepare = |directory: &std::path::Path| std::fs::write(directory.join("sentinel.conf"), settings).unwrap();
    let mut sentinel = Redis::prepared(&["{}/sentinel.conf", "--sentinel"], prepare);
    sentinel.spawn();
    let mut config = ClusterConfig::at(format!("redis+sentinel://:of-master@127.0.0.1:{sentinel_port}/main"));
    config.sentinel_username = Some("watcher".to_owned());
    config.sentinel_password = Some("hunter2".to_owned());
    let mut node = Node::start(config.clone()).await;
    let is_it = |notice: &Notice| notice.to_string().contains("WRONGPASS");
    let said = node.noted(is_it).await.to_string();
    assert!(!format!("{said} {config:?} {node:?}", node = node.cluster).contains("hunter2"), "{said}");
    config.sentinel_password = Some("of-sentinel".to_owned());
    Node::joined(config).await;
}

#[tokio::test]
async fn of_64_seeds_one_is_enough() {
    let masters = Masters::start().await;
    let mut config = masters.config(Adapter::Classic);
    let silent = Fake::silent().await;
    let mut seeds: Vec<_> = (0..61).map(|_| format!("redis://127.0.0.1:{}", free_port())).collect();
    seeds.push(format!("redis://{}", silent.address));
    seeds.push(format!(
        "redis://{}",
        Fake::saying("CLUSTER", "ERR This instance has cluster support disabled").await.address
    ));
    seeds.push(config.redis.pop().unwrap());
    config.redis = seeds;
    Node::joined(config).await;
}

/// What a node makes of a server for some seconds: why it waits, and how often it came.
async fn suffers(fake: Fake, adapter: Adapter, says: &str) {
    let mut config = ClusterConfig::at(format!("redis://{}", fake.address));
    config.adapter = adapter;
    let mut node = Node::start(config).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut notices = Vec::new();
    while let Ok(Some(notice)) = tokio::time::timeout(Duration::from_millis(1), node.notices.next()).await {
        notices.push(notice.to_string());
    }
    assert!(notices.iter().any(|notice| notice.contains(says)), "{says}: {notices:?}");
    assert!(notices.len() <= 16, "{says}: {notices:?}");
    let (taken, open) = fake.connections();
    assert!((1..=24).contains(&taken) && open <= 2, "{says}: {taken} connections, {open} of them open");
    drop(node);
    eventually("all are closed", || fake.connections().1 == 0).await;
}

#[tokio::test]
async fn whatever_a_server_says_it_is_neither_hammered_nor_believed() {
    let sharded = Adapter::Sharded(Mode::Dynamic);
    let mut all = tokio::task::JoinSet::new();
    for (adapter, command, error) in [
        (Adapter::Classic, "HELLO", "LOADING Redis is loading the dataset in memory"),
        (Adapter::Classic, "HELLO", "NOAUTH HELLO must be called with the client already authenticated"),
        (Adapter::Classic, "HELLO", "ERR max number of clients reached"),
        (Adapter::Classic, "PSUBSCRIBE", "NOPERM this user has no permissions to access one of the channels"),
        (Adapter::Classic, "SUBSCRIBE", "READONLY You can't write against a read only replica."),
        (Adapter::Classic, "PUBLISH", "READONLY You can't write against a read only replica."),
        (Adapter::Classic, "PUBSUB", "NOPERM this user has no permissions to run the 'pubsub|numsub' command"),
        (sharded, "SSUBSCRIBE", "MOVED 1 127.0.0.1:1"),
        (sharded, "SSUBSCRIBE", "ASK 1 127.0.0.1:1"),
        (sharded, "SSUBSCRIBE", "CLUSTERDOWN Hash slot not served"),
        (sharded, "PUBLISH", "MOVED 1 127.0.0.1:1"),
        (Adapter::Classic, "PING", "MASTERDOWN Link with MASTER is down"),
    ] {
        let says = if command == "PING" { "joined" } else { error };
        all.spawn(async move { suffers(Fake::saying(command, error).await, adapter, says).await });
    }
    all.spawn(async { suffers(Fake::start(|_| Answer::Close).await, Adapter::Classic, "cannot connect").await });
    let nonsense = || Answer::Say("HTTP/1.1 400 Bad Request\r\n\r\n".to_owned());
    all.spawn(async move { suffers(Fake::start(move |_| nonsense()).await, Adapter::Classic, "cannot connect").await });
    while let Some(ended) = all.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn a_redis_that_comes_back_as_an_older_one_is_named_and_waited_for() {
    let is_old = Arc::new(AtomicBool::new(false));
    let fake = {
        let is_old = Arc::clone(&is_old);
        Fake::start(move |said| match (is_old.load(Ordering::SeqCst), &*said[0]) {
            (true, "PING" | "ROLE") => Answer::Close,
            (true, "HELLO") => {
                Answer::Say("-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n".to_owned())
            }
            _ => healthy(said),
        })
        .await
    };
    let mut node = Node::joined(ClusterConfig::at(format!("redis://{}", fake.address))).await;
    is_old.store(true, Ordering::SeqCst);
    node.noted(|notice| notice.to_string().contains("does not speak RESP3")).await;
    is_old.store(false, Ordering::SeqCst);
    node.noted(|notice| matches!(notice, Notice::Link(LinkNotice::Joined { deaf: Some(_), .. }))).await;
}
