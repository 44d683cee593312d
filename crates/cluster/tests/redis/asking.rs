//! What is asked: by how much, behind what, and what it may cost whoever answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fanfare_test_support::{eventually, within};
use redis::aio::MultiplexedConnection;
use socketio::Nodes;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use crate::fleet::{ADAPTERS, Fleet};
use crate::node::{Client, Node};
use crate::server::Redis;
use crate::wire::{answer, asker, listening};

const REQUESTS: &str = "socket.io-request#/#";
const ANSWERS: &str = "socket.io-response#/#";

/// A node, and somebody who hears all answers and is no node.
async fn asked(change: impl Fn(&mut fanfare_cluster::ClusterConfig)) -> (Redis, Node, Asker) {
    let redis = Redis::start().await;
    let mut config = fanfare_cluster::ClusterConfig::at(redis.url());
    change(&mut config);
    let node = Node::joined(config).await;
    let (mut connection, pushes) = asker(&redis).await;
    listening(&mut connection, &[ANSWERS]).await;
    (redis, node, Asker { _connection: connection, pushes })
}

struct Asker {
    _connection: MultiplexedConnection,
    pushes: UnboundedReceiver<redis::PushInfo>,
}

impl Asker {
    async fn hears(&mut self) -> serde_json::Value {
        answer(&mut self.pushes).await.1
    }
}

async fn publish_all(redis: &Redis, messages: impl IntoIterator<Item = (&str, String)>) {
    let mut pipeline = redis::pipe();
    for (channel, body) in messages {
        pipeline.cmd("PUBLISH").arg(channel).arg(body);
    }
    let mut connection = redis.try_connect().await.unwrap();
    let _: redis::Value = within(pipeline.query_async(&mut connection)).await.unwrap();
}

