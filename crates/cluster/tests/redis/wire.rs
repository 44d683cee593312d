//! What other servers and emitters write, byte for byte.

use fanfare_test_support::{eventually, within};
use redis::aio::MultiplexedConnection;
use tokio::sync::mpsc;

use crate::fleet::Fleet;

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

#[tokio::test]
async fn events_of_node_servers_and_emitters_are_heard() {
    let Fleet { redis, f, .. } = Fleet::start().await;
    let mut client = f.member(&["news"]).await;
    for (channel, body, heard) in [
        (
            "socket.io#/#",
            "93a6335a4d6e4a7583a47479706502a46461746194a568656c6c6f01a16181a162c3a36e7370a12f83a5726f6f6d7390a665786365707490a5666c61677380",
            r#"42["hello",1,"a",{"b":true}]"#,
        ),
        (
            "socket.io#/#news#",
            "93a6335a4d6e4a7583a47479706502a46461746191a178a36e7370a12f83a5726f6f6d7391a46e657773a665786365707490a5666c61677380",
            r#"42["x"]"#,
        ),
        (
            "socket.io#/#",
            "93a7656d697474657283a47479706502a46461746194a568656c6c6f01a16181a162c3a36e7370a12f83a5726f6f6d7390a5666c61677380a665786365707490",
            r#"42["hello",1,"a",{"b":true}]"#,
        ),
    ] {
        assert!(redis.publish(channel, bytes(body)).await > 0);
        assert_eq!(client.hears().await, heard);
    }
    for (channel, body, heard) in [
        (
            "socket.io#/#",
            r#"["emitter",{"type":2,"data":["json"],"nsp":"/"},{"rooms":[],"flags":{},"except":[]}]"#,
            r#"42["json"]"#,
        ),
        ("socket.io#/#", r#"["x",{"type":5,"data":["five"],"nsp":"/"},{"rooms":"","flags":""}]"#, r#"42["five"]"#),
    ] {
        redis.publish(channel, body).await;
        assert_eq!(client.hears().await, heard);
    }
    let request = r#"{"type":2,"opts":{"rooms":["news"],"except":[]},"rooms":["r1"]}"#;
    redis.publish("socket.io-request#/#", request).await;
    within(async { while f.server.of("/").unwrap().to("r1").local().count().await.0 != 1 {} }).await;
    redis.publish("socket.io-request#/#", r#"{"type":4,"opts":{"rooms":["r1"]},"close":false}"#).await;
    assert_eq!(client.hears().await, "41");
}

#[tokio::test]
async fn what_would_harm_clients_is_dropped_and_counted() {
    let Fleet { redis, f, .. } = Fleet::start().await;
    let mut client = f.client().await;
    let good = r#"["emitter",{"type":2,"data":["good"],"nsp":"/"},{"rooms":[]}]"#;
    let mut wrong = vec![
        r#"["x",{"type":0,"data":["a"],"nsp":"/"},{"rooms":[]}]"#.to_owned(),
        r#"["x",{"type":1,"data":["a"],"nsp":"/"},{"rooms":[]}]"#.to_owned(),
        r#"["x",{"type":2,"data":"text","nsp":"/"},{"rooms":[]}]"#.to_owned(),
        r#"["x",{"type":2,"data":[],"nsp":"/"},{"rooms":[]}]"#.to_owned(),
        r#"["x",{"type":2,"data":["connect"],"nsp":"/"},{"rooms":[]}]"#.to_owned(),
        r#"["x",{"type":2,"data":["a"],"nsp":"/"}]"#.to_owned(),
        "\u{c0}".to_owned(),
    ];
    wrong.extend((1..good.len()).map(|end| good[..end].to_owned()));
    let number = wrong.len() as u64;
    let mut pipeline = redis::pipe();
    for body in &wrong {
        pipeline.cmd("PUBLISH").arg("socket.io#/#").arg(body);
    }
    for channel in ["socket.io-request#/#", "socket.io-response#/#", "socket.io-fanfare#"] {
        for body in ["{}", "{", "\u{c0}", r#"{"type":5,"requestId":"a"}"#, r#"{"type":7,"requestId":"a"}"#] {
            pipeline.cmd("PUBLISH").arg(channel).arg(body);
        }
    }
    pipeline.cmd("PUBLISH").arg("socket.io#/#").arg(good);
    let mut connection = redis.try_connect().await.unwrap();
    let _: redis::Value = within(pipeline.query_async(&mut connection)).await.unwrap();
    client.hears_only(&[r#"42["good"]"#]).await;
    eventually("all are counted", || {
        let malformed = f.cluster.status().counts.malformed;
        malformed.iter().map(|(_, number)| number).sum::<u64>() >= number
    })
    .await;
    assert!(f.cluster.status().is_up);
}

#[tokio::test]
async fn what_is_for_a_room_that_nobody_is_in_is_not_read() {
    let Fleet { redis, f, .. } = Fleet::start().await;
    redis.publish("socket.io#/#nobody#", "nonsense").await;
    eventually("it was heard", || f.cluster.status().counts.unwanted == 1).await;
    assert!(f.cluster.status().counts.malformed.iter().all(|(_, number)| *number == 0));
}

/// Somebody who listens to some channels.
pub(crate) async fn listening(connection: &mut MultiplexedConnection, channels: &[&str]) {
    let mut command = redis::cmd("SUBSCRIBE");
    for channel in channels {
        command.arg(channel);
    }
    let _: redis::Value = within(command.query_async(connection)).await.unwrap();
}

pub(crate) async fn asker(
    redis: &crate::server::Redis,
) -> (MultiplexedConnection, mpsc::UnboundedReceiver<redis::PushInfo>) {
    let (sender, pushes) = mpsc::unbounded_channel();
    let stream = tokio::net::UnixStream::connect(redis.socket()).await.unwrap();
    let config = redis::AsyncConnectionConfig::new().set_push_sender(sender).set_response_timeout(None);
    let settings = redis::RedisConnectionInfo::default().set_protocol(redis::ProtocolVersion::RESP3);
    let (connection, driver) = MultiplexedConnection::new_with_config(&settings, stream, config).await.unwrap();
    tokio::spawn(driver);
    (connection, pushes)
}

pub(crate) async fn answer(pushes: &mut mpsc::UnboundedReceiver<redis::PushInfo>) -> (String, serde_json::Value) {
    loop {
        let push = within(pushes.recv()).await.unwrap();
        if push.kind == redis::PushKind::Message {
            let (channel, body): (String, String) = redis::from_redis_value(redis::Value::Array(push.data)).unwrap();
            return (channel, serde_json::from_str(&body).unwrap());
        }
    }
}

#[tokio::test]
async fn questions_of_node_servers_are_answered_where_they_listen() {
    let Fleet { redis, f, g } = Fleet::start().await;
    let client = f.member(&["news"]).await;
    drop(g);
    within(async { while redis.nodes().await != 1 {} }).await;
    // An old one listens on the channel of all; one of today on its own too.
    for (channels, uid, expected) in [
        (&["socket.io-response#/#"][..], "3ZMnJu", "socket.io-response#/#"),
        (&["socket.io-response#/#", "socket.io-response#/#AbCdEf#"], "AbCdEf", "socket.io-response#/#AbCdEf#"),
    ] {
        let (mut connection, mut pushes) = asker(&redis).await;
        listening(&mut connection, channels).await;
        let mut ask = async |body: String| {
            redis.publish("socket.io-request#/#", body).await;
            answer(&mut pushes).await
        };
        let (channel, fetched) =
            ask(format!(r#"{{"uid":"{uid}","requestId":"r1","type":5,"opts":{{"rooms":["news"],"except":[]}}}}"#))
                .await;
        assert_eq!((channel.as_str(), &fetched["requestId"]), (expected, &"r1".into()));
        assert_eq!(fetched["sockets"][0]["id"], client.id);
        assert_eq!(fetched["sockets"][0]["rooms"], serde_json::json!([client.id, "news"]));
        assert_eq!(fetched["sockets"][0]["data"], serde_json::json!({}));
        let (_, rooms) = ask(format!(r#"{{"uid":"{uid}","requestId":"r2","type":1}}"#)).await;
        assert_eq!(rooms["rooms"], serde_json::json!(["news", client.id]));
        let (_, ids) = ask(r#"{"requestId":"r3","type":0,"rooms":[]}"#.to_owned()).await;
        assert_eq!(ids["sockets"], serde_json::json!([client.id]));
        let (channel, told) = ask(format!(r#"{{"uid":"{uid}","requestId":"r4","type":6,"data":["e","w"]}}"#)).await;
        assert_eq!(channel, "socket.io-response#/#", "these go to all");
        assert_eq!(told, serde_json::json!({"type": 6, "requestId": "r4", "data": null}));
        let (_, done) = ask(format!(r#"{{"requestId":"r5","type":2,"sid":"{}","room":"r9"}}"#, client.id)).await;
        assert_eq!(done, serde_json::json!({"requestId": "r5"}));
        let (_, left) = ask(format!(r#"{{"requestId":"r6","type":3,"sid":"{}","room":"r9"}}"#, client.id)).await;
        assert_eq!(left, serde_json::json!({"requestId": "r6"}));
    }
}
