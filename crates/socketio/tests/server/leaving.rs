//! DISCONNECT both ways, and the reasons that handlers are told.

use std::time::Duration;

use fanfare_socketio::DisconnectReason;
use fanfare_socketio::engineio::proto::CloseReason;

use crate::app::{Served, Told, quick, served, served_with};
use crate::client::Client;
use crate::support::{Poller, next};

#[tokio::test]
async fn a_client_that_leaves_a_namespace_stays_in_the_others() {
    let mut server = served().await;
    let (mut client, root) = Client::join(server.address).await;
    client.connect("/other").await;
    client.send("41").await;
    let (socket, reason) = server.disconnected().await;
    assert_eq!((socket.id().to_string(), reason), (root, DisconnectReason::Client));
    assert_eq!(reason.as_reference(), "client namespace disconnect");
    assert_eq!((server.members("/").await, server.members("/other").await), (0, 1));
    socket.emit("to nobody", ()).unwrap();
    client.send(r#"42/other,7["echo"]"#).await;
    assert_eq!(client.text().await, "43/other,7[]");
}

#[tokio::test]
async fn a_socket_expelled_from_its_namespace_is_told_behind_what_it_was_sent() {
    let mut server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    let socket = server.connected().await;
    client.connect("/other").await;
    socket.emit("last", ()).unwrap();
    socket.disconnect();
    socket.emit("too late", ()).unwrap();
    assert_eq!(client.text().await, r#"42["last"]"#);
    assert_eq!(client.text().await, "41");
    let (gone, reason) = server.disconnected().await;
    assert_eq!((gone.id(), reason), (socket.id(), DisconnectReason::Server));
    assert_eq!(reason.as_reference(), "server namespace disconnect");
    client.send(r#"42/other,7["echo"]"#).await;
    assert_eq!(client.text().await, "43/other,7[]");
    client.connect("/").await;
}

#[tokio::test]
async fn a_connection_that_is_expelled_is_told_in_every_namespace() {
    for is_polling in [false, true] {
        let mut server = served().await;
        let mut told = String::new();
        let mut client = None;
        let mut poller = None;
        if is_polling {
            let mut polling = Poller::open(server.address, crate::client::PATH).await;
            polling.post("40\u{1e}40/other,").await;
            while told.matches("sid").count() < 2 {
                told += &polling.poll().await;
            }
            poller = Some(polling);
        } else {
            let (mut joined, _) = Client::join(server.address).await;
            joined.connect("/other").await;
            client = Some(joined);
        }
        let socket = server.connected().await;
        server.connected().await;
        socket.disconnect_connection();
        for _ in 0..2 {
            assert_eq!(server.disconnected().await.1, DisconnectReason::Server);
        }
        if let Some(mut client) = client {
            assert_eq!((client.text().await, client.text().await), ("41".into(), "41/other,".into()));
            assert!(client.is_ended().await);
        }
        if let Some(mut poller) = poller {
            assert_eq!(poller.poll().await, "41\u{1e}41/other,\u{1e}1");
        }
        assert_eq!(server.server.close_counts()["expelled"], 1);
        server.emptied().await;
    }
}

/// Answers the event that comes next, hangs up on who sent it, and sees that end.
async fn answer_and_hang_up(server: &mut Served) {
    let (socket, _, ack) = server.event().await;
    ack.unwrap().send(("so",)).unwrap();
    socket.hang_up("too fast");
    socket.emit("too late", ()).unwrap();
    for _ in 0..2 {
        let (_, reason) = server.disconnected().await;
        assert_eq!(reason, DisconnectReason::Closed(CloseReason::Dropped("too fast")));
        assert_eq!(reason.as_reference(), "forced server close");
    }
    assert_eq!(server.server.close_counts().into_iter().collect::<Vec<_>>(), [("too fast", 1)]);
}

#[tokio::test]
async fn who_is_hung_up_on_gets_what_it_was_told_before_and_loses_its_websocket() {
    let mut server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    client.connect("/other").await;
    client.send(r#"427["ask"]"#).await;
    answer_and_hang_up(&mut server).await;
    assert_eq!(client.text().await, r#"437["so"]"#);
    // No 41, no close packet, no close frame: from these some clients do not come back.
    assert_eq!(next(&mut client.ws).await, None);
    server.emptied().await;
}

#[tokio::test]
async fn who_polls_and_is_hung_up_on_gets_what_it_was_told_before_and_loses_its_poll() {
    for is_polling in [false, true] {
        let mut server = served().await;
        let mut polling = Poller::open(server.address, crate::client::PATH).await;
        polling.post("40\u{1e}40/other,").await;
        let mut told = String::new();
        while told.matches("sid").count() < 2 {
            told += &polling.poll().await;
        }
        if is_polling {
            polling.begin_poll().await;
        }
        polling.post(r#"427["ask"]"#).await;
        answer_and_hang_up(&mut server).await;
        if !is_polling {
            polling.begin_poll().await;
        }
        assert_eq!(polling.polls.answer().await.text(), r#"437["so"]"#);
        polling.begin_poll().await;
        match is_polling {
            // Its end was told by the answer.
            false => assert_eq!(polling.polls.answer().await.status, 400),
            true => assert!(polling.polls.end().await.is_empty()),
        }
        server.emptied().await;
    }
}

#[tokio::test]
async fn a_group_is_hung_up_on_at_once() {
    let mut server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    server.connected().await.join("slow");
    let mut polling = Poller::open(server.address, crate::client::PATH).await;
    polling.post("40").await;
    polling.poll().await;
    server.connected().await.join("slow");
    let (mut other, _) = Client::join(server.address).await;
    polling.begin_poll().await;
    polling.post("6").await;
    server.server.of("/").unwrap().to("slow").hang_up("too slow");
    assert!(polling.polls.end().await.is_empty());
    assert_eq!(next(&mut client.ws).await, None);
    other.has_got_nothing().await;
    assert_eq!((server.server.close_counts()["too slow"], server.members("/").await), (2, 1));
}

#[tokio::test]
async fn a_group_is_expelled_at_once() {
    let mut config = quick();
    config.lanes = 3.try_into().ok();
    let mut server = served_with(config).await;
    let mut clients = Vec::new();
    for number in 0..6 {
        let (client, _) = Client::join(server.address).await;
        let socket = server.connected().await;
        if number % 2 == 0 {
            socket.join("even");
        }
        clients.push(client);
    }
    server.server.of("/").unwrap().to("even").disconnect();
    for client in clients.iter_mut().step_by(2) {
        assert_eq!(client.text().await, "41");
    }
    assert_eq!(server.members("/").await, 3);
    server.server.of("/").unwrap().disconnect_connections();
    for client in clients.iter_mut().skip(1).step_by(2) {
        assert_eq!(client.text().await, "41");
        assert!(client.is_ended().await);
    }
    assert_eq!(server.server.connection_count(), 3, "those expelled from the namespace only");
}

#[tokio::test]
async fn each_end_of_a_connection_has_its_reason() {
    let mut config = quick();
    config.engine.session.ping_interval = Duration::from_millis(100);
    config.engine.session.ping_timeout = Duration::from_millis(100);
    let mut server = served_with(config).await;
    for (end, reason) in [
        ("close", "transport close"),
        ("drop", "transport close"),
        ("reset", "transport error"),
        ("silence", "ping timeout"),
        ("no packet", "parse error"),
        ("violation", "parse error"),
    ] {
        let (mut client, _) = Client::join(server.address).await;
        let kept = match end {
            "close" => {
                client.send("1").await;
                Some(client)
            }
            "drop" => {
                drop(client);
                None
            }
            "reset" => {
                client.reset();
                None
            }
            "no packet" => {
                client.send("x").await;
                Some(client)
            }
            "violation" => {
                client.send("42{}").await;
                Some(client)
            }
            _ => Some(client),
        };
        assert_eq!(server.disconnected().await.1.as_reference(), reason, "{end}");
        drop(kept);
    }
    let (mut client, _) = Client::join(server.address).await;
    server.server.close();
    assert_eq!(server.disconnected().await.1, DisconnectReason::Closed(CloseReason::Shutdown));
    // No Socket.IO packet: a client that is told 41 does not come back.
    assert!(client.is_ended().await);
    drop(client);
    server.emptied().await;
}

#[tokio::test]
async fn what_the_protocol_does_not_allow_closes_the_connection() {
    let server = served().await;
    for packets in [
        &[r#"42["too early"]"#][..],
        &["40", "40"],
        &["40", r#"42/other,["not there"]"#],
        &["40", "41", r#"42["after leaving"]"#],
        &["40", "42[]"],
        &["40", "42{}"],
        &["40", "42[\"x\""],
        &["40", r#"42["connect"]"#],
        &["40", r#"42["disconnecting"]"#],
        &["40", r#"42[{"toString":1}]"#],
        &["40", "42[null]"],
        &["40[]"],
        &["40{abc"],
        &["47"],
        &["40", r#"44{"message":"x"}"#],
        &["40", r#"4511-["x"]"#],
        &["40", r#"451-["x",{"_placeholder":true,"num":0}]"#, "42[\"text while an attachment is due\"]"],
        &["40", r#"451-["x",{"_placeholder":true,"num":-1}]"#, "bytes"],
        &["40", r#"451-["x",{"_placeholder":true,"num":"0"}]"#, "bytes"],
        &["40", r#"451-["x",{"_placeholder":true,"num":1}]"#, "bytes"],
        &["40", "bytes"],
    ] {
        let mut client = Client::open(server.address).await;
        for packet in packets {
            match *packet {
                "bytes" => client.send_binary(&[1]).await,
                text => client.send(text).await,
            }
        }
        while let Some(message) = crate::support::next(&mut client.ws).await {
            let text = message.to_text().unwrap_or_default();
            assert!(message.is_close() || text.starts_with("40{"), "{packets:?}: {message:?}");
        }
    }
    server.emptied().await;
}

#[tokio::test]
async fn what_the_protocol_ignores_is_ignored() {
    let mut server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    for packet in ["42", "43[]", "439[1]", "43/other,9[1]"] {
        if packet == "43/other,9[1]" {
            client.connect("/other").await;
        }
        client.send(packet).await;
    }
    client.has_got_nothing().await;
    while let Ok(told) = server.told.try_recv() {
        assert!(!matches!(told, Told::Event(..) | Told::Disconnected(..)));
    }
}
