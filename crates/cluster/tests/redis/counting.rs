//! What is counted, and as whose.

use std::time::Duration;

use fanfare_cluster::{Notice, PeerEvent};
use fanfare_test_support::eventually;

use crate::fleet::Fleet;

#[tokio::test]
async fn own_answers_that_come_back_are_not_received() {
    let Fleet { redis, f, g } = Fleet::start().await;
    let before = [f.cluster.status().counts.received, g.cluster.status().counts.received];
    for number in 0..3 {
        // What applications answer goes to all, whoever asked.
        let question = format!(r#"{{"uid":"stranger","requestId":"q{number}","type":6,"data":["e"]}}"#);
        redis.publish("socket.io-request#/#", &question).await;
        let received = 2 * (number + 1);
        eventually("the question and the other's answer", || {
            let now = [f.cluster.status().counts.received, g.cluster.status().counts.received];
            now == [before[0] + received, before[1] + received]
        })
        .await;
    }
    let published = f.cluster.status().counts.published;
    eventually("a heartbeat", || f.cluster.status().counts.published > published).await;
    assert_eq!(f.cluster.status().counts.received, before[0] + 6, "nor later");
    assert_eq!(f.cluster.status().counts.server_side, 3);
}

#[tokio::test]
async fn namespace_that_is_served_while_others_speak_in_it_begins_without_a_gap() {
    let Fleet { redis, f, g } = Fleet::start().await;
    let speaks = || f.server.of("/").unwrap().emit("e", ()).unwrap();
    speaks();
    eventually("g to hear", || g.cluster.status().counts.received > 0).await;
    let late = crate::node::Node::start(fanfare_cluster::ClusterConfig::at(redis.url())).await;
    for _ in 0..200 {
        speaks();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    late.knows_peers(2).await;
    let published = f.cluster.status().counts.published;
    eventually("two heartbeats", || f.cluster.status().counts.published > published + 1).await;
    assert_eq!((late.cluster.status().counts.missed, g.cluster.status().counts.missed), (0, 0));
}

#[tokio::test]
async fn who_sends_as_this_node_is_told_of() {
    let Fleet { redis, f, g } = Fleet::start().await;
    let mut f = f;
    let uid = f.cluster.status().uid;
    let body = format!(r#"["{uid}",{{"type":2,"data":["e"],"nsp":"/"}},{{"rooms":[]}}]"#);
    redis.publish("socket.io#/#", &body).await;
    f.noted(|notice| *notice == Notice::Peer(PeerEvent::SameUid)).await;
    drop(g);
}

#[tokio::test]
async fn namespace_that_looks_like_a_room_makes_nobody_a_double() {
    let redis = crate::server::Redis::start().await;
    let cluster = fanfare_cluster::Cluster::new(fanfare_cluster::ClusterConfig::at(redis.url())).unwrap();
    let builder = socketio::Server::builder(socketio::ServerConfig::default());
    let builder = builder.namespace("/", crate::node::Open).unwrap().namespace("/#x", crate::node::Open).unwrap();
    let server = cluster.join(builder).build();
    let mut notices = cluster.notices().unwrap();
    cluster.joined().await;
    for _ in 0..5 {
        server.of("/#x").unwrap().emit("e", ()).unwrap();
    }
    let published = cluster.status().counts.published;
    eventually("two heartbeats", || cluster.status().counts.published > published + 6).await;
    cluster.leave().await;
    drop(cluster);
    drop(server);
    while let Ok(Some(notice)) = tokio::time::timeout(Duration::from_millis(100), notices.next()).await {
        assert_ne!(notice, Notice::Peer(PeerEvent::SameUid));
    }
}