fn event(number: usize) -> (&'static str, String) {
    let padding = "x".repeat(200);
    ("socket.io#/#", format!(r#"["stranger",{{"type":2,"data":["e",{number},"{padding}"],"nsp":"/"}},{{"rooms":[]}}]"#))
}

/// Has a client read on, and counts what it heard.
fn counted(mut client: Client, reading: &mut JoinSet<()>) -> Arc<AtomicUsize> {
    let heard = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&heard);
    reading.spawn(async move {
        loop {
            client.hears().await;
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_waits_for_no_events_but_for_what_its_sender_did_before() {
    let (redis, node, mut asker) = asked(|_| {}).await;
    let client = node.client().await;
    let (mut reading, id) = (JoinSet::new(), client.id.clone());
    let heard = counted(client, &mut reading);
    for _ in 0..7 {
        counted(node.client().await, &mut reading);
    }
    const EVENTS: usize = 12_000;
    let fetch = |uid: &str, id: &str, room: &str| {
        let body =
            format!(r#"{{"uid":"{uid}","requestId":"{id}","type":5,"opts":{{"rooms":[{room:?}],"except":[]}}}}"#);
        (REQUESTS, body)
    };
    let join = format!(r#"{{"uid":"a","type":2,"opts":{{"rooms":["{id}"],"except":[]}},"rooms":["late"]}}"#);
    publish_all(&redis, (0..EVENTS).map(event).chain([fetch("b", "first", "")])).await;
    assert_eq!(asker.hears().await["requestId"], "first");
    let at_first = heard.load(Ordering::SeqCst);
    assert!(at_first < EVENTS / 2, "{at_first} of {EVENTS} were heard before");

    eventually("all are heard", || heard.load(Ordering::SeqCst) == EVENTS).await;
    let behind = [(REQUESTS, join), fetch("a", "own", "late"), fetch("b", "another's", "late")];
    publish_all(&redis, (0..EVENTS / 6).map(event).chain(behind)).await;
    let answers = [asker.hears().await, asker.hears().await];
    let of = |id: &str| answers.iter().find(|answer| answer["requestId"] == id).unwrap();
    assert_eq!(of("own")["sockets"][0]["id"], id.as_str(), "who let it in sees it there");
    assert_eq!(answers[0]["requestId"], "another's", "others wait for neither");
}

#[tokio::test]
async fn numbers_are_answered_to_who_wants_no_more() {
    let (redis, node, mut asker) = asked(|_| {}).await;
    let _clients = [node.member(&["news", "loud"]).await, node.member(&["news"]).await, node.client().await];
    for (question, number) in [
        (r#""type":0,"rooms":["news"],"count":true"#, 2),
        (r#""type":0,"rooms":[],"count":true"#, 3),
        (r#""type":5,"opts":{"rooms":["news"],"except":["loud"]},"count":true"#, 1),
    ] {
        redis.publish(REQUESTS, format!(r#"{{"uid":"a","requestId":"r",{question}}}"#)).await;
        let expected = serde_json::json!({"type": 8, "requestId": "r", "clientCount": number});
        assert_eq!(asker.hears().await, expected, "{question}");
    }
}

#[tokio::test]
async fn what_is_counted_at_once_is_asked_seldom() {
    for adapter in ADAPTERS {
        let Fleet { redis: _redis, f, g } = Fleet::of(adapter).await;
        let mut clients = vec![f.member(&["news"]).await, g.member(&["news", "loud"]).await];
        clients.push(g.client().await);
        let io = || f.server.of("/").unwrap();
        let before = f.cluster.status().counts.published;
        let mut asking = JoinSet::new();
        for _ in 0..500 {
            asking.spawn(io().to("news").count());
            asking.spawn(io().count());
            asking.spawn(io().to("news").except("loud").count());
        }
        let mut counts: Vec<_> = within(asking.join_all()).await;
        counts.sort_by_key(|(number, _)| *number);
        counts.dedup();
        assert_eq!(counts, [1, 2, 3].map(|number| (number, Nodes::new(1, 0))), "{adapter:?}");
        let asked = f.cluster.status().counts.published - before;
        assert!(asked < 30, "{asked} questions were asked");
        // What was asked before says nothing of what came since.
        clients.push(g.member(&["news"]).await);
        assert_eq!(within(io().to("news").count()).await, (3, Nodes::new(1, 0)));
    }
}

#[tokio::test]
async fn too_many_different_counts_are_told_that_others_are_missing() {
    let Fleet { redis: _redis, f, g: _g } = Fleet::start().await;
    let mut asking = JoinSet::new();
    for number in 0..200 {
        asking.spawn(f.server.of("/").unwrap().to(format!("room {number}")).count());
    }
    let counts = within(asking.join_all()).await;
    let answered = counts.iter().filter(|(_, nodes)| *nodes == Nodes::new(1, 0)).count();
    let missing = counts.iter().filter(|(_, nodes)| *nodes == Nodes::new(0, 1)).count();
    assert_eq!(answered + missing, 200);
    assert!(answered >= 64 && missing > 0, "{answered} were answered");
}

#[tokio::test]
async fn peers_let_nobody_into_more_rooms_than_a_client_may_be_in() {
    let (redis, node, mut asker) = asked(|config| config.rooms_max = 50).await;
    let client = node.member(&["own"]).await;
    let join = |rooms: &[String]| {
        let rooms = serde_json::to_string(rooms).unwrap();
        (REQUESTS, format!(r#"{{"uid":"a","type":2,"opts":{{"rooms":[],"except":[]}},"rooms":{rooms}}}"#))
    };
    let names = |part: usize| (0..1000).map(|number| format!("{part}-{number}")).collect::<Vec<_>>();
    let old = format!(r#"{{"uid":"a","requestId":"old","type":2,"sid":"{}","room":"by the old form"}}"#, client.id);
    let long = ["y".repeat(2000)];
    let messages = (0..20).map(|part| join(&names(part))).chain([join(&long), (REQUESTS, old)]);
    publish_all(&redis, messages).await;
    assert_eq!(asker.hears().await["requestId"], "old");
    let found = within(node.server.of("/").unwrap().fetch_sockets()).await;
    assert_eq!(found.sockets[0].rooms.len(), 50);
    assert!(found.sockets[0].rooms.iter().any(|room| room.as_str() == "own"));
    let refused = || {
        let dropped = node.cluster.status().counts.dropped;
        dropped.into_iter().find(|(reason, _)| *reason == "rooms").unwrap().1
    };
    eventually("what was refused is counted", || refused() == 20_000 - 49 + 2).await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_made_and_takes_no_place_from_events() {
    let (redis, node, mut asker) = asked(|config| config.outgoing_bytes_max = 20_000).await;
    let client = node.client().await;
    let rooms = serde_json::to_string(&(0..900).map(|number| format!("a room of number {number}")).collect::<Vec<_>>());
    let join = format!(r#"{{"uid":"a","type":2,"opts":{{"rooms":[],"except":[]}},"rooms":{}}}"#, rooms.unwrap());
    let ask = |kind: &str, id: &str| {
        let rest = r#""opts":{"rooms":[],"except":[]},"rooms":[]"#;
        (REQUESTS, format!(r#"{{"uid":"a","requestId":"{id}","type":{kind},{rest}}}"#))
    };
    publish_all(&redis, [(REQUESTS, join), ask("5", "sockets"), ask("1", "rooms"), ask("0", "ids")]).await;
    let heard = asker.hears().await;
    assert_eq!(heard["requestId"], "ids", "the others are not answered");
    assert_eq!(heard["sockets"], serde_json::json!([client.id]));
    let dropped = |why: &str| {
        let dropped = node.cluster.status().counts.dropped;
        dropped.into_iter().find(|(reason, _)| *reason == why).unwrap().1
    };
    assert_eq!((dropped("answers"), dropped("too_much")), (2, 0));
}

#[tokio::test]
async fn who_asks_for_more_acknowledgements_than_are_waited_for_gets_no_answer() {
    let (redis, node, mut asker) = asked(|_| {}).await;
    let mut reading = JoinSet::new();
    let heard = counted(node.client().await, &mut reading);
    let emit = |number: usize| {
        let opts = r#"{"rooms":[],"except":[],"flags":{"timeout":30000}}"#;
        let packet = r#"{"type":2,"data":["e"],"nsp":"/"}"#;
        (REQUESTS, format!(r#"{{"uid":"a","requestId":"{number}","type":7,"packet":{packet},"opts":{opts}}}"#))
    };
    const PLACES: usize = 4096;
    publish_all(&redis, (0..PLACES + 10).map(emit)).await;
    for _ in 0..PLACES {
        assert_eq!(asker.hears().await["clientCount"], 1);
    }
    eventually("all have it", || heard.load(Ordering::SeqCst) == PLACES + 10).await;
    // Behind them all, and the only thing that comes.
    redis.publish(REQUESTS, r#"{"uid":"a","requestId":"last","type":1}"#).await;
    assert_eq!(asker.hears().await["requestId"], "last");
    let unanswered = node.cluster.status().counts.dropped;
    assert!(unanswered.contains(&("requests", 10)), "{unanswered:?}");
}

#[tokio::test]
async fn who_leaves_answers_whatever_it_was_asked() {
    let (redis, node, mut asker) = asked(|_| {}).await;
    let mut connection = redis.try_connect().await.unwrap();
    // As many as may wait.
    let asking = tokio::spawn(async move {
        let mut pipeline = redis::pipe();
        for id in 0..250 {
            let opts = r#"{"rooms":[],"except":[]}"#;
            let question = format!(r#"{{"uid":"x","requestId":"{id}","type":5,"opts":{opts}}}"#);
            pipeline.cmd("PUBLISH").arg(REQUESTS).arg(question);
        }
        within(pipeline.query_async::<Vec<u64>>(&mut connection)).await.unwrap()
    });
    eventually("it is being asked", || node.cluster.status().counts.received > 20).await;
    within(node.cluster.leave()).await;
    let heard = within(asking).await.unwrap().into_iter().filter(|listeners| *listeners > 0).count();
    for _ in 0..heard {
        asker.hears().await;
    }
}
