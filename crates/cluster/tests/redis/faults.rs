//! What Redis does to a node, and what the node's clients notice of it: nothing.

use std::time::{Duration, Instant};

use fanfare_cluster::{ClusterConfig, LinkNotice, Notice, OnGap};
use fanfare_test_support::{eventually, within};
use socketio::Nodes;

use crate::fleet::Fleet;
use crate::node::Node;
use crate::server::Redis;

fn is_lost(notice: &Notice) -> bool {
    matches!(notice, Notice::Link(LinkNotice::Lost(_)))
}

fn is_joined(notice: &Notice) -> bool {
    matches!(notice, Notice::Link(LinkNotice::Joined { .. }))
}

/// Everybody hears the other again.
async fn is_whole(f: &Node, g: &Node) {
    let (mut a, mut b) = (f.client().await, g.client().await);
    f.server.of("/").unwrap().emit("f", ()).unwrap();
    assert_eq!((a.hears().await, b.hears().await), (r#"42["f"]"#.into(), r#"42["f"]"#.into()));
    g.server.of("/").unwrap().emit("g", ()).unwrap();
    assert_eq!((a.hears().await, b.hears().await), (r#"42["g"]"#.into(), r#"42["g"]"#.into()));
}

#[tokio::test]
async fn redis_is_killed_and_comes_back() {
    // So that what is said meanwhile is not heard after all.
    let grace = Duration::from_millis(50);
    let Fleet { mut redis, mut f, mut g } = Fleet::with(|config| config.outgoing_age_max = grace).await;
    let mut client = f.client().await;
    f.noted(is_joined).await;
    g.noted(is_joined).await;
    redis.kill();
    f.noted(is_lost).await;
    // Local clients do not wait, and questions end with what there is.
    let begun = Instant::now();
    f.server.of("/").unwrap().emit("alone", ()).unwrap();
    client.hears_only(&[r#"42["alone"]"#]).await;
    let found = within(f.server.of("/").unwrap().fetch_sockets()).await;
    assert_eq!((found.sockets.len(), found.remote.len()), (1, 0));
    assert!(found.nodes.missing > 0, "it is not all of it");
    assert!(begun.elapsed() < Duration::from_secs(2));
    // However fast redis is back: it is too old by then.
    eventually("what could not wait is dropped", || {
        let dropped = f.cluster.status().counts.dropped;
        dropped.iter().any(|(reason, number)| matches!(*reason, "not_joined" | "unknown") && *number > 0)
    })
    .await;
    assert!(f.cluster.status().is_ready && !f.cluster.status().is_up, "it serves its clients");
    redis.restart().await;
    f.noted(is_joined).await;
    g.noted(is_joined).await;
    is_whole(&f, &g).await;
    assert_eq!(f.cluster.status().counts.reconnects, 1);
}

#[tokio::test]
async fn what_cannot_wait_longer_is_counted() {
    let redis = Redis::start().await;
    let mut config = ClusterConfig::at(redis.url());
    config.outgoing_age_max = Duration::from_millis(100);
    config.outgoing_bytes_max = 2000;
    let mut node = Node::joined(config).await;
    let mut redis = redis;
    redis.kill();
    node.noted(is_lost).await;
    let mut client = node.client().await;
    for number in 0..30 {
        node.server.of("/").unwrap().emit("n", (number,)).unwrap();
    }
    for number in 0..30 {
        assert_eq!(client.hears().await, format!(r#"42["n",{number}]"#));
    }
    eventually("each is counted by its reason", || {
        let dropped = node.cluster.status().counts.dropped;
        let of = |name| dropped.iter().find(|(reason, _)| *reason == name).unwrap().1;
        of("too_much") > 0 && of("too_much") + of("not_joined") == 30
    })
    .await;
}

#[tokio::test]
async fn redis_pauses() {
    let Fleet { redis, f, g } = Fleet::start().await;
    let (mut a, mut b) = (f.client().await, g.client().await);
    let () = redis.say(&["CLIENT", "PAUSE", "1500", "ALL"]).await;
    let begun = Instant::now();
    for number in 0..5 {
        f.server.of("/").unwrap().emit("n", (number,)).unwrap();
        assert_eq!(a.hears().await, format!(r#"42["n",{number}]"#));
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "local clients do not wait");
    for number in 0..5 {
        assert_eq!(b.hears().await, format!(r#"42["n",{number}]"#), "who waits goes first, once");
    }
    b.hears_nothing().await;
    assert_eq!(f.cluster.status().counts.reconnects, 0, "a pause is no loss");
}

#[tokio::test]
async fn the_subscriber_is_thrown_out() {
    let Fleet { redis, mut f, mut g } = Fleet::start().await;
    f.noted(is_joined).await;
    g.noted(is_joined).await;
    for round in 1..=3 {
        let _: u64 = redis.say(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
        f.noted(is_lost).await;
        f.noted(is_joined).await;
        g.noted(is_joined).await;
        assert_eq!(redis.nodes().await, 2, "each is counted once");
        assert_eq!(f.cluster.status().counts.reconnects, round);
    }
    is_whole(&f, &g).await;
}

#[tokio::test]
async fn what_was_missed_is_counted_and_clients_fetch_anew() {
    let redis = Redis::start().await;
    let mut config = ClusterConfig::at(redis.url());
    config.on_gap = OnGap::Reset;
    config.reset_spread = Duration::from_millis(10);
    let g = Node::joined(config).await;
    let f = Node::joined(ClusterConfig::at(redis.url())).await;
    f.knows_peers(1).await;
    g.knows_peers(1).await;
    let mut client = g.client().await;
    eventually("a first heartbeat was compared", || g.cluster.status().lag.is_some()).await;
    // The subscriber of g alone is thrown out while f speaks.
    let list: String = redis.say(&["CLIENT", "LIST", "TYPE", "pubsub"]).await;
    assert_eq!(list.lines().count(), 2);
    let first = list.lines().next().unwrap();
    let id = first.split(' ').find_map(|field| field.strip_prefix("id=")).unwrap();
    let mut connection = redis.try_connect().await.unwrap();
    let mut pipeline = redis::pipe();
    pipeline.cmd("CLIENT").arg("KILL").arg("ID").arg(id);
    let uid = f.cluster.status().uid;
    for _ in 0..3 {
        let body = format!(r#"["{uid}",{{"type":2,"data":["x"],"nsp":"/"}},{{"rooms":[],"except":[],"flags":{{}}}}]"#);
        pipeline.cmd("PUBLISH").arg("socket.io#/#").arg(body);
    }
    let _: redis::Value = within(pipeline.query_async(&mut connection)).await.unwrap();
    assert!(client.is_ended().await, "they come back, and fetch anew");
    drop(f);
}

#[tokio::test]
async fn a_node_that_is_gone_is_not_waited_for() {
    let Fleet { redis, f, mut g } = Fleet::start().await;
    // Somebody who is counted and does not answer.
    let mut ghost = redis.try_connect().await.unwrap();
    let () = within(redis::cmd("HELLO").arg(3).query_async(&mut ghost)).await.unwrap();
    let _: redis::Value =
        within(redis::cmd("SUBSCRIBE").arg("socket.io-request#/#").query_async(&mut ghost)).await.unwrap();
    let _client = g.client().await;
    let asking = f.server.of("/").unwrap().fetch_sockets();
    let asked = tokio::spawn(asking);
    eventually("the question is on its way", || g.cluster.status().counts.received > 0).await;
    drop(ghost);
    let begun = Instant::now();
    let found = within(asked).await.unwrap();
    assert_eq!((found.remote.len(), found.nodes), (1, Nodes::new(1, 0)));
    assert!(begun.elapsed() < Duration::from_secs(3), "it is counted again, and not waited for");
    within(g.cluster.leave()).await;
    assert_eq!(redis.nodes().await, 1, "who leaves is not counted");
    f.knows_peers(0).await;
    let gone = g.notices.next();
    assert!(tokio::time::timeout(Duration::from_millis(1), gone).await.is_ok() || g.cluster.status().peers.len() == 1);
}

#[tokio::test]
async fn a_server_that_is_dropped_leaves() {
    let Fleet { redis, f, g } = Fleet::start().await;
    drop(g);
    within(async { while redis.nodes().await != 1 {} }).await;
    f.knows_peers(0).await;
}

#[tokio::test]
async fn more_than_can_be_taken_is_dropped_and_counted() {
    let redis = Redis::start().await;
    let mut config = ClusterConfig::at(redis.url());
    config.incoming_bytes_max = 16 << 10;
    let mut node = Node::joined(config).await;
    let text = "x".repeat(2 << 10);
    let body = format!(r#"["neighbour",{{"type":2,"data":["flood",{text:?}],"nsp":"/"}},{{"rooms":[]}}]"#);
    let mut pipeline = redis::pipe();
    for _ in 0..5000 {
        pipeline.cmd("PUBLISH").arg("socket.io#/#").arg(&body);
    }
    let mut connection = redis.try_connect().await.unwrap();
    let _: redis::Value = within(pipeline.query_async(&mut connection)).await.unwrap();
    eventually("all of it was read", || node.cluster.status().counts.received == 5000).await;
    let counts = node.cluster.status().counts;
    assert!(counts.dropped.iter().any(|(reason, number)| *reason == "incoming" && *number > 0), "{counts:?}");
    node.noted(|notice| *notice == Notice::Overflow).await;
    assert!(node.cluster.status().is_up && counts.reconnects == 0, "redis has not cut it off");
    let mut client = node.client().await;
    redis.publish("socket.io#/#", r#"["neighbour",{"type":2,"data":["after"],"nsp":"/"},{"rooms":[]}]"#).await;
    within(async { while client.hears().await != r#"42["after"]"# {} }).await;
}

#[tokio::test]
async fn a_question_that_there_is_no_place_for_is_missed_by_no_client() {
    let redis = Redis::start().await;
    let mut config = ClusterConfig::at(redis.url());
    config.incoming_bytes_max = 16 << 10;
    let node = Node::joined(config).await;
    let mut pipeline = redis::pipe();
    // Behind it, what the same node asks keeps its place.
    let opts = r#"{"rooms":["nobody"],"except":[]}"#;
    let order = format!(r#"{{"uid":"x","type":2,"opts":{opts},"rooms":["r"]}}"#);
    pipeline.cmd("PUBLISH").arg("socket.io-request#/#").arg(order);
    for number in 0..1000 {
        let question = format!(r#"{{"uid":"x","requestId":"{number}","type":1}}"#);
        pipeline.cmd("PUBLISH").arg("socket.io-request#/#").arg(question);
    }
    let mut connection = redis.try_connect().await.unwrap();
    let _: redis::Value = within(pipeline.query_async(&mut connection)).await.unwrap();
    eventually("all of it was read", || node.cluster.status().counts.received == 1001).await;
    let counts = node.cluster.status().counts;
    let of = |name| counts.dropped.iter().find(|(reason, _)| *reason == name).unwrap().1;
    assert_eq!((of("incoming"), counts.missed), (0, 0), "{counts:?}");
    assert!(of("requests") > 0, "{counts:?}");
}
