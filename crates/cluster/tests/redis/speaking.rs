//! What one node says, the other's clients hear; and what one asks, the other answers.

use std::collections::BTreeSet;
use std::time::Duration;

use fanfare_cluster::Format;
use fanfare_test_support::{eventually, within};
use socketio::{Attachment, Nodes, Room};
use tokio::time::timeout;

use crate::fleet::{ADAPTERS, Fleet};
use crate::node::{Client, Node, Open};

/// One client says something until the other hears it: then a room's channel is subscribed to.
async fn until_heard(node: &Node, room: &str, client: &mut Client) {
    let asking = async {
        loop {
            node.server.of("/").unwrap().to(room).emit("there?", ()).unwrap();
            if tokio::time::timeout(Duration::from_millis(20), client.hears()).await.is_ok() {
                break;
            }
        }
        // What was said meanwhile comes too.
        node.server.of("/").unwrap().to(room).emit("there!", ()).unwrap();
        while client.hears().await != r#"42["there!"]"# {}
    };
    within(asking).await;
}

#[tokio::test]
async fn events_reach_whom_they_are_for_on_all_nodes() {
    for adapter in ADAPTERS {
        eprintln!("{adapter:?}");
        let Fleet { redis: _redis, f, g } = Fleet::of(adapter).await;
        let (mut a, mut b) = (f.client().await, g.member(&["news"]).await);
        let mut c = g.member(&["news", "x"]).await;
        until_heard(&f, "news", &mut b).await;
        while c.hears().await != r#"42["there!"]"# {}
        let io = || f.server.of("/").unwrap();
        io().emit("all", (1, "é😀", [1.5], None::<()>)).unwrap();
        io().to("news").emit("room", ()).unwrap();
        io().to("news").to("x").emit("both", ()).unwrap();
        io().to("news").except("x").emit("but x", ()).unwrap();
        io().local().emit("local", ()).unwrap();
        io().to(c.id.as_str()).emit("you", ()).unwrap();
        io().to("nobody").emit("nobody", ()).unwrap();
        a.say(r#"42["others",7]"#).await;
        let all = r#"42["all",1,"é😀",[1.5],null]"#;
        a.hears_only(&[all, r#"42["local"]"#]).await;
        let (room, both, others) = (r#"42["room"]"#, r#"42["both"]"#, r#"42["others",7]"#);
        // Where rooms have channels of their own, those keep their order, and no other.
        let expected: [(&mut Client, &[&str]); 2] = [
            (&mut b, &[all, room, both, r#"42["but x"]"#, others]),
            (&mut c, &[all, room, both, r#"42["you"]"#, others]),
        ];
        for (client, packets) in expected {
            let mut heard = Vec::new();
            for _ in packets {
                heard.push(client.hears().await);
            }
            client.hears_nothing().await;
            let (mut heard, mut packets) = (heard, packets.to_vec());
            heard.sort_unstable();
            packets.sort_unstable();
            assert_eq!(heard, packets, "{adapter:?}");
        }
        let counts = f.cluster.status().counts;
        assert!(counts.dropped.iter().all(|(_, number)| *number == 0), "{counts:?}");
    }
}

#[tokio::test]
async fn what_is_said_in_a_row_is_heard_in_that_row() {
    let Fleet { redis: _redis, f, g } = Fleet::start().await;
    let mut client = g.client().await;
    for number in 0..1000 {
        f.server.of("/").unwrap().emit("n", (number,)).unwrap();
    }
    for number in 0..1000 {
        assert_eq!(client.hears().await, format!(r#"42["n",{number}]"#));
    }
    eventually("nothing is missed", || {
        let (f, g) = (f.cluster.status(), g.cluster.status());
        f.counts.published >= 1000 && g.lag.is_some() && g.counts.missed == 0 && g.counts.received == 1000
    })
    .await;
}

#[tokio::test]
async fn attachments_stay_with_their_event() {
    for (adapter, parser) in ADAPTERS.into_iter().zip([Format::Msgpack, Format::Json].into_iter().cycle()) {
        let fleet = Fleet::with(|config| (config.adapter, config.parser) = (adapter, parser)).await;
        let mut client = fleet.g.client().await;
        let (one, two) = (Attachment(vec![1, 2, 3].into()), Attachment(vec![0; 70_000].into()));
        fleet.f.server.of("/").unwrap().emit("bin", &(one, [two])).unwrap();
        let placeholders = r#"452-["bin",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]]"#;
        assert_eq!(client.hears().await, placeholders);
        assert_eq!(client.hears_bytes().await, [1, 2, 3]);
        assert_eq!(client.hears_bytes().await, vec![0; 70_000]);
    }
}

#[tokio::test]
async fn sockets_of_all_nodes_join_leave_and_are_expelled() {
    for adapter in ADAPTERS {
        eprintln!("{adapter:?}");
        let Fleet { redis: _redis, f, g } = Fleet::of(adapter).await;
        let (mut a, mut b) = (f.client().await, g.client().await);
        let io = || f.server.of("/").unwrap();
        io().join("r");
        let there = async { while io().to("r").count().await != (2, Nodes::new(1, 0)) {} };
        within(there).await;
        until_heard(&f, "r", &mut b).await;
        io().except(b.id.as_str()).leave("r");
        while within(io().to("r").count()).await.0 != 1 {}
        io().to(b.id.as_str()).disconnect();
        assert_eq!(b.hears().await, "41", "{adapter:?}");
        while !a.hears().await.contains("there!") {}
        a.hears_nothing().await;
        io().disconnect_connections();
        assert_eq!(a.hears().await, "41");
        assert!(a.is_ended().await);
    }
}

#[tokio::test]
async fn questions_are_answered_by_all_nodes() {
    for adapter in ADAPTERS {
        eprintln!("{adapter:?}");
        let fleet = Fleet::with(|config| {
            config.adapter = adapter;
            config.handshake_headers = vec!["x-shown".to_owned()];
        })
        .await;
        let Fleet { f, g, .. } = &fleet;
        let (_a, b) = (f.member(&["news"]).await, g.member(&["news", "deep"]).await);
        let io = || f.server.of("/").unwrap();
        let found = within(io().to("news").fetch_sockets()).await;
        assert_eq!((found.sockets.len(), found.remote.len(), found.nodes), (1, 1, Nodes::new(1, 0)), "{adapter:?}");
        let remote = &found.remote[0];
        let rooms: BTreeSet<&str> = remote.rooms.iter().map(Room::as_str).collect();
        assert_eq!((remote.id.to_string(), rooms), (b.id.clone(), BTreeSet::from(["deep", "news"])));
        let handshake: serde_json::Value = remote.handshake.as_ref().unwrap().deserialize().unwrap();
        assert_eq!(handshake["address"], "127.0.0.1");
        assert_eq!(handshake["query"], serde_json::json!({"EIO": "4", "transport": "websocket"}));
        assert_eq!(handshake["headers"], serde_json::json!({}));
        assert_eq!(remote.data.as_ref().unwrap().as_str(), "{}");
        assert_eq!(within(io().to("nobody").fetch_sockets()).await.nodes, Nodes::new(1, 0));
        let rooms = within(io().fetch_rooms()).await;
        let elsewhere: BTreeSet<&str> = rooms.elsewhere.iter().map(Room::as_str).collect();
        assert_eq!((elsewhere, rooms.nodes), (BTreeSet::from(["deep", "news"]), Nodes::new(1, 0)));
        let answers = io().server_side_emit_with_ack("who", ("x", [1]), Duration::from_secs(5)).unwrap();
        let (answers, nodes) = within(answers).await;
        assert_eq!((answers[0].as_str(), answers.len(), nodes), ("null", 1, Nodes::new(1, 0)));
        io().server_side_emit("quiet", ()).unwrap();
        eventually("it is counted", || g.cluster.status().counts.server_side == 2).await;
    }
}

#[tokio::test]
async fn acknowledgements_come_from_clients_of_all_nodes() {
    for adapter in ADAPTERS {
        eprintln!("{adapter:?}");
        let Fleet { redis: _redis, f, g } = Fleet::of(adapter).await;
        let (mut a, mut b, mut c) = (f.client().await, g.client().await, g.client().await);
        let io = || f.server.of("/").unwrap();
        let asked = io().emit_with_ack("ask", (1,), Duration::from_secs(5)).unwrap();
        for (client, answer) in [(&mut a, "[1]"), (&mut b, r#"["two",2]"#), (&mut c, "[]")] {
            assert_eq!(client.hears().await, r#"420["ask",1]"#);
            client.say(&format!("430{answer}")).await;
        }
        let answers = within(asked).await;
        assert_eq!(answers.received.len(), 1, "{adapter:?}");
        let mut elsewhere: Vec<_> = answers.elsewhere.received.iter().map(|answer| answer.as_str()).collect();
        elsewhere.sort_unstable();
        assert_eq!((elsewhere, answers.elsewhere.reached), (vec!["", r#""two""#], 2));
        assert_eq!(answers.nodes, Nodes::new(1, 0));
        // One that says nothing: what came is there, in time.
        let asked = io().to(b.id.as_str()).to(c.id.as_str()).emit_with_ack("ask", (), Duration::from_millis(500));
        assert_eq!(b.hears().await, r#"421["ask"]"#);
        b.say("431[true]").await;
        let answers = within(asked.unwrap()).await;
        assert_eq!((answers.elsewhere.received.len(), answers.elsewhere.reached), (1, 2), "{adapter:?}");
        let asked = io().to("nobody").emit_with_ack("ask", (), Duration::from_secs(60)).unwrap();
        assert_eq!(within(asked).await.elsewhere.reached, 0);
    }
}

#[tokio::test]
async fn namespaces_come_and_go() {
    let Fleet { redis, f, g } = Fleet::start().await;
    let counted = async || -> (String, u64) { redis.say(&["PUBSUB", "NUMSUB", "socket.io-request#/chat#"]).await };
    assert_eq!(counted().await.1, 0, "nothing is subscribed to that is not served");
    for node in [&f, &g] {
        node.server.add_namespace("/chat", Open).unwrap();
    }
    within(async { while counted().await.1 != 2 {} }).await;
    let (mut a, mut b) = (g.stranger().await, g.client().await);
    a.enter("/chat").await;
    f.server.of("/chat").unwrap().emit("x", ()).unwrap();
    f.server.of("/").unwrap().emit("x", ()).unwrap();
    assert_eq!(a.hears().await, r#"42/chat,["x"]"#);
    b.hears_only(&[r#"42["x"]"#]).await;
    g.server.remove_namespace("/chat", Duration::ZERO);
    within(async { while counted().await.1 != 1 {} }).await;
    assert_eq!(a.hears().await, "41/chat,");
    let found = within(f.server.of("/chat").unwrap().fetch_sockets()).await;
    assert_eq!((found.len(), found.nodes), (0, Nodes::new(0, 0)));
}

/// As by two reloads within the time over which the first lets clients go.
#[tokio::test]
async fn who_stays_in_a_namespace_that_comes_back_stays_in_rooms_that_are_heard() {
    for adapter in ADAPTERS {
        let Fleet { f, g, redis: _redis } = Fleet::of(adapter).await;
        let mut clients = Vec::new();
        for node in [&f, &g] {
            node.server.add_namespace("/chat", Open).unwrap();
        }
        for _ in 0..4 {
            let mut client = g.stranger().await;
            client.enter("/chat").await;
            client.say(r#"42/chat,1["join","r"]"#).await;
            assert_eq!(client.hears().await, "43/chat,1[]");
            clients.push(client);
        }
        // The first time, the node has left Redis before it comes back; the second time it hears of both at once.
        for pause in [20, 0].map(Duration::from_millis) {
            g.server.remove_namespace("/chat", Duration::from_secs(3600));
            tokio::time::sleep(pause).await;
            g.server.add_namespace("/chat", Open).unwrap();
            let stays = within(g.server.of("/chat").unwrap().local().fetch_sockets()).await.sockets;
            let stays = |client: &&mut Client| stays.iter().any(|socket| socket.id.as_str() == client.id);
            let client = clients.iter_mut().find(stays).expect("one of four has gone");
            for to in ["r", &client.id.clone()] {
                hears_again(client, &f, to, &format!("{pause:?}")).await;
            }
        }
    }
}

/// Until a client of another node hears what is said to a room.
async fn hears_again(client: &mut Client, from: &Node, to: &str, word: &str) {
    let event = format!(r#"42/chat,["x",{word:?},{to:?}]"#);
    within(async {
        loop {
            from.server.of("/chat").unwrap().to(to).emit("x", (word, to)).unwrap();
            let hears = async { while client.hears().await != event {} };
            if timeout(Duration::from_millis(50), hears).await.is_ok() {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn two_fleets_on_one_redis_have_two_prefixes() {
    let Fleet { redis, f, g } = Fleet::start().await;
    let mut config = fanfare_cluster::ClusterConfig::at(redis.url());
    config.prefix = "socket.io-other".to_owned();
    let other = Node::joined(config).await;
    let (mut ours, mut theirs) = (g.client().await, other.client().await);
    f.server.of("/").unwrap().emit("ours", ()).unwrap();
    other.server.of("/").unwrap().emit("theirs", ()).unwrap();
    assert_eq!(ours.hears().await, r#"42["ours"]"#);
    theirs.hears_only(&[r#"42["theirs"]"#]).await;
    ours.hears_nothing().await;
    assert_eq!(other.cluster.status().counts.received, 0);
}
