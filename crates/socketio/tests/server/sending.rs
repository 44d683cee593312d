//! Events: to whom they go, in which order, with what.

use fanfare_socketio::codec::Attachment;
use fanfare_socketio::{Arguments, Room, ServerConfig, Socket};

use crate::app::{Served, quick, served, served_with};
use crate::client::Client;
use crate::support::{Poller, packets};

/// So many clients in `/`, each with its socket.
async fn clients<const N: usize>(server: &mut Served) -> [(Client, Socket); N] {
    let mut joined = Vec::new();
    for _ in 0..N {
        let (client, _) = Client::join(server.address).await;
        joined.push((client, server.connected().await));
    }
    joined.try_into().map_err(|_| ()).expect("as many as were asked for")
}

fn several_lanes() -> ServerConfig {
    let mut config = quick();
    config.lanes = 3.try_into().ok();
    config
}

#[tokio::test]
async fn events_come_with_all_their_arguments() {
    let mut server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    for (packet, name, arguments) in [
        (r#"42["a"]"#, "a", ""),
        (r#"42["a",1,"x",null,{"y":[true]}]"#, "a", r#"1,"x",null,{"y":[true]}"#),
        (r#"42["é€😀","\ud83d\ude00"]"#, "é€😀", r#""\ud83d\ude00""#),
        ("42[1]", "1", ""),
    ] {
        client.send(packet).await;
        let (_, event, ack) = server.event().await;
        assert_eq!((&*event.name(), event.arguments().as_str(), ack.is_none()), (name, arguments, true));
    }
    client.send(r#"452-["file",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#).await;
    client.send_binary(&[1, 2]).await;
    client.send_binary(&[]).await;
    let (_, event, _) = server.event().await;
    assert_eq!(event.attachment(0).map(|bytes| &bytes[..]), Some(&[][..]));
    assert_eq!(event.attachment(1).map(|bytes| &bytes[..]), Some(&[1, 2][..]));
}

#[tokio::test]
async fn an_event_with_attachments_arrives_with_them_on_both_transports() {
    let mut server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    let mut poller = Poller::open(server.address, crate::client::PATH).await;
    poller.post("40").await;
    assert!(poller.poll().await.starts_with("40{"));
    let file = Attachment::from(vec![1_u8, 2, 3, 4]);
    server.server.of("/").unwrap().emit("file", ("name", &file)).unwrap();
    let text = r#"451-["file","name",{"_placeholder":true,"num":0}]"#;
    assert_eq!(client.text().await, text);
    assert_eq!(client.binary().await, [1, 2, 3, 4]);
    assert_eq!(packets(&poller.poll().await), [text, "bAQIDBA=="]);
    server.connected().await;
}

#[tokio::test]
async fn a_target_reaches_whom_it_says_and_nobody_twice() {
    for config in [quick(), several_lanes()] {
        let mut server = served_with(config).await;
        let [(mut a, a_socket), (mut b, b_socket), (mut c, c_socket)] = clients(&mut server).await;
        a_socket.join("odd");
        b_socket.join("even");
        c_socket.join("odd");
        c_socket.join("even");
        let everyone = || server.server.of("/").unwrap();

        everyone().emit("1", ()).unwrap();
        everyone().to("odd").to("even").emit("2", ()).unwrap();
        everyone().to("odd").except("even").emit("3", ()).unwrap();
        a_socket.broadcast().emit("4", ()).unwrap();
        c_socket.to("odd").emit("5", ()).unwrap();
        everyone().to(b_socket.id()).emit("6", ()).unwrap();
        everyone().except(b_socket.id()).emit("7", ()).unwrap();
        everyone().to("nobody's").emit("8", ()).unwrap();
        a_socket.everyone().emit("9", ()).unwrap();
        c_socket.leave("odd");
        everyone().to("odd").emit("10", ()).unwrap();
        server.server.of("/other").unwrap().emit("11", ()).unwrap();

        for (client, expected) in
            [(&mut a, &[1, 2, 3, 5, 7, 9, 10][..]), (&mut b, &[1, 2, 4, 6, 9][..]), (&mut c, &[1, 2, 4, 7, 9][..])]
        {
            for number in expected {
                assert_eq!(client.text().await, format!(r#"42["{number}"]"#));
            }
            client.has_got_nothing().await;
        }
        let rooms = server.rooms().await;
        assert_eq!(
            rooms.iter().map(|(room, count)| (room.as_str(), *count)).collect::<Vec<_>>(),
            [("even", 2), ("odd", 1)]
        );
    }
}

#[tokio::test]
async fn sockets_can_be_moved_and_found_as_a_group() {
    let mut server = served_with(several_lanes()).await;
    let [(_a, a), (_b, b), (_c, _)] = clients(&mut server).await;
    a.join("x");
    let everyone = || server.server.of("/").unwrap();
    everyone().to("x").join("y");
    everyone().to(b.id()).join("y");
    let mut found = everyone().to("y").fetch_sockets().await;
    found.sockets.sort_by_key(|info| info.rooms.len());
    assert_eq!(found.ids().collect::<Vec<_>>(), [b.id(), a.id()]);
    everyone().leave("y");
    assert_eq!(everyone().to("y").fetch_sockets().await.len(), 0);
    assert_eq!(everyone().fetch_sockets().await.len(), 3);
    assert_eq!(server.rooms().await.len(), 1);
}

#[tokio::test]
async fn events_of_one_client_reach_another_in_their_order() {
    let mut server = served_with(several_lanes()).await;
    let [(mut a, _), (mut b, _)] = clients(&mut server).await;
    let sending = tokio::spawn(async move {
        for number in 0..1_000 {
            a.send(&format!(r#"42["number",{number}]"#)).await;
        }
        a
    });
    for number in 0..1_000 {
        let (socket, event, _) = server.event().await;
        assert_eq!(event.raw(0), Some(number.to_string().as_str()));
        socket.broadcast().relay(event.raw_name(), event.arguments());
    }
    for number in 0..1_000 {
        assert_eq!(b.text().await, format!(r#"42["number",{number}]"#));
    }
    sending.await.unwrap();
}

#[tokio::test]
async fn a_volatile_event_goes_only_to_who_can_take_it_now() {
    let mut server = served().await;
    let [(mut ready, _)] = clients(&mut server).await;
    let mut away = Poller::open(server.address, crate::client::PATH).await;
    away.post("40").await;
    assert!(away.poll().await.starts_with("40{"));
    server.connected().await;
    let everyone = || server.server.of("/").unwrap();
    everyone().volatile().emit("volatile", ()).unwrap();
    everyone().emit("kept", ()).unwrap();
    assert_eq!(ready.text().await, r#"42["volatile"]"#);
    assert_eq!(ready.text().await, r#"42["kept"]"#);
    assert_eq!(away.poll().await, r#"42["kept"]"#);
}

#[tokio::test]
async fn a_relayed_event_is_counted() {
    let mut server = served_with(several_lanes()).await;
    let [(mut a, _), _b, _c] = clients(&mut server).await;
    a.send(r#"42["x"]"#).await;
    let (socket, event, _) = server.event().await;
    let (sender, outcome) = tokio::sync::oneshot::channel();
    socket.broadcast().relay_counted(event.raw_name(), event.arguments(), |outcome| sender.send(outcome).unwrap());
    let outcome = outcome.await.unwrap();
    assert_eq!((outcome.queued, outcome.dropped, outcome.closed), (2, 0, 0));
}

#[tokio::test]
async fn several_namespaces_share_a_connection_and_nothing_else() {
    let mut server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    client.connect("/other").await;
    server.server.of("/other").unwrap().emit("x", (1,)).unwrap();
    server.server.of("/").unwrap().emit("y", (2,)).unwrap();
    assert_eq!(client.text().await, r#"42/other,["x",1]"#);
    assert_eq!(client.text().await, r#"42["y",2]"#);
    client.send(r#"42/other,["z"]"#).await;
    assert_eq!(server.event().await.0.namespace().as_str(), "/other");
    client.send("41/other,").await;
    client.has_got_nothing().await;
    client.send(r#"42/other,["gone"]"#).await;
    assert!(client.is_ended().await);
}

#[tokio::test]
async fn what_cannot_be_sent_is_said_to_the_program() {
    let mut server = served().await;
    let [(mut client, socket)] = clients(&mut server).await;
    assert!(socket.emit("connect", ()).is_err(), "reserved");
    assert!(socket.emit("x", std::collections::BTreeMap::from([([1], 2)])).is_err(), "a key that is an array");
    assert!(socket.emit("x", (f64::NAN,)).is_ok(), "as JavaScript: null");
    assert_eq!(client.text().await, r#"42["x",null]"#);
}

#[tokio::test]
async fn a_tuple_is_its_arguments_and_a_value_is_one() {
    let mut server = served().await;
    let [(mut client, socket)] = clients(&mut server).await;
    let (list, map) = (vec![1, 2], std::collections::BTreeMap::from([("a", 1)]));
    let mut expected = Vec::new();
    macro_rules! sent {
        ($arguments:expr, $on_the_wire:expr) => {
            socket.emit("x", $arguments).unwrap();
            expected.push(format!(r#"42["x"{}]"#, $on_the_wire));
        };
    }
    sent!("text", r#","text""#);
    sent!(&String::from("text"), r#","text""#);
    sent!(("text", 1), r#","text",1"#);
    sent!(&("text", 1), r#","text",1"#);
    sent!((), "");
    sent!(&(), "");
    sent!(5, ",5");
    sent!(&list, ",[1,2]");
    sent!(list.as_slice(), ",[1,2]");
    sent!([1, 2], ",[1,2]");
    sent!(&[1, 2], ",[1,2]");
    sent!((&list,), ",[1,2]");
    sent!(&map, r#",{"a":1}"#);
    sent!(None::<u8>, ",null");
    sent!(Some("a"), r#","a""#);
    sent!(fanfare_socketio::Spread(&list), ",1,2");
    sent!(fanfare_socketio::Spread(list.iter().map(|number| number * 2)), ",2,4");
    sent!(socket.id(), format_args!(r#","{}""#, socket.id()));
    sent!(serde_json::json!([1, "a"]), r#",[1,"a"]"#);
    sent!(&Arguments::serialize(&(1, 2)).unwrap(), ",1,2");
    for text in expected {
        assert_eq!(client.text().await, text);
    }
}

#[tokio::test]
async fn several_rooms_are_named_at_once_and_none_is_nobody() {
    let mut server = served().await;
    let [(mut a, a_socket), (mut b, b_socket), (mut c, c_socket)] = clients(&mut server).await;
    a_socket.join(["one", "two", "three"]);
    a_socket.leave(vec![String::from("two")]);
    b_socket.join("two");
    c_socket.join(&[Room::from("three")][..]);
    let everyone = || server.server.of("/").unwrap();
    everyone().to(["one", "two"]).emit("1", ()).unwrap();
    everyone().to(["one", "two", "three"]).except(["two", "three"]).emit("2", ()).unwrap();
    everyone().to(Vec::<Room>::new()).emit("3", ()).unwrap();
    everyone().to(Vec::<Room>::new()).to("three").except(a_socket.id()).emit("4", ()).unwrap();
    everyone().join(Vec::<String>::new());
    everyone().emit("5", ()).unwrap();
    for (client, events) in [(&mut a, "15"), (&mut b, "15"), (&mut c, "45")] {
        for event in events.chars() {
            assert_eq!(client.text().await, format!(r#"42["{event}"]"#));
        }
    }
}
