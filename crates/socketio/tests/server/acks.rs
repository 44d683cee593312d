//! Acknowledgements, both ways.

use std::thread;
use std::time::Duration;

use fanfare_socketio::{EmitError, NoAnswer};

use crate::app::{quick, served, served_with};
use crate::client::{Client, SOON};
use crate::support::{Poller, within};

#[tokio::test]
async fn a_client_is_acknowledged_with_arguments_and_attachments() {
    let mut server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    client.send(r#"4212["ask",1]"#).await;
    let (_, _, ack) = server.event().await;
    ack.unwrap().send(("yes", 2)).unwrap();
    assert_eq!(client.text().await, r#"4312["yes",2]"#);
    client.send(r#"451-13["echo",{"_placeholder":true,"num":0}]"#).await;
    client.send_binary(b"abc").await;
    assert_eq!(client.text().await, r#"461-13[{"_placeholder":true,"num":0}]"#);
    assert_eq!(client.binary().await, b"abc");
}

#[tokio::test]
async fn an_acknowledgement_follows_what_was_emitted_before_it() {
    let mut server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    client.send(r#"420["ask"]"#).await;
    let (socket, _, ack) = server.event().await;
    for number in 0..10 {
        socket.emit("before", (number,)).unwrap();
    }
    ack.unwrap().send(()).unwrap();
    for number in 0..10 {
        assert_eq!(client.text().await, format!(r#"42["before",{number}]"#));
    }
    assert_eq!(client.text().await, "430[]");
}

#[tokio::test]
async fn the_server_is_answered_by_one_client() {
    let mut server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    let socket = server.connected().await;
    let asking = tokio::spawn(async move { socket.emit_with_ack("ask", (1,), Duration::MAX).await });
    assert_eq!(client.text().await, r#"420["ask",1]"#);
    client.send("439[\"an id nobody waits for\"]").await;
    client.send("430[\"yes\",2]").await;
    client.send("430[\"twice\"]").await;
    assert_eq!(within(asking).await.unwrap().unwrap().as_str(), r#""yes",2"#);
    client.has_got_nothing().await;
}

#[tokio::test]
async fn the_server_is_answered_by_many_and_knows_who_is_missing() {
    for lanes in [1, 3] {
        let mut config = quick();
        config.lanes = lanes.try_into().ok();
        let mut server = served_with(config).await;
        let mut clients = Vec::new();
        for _ in 0..4 {
            clients.push(Client::join(server.address).await);
        }
        let within_ms = Duration::from_millis(300);
        let asked = server.server.of("/").unwrap().emit_with_ack("ask", (), within_ms).unwrap();
        let asking = tokio::spawn(asked);
        for (client, id) in &mut clients {
            assert_eq!(client.text().await, r#"420["ask"]"#);
            client.send(&format!(r#"430["{id}"]"#)).await;
            client.has_got_nothing().await;
        }
        let answers = within(asking).await.unwrap();
        assert_eq!((answers.received.len(), answers.missing.len(), answers.timed_out), (4, 0, false));
        for (id, arguments) in &answers.received {
            assert_eq!(arguments.as_str(), format!(r#""{id}""#));
        }

        // One answers, one leaves the namespace, one drops its connection, one is silent.
        let asked = server.server.of("/").unwrap().emit_with_ack("ask", (), within_ms).unwrap();
        let asking = tokio::spawn(asked);
        for (client, _) in &mut clients {
            assert_eq!(client.text().await, r#"421["ask"]"#);
        }
        let (gone, _) = clients.pop().unwrap();
        drop(gone);
        clients[0].0.send("431[]").await;
        clients[1].0.send("41").await;
        let answers = within(asking).await.unwrap();
        assert_eq!((answers.received.len(), answers.missing.len(), answers.timed_out), (1, 3, true));
        server.connected().await;
    }
}

#[tokio::test]
async fn an_event_for_nobody_is_answered_at_once() {
    let server = served().await;
    let asked = server.server.of("/").unwrap().emit_with_ack("ask", (), SOON * 10).unwrap();
    let answers = within(asked).await;
    assert_eq!((answers.received.len(), answers.missing.len(), answers.timed_out), (0, 0, false));
}

#[tokio::test]
async fn no_answer_is_an_error_by_time_or_by_disconnect() {
    let mut server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    let socket = server.connected().await;
    let late = socket.emit_with_ack("ask", (), Duration::from_millis(20)).await;
    assert_eq!(late.err(), Some(NoAnswer::Missing));
    let asking = {
        let socket = socket.clone();
        tokio::spawn(async move { socket.emit_with_ack("ask", (), SOON * 10).await })
    };
    for id in 0..2 {
        assert_eq!(client.text().await, format!(r#"42{id}["ask"]"#));
    }
    drop(client);
    assert_eq!(within(asking).await.unwrap().err(), Some(NoAnswer::Missing));
    // Who is gone is not waited for either.
    let gone = within(socket.emit_with_ack("ask", (), SOON * 10)).await;
    assert_eq!(gone.err(), Some(NoAnswer::Missing));
}

/// On one thread, so that to block it is to suspend the whole server.
#[tokio::test]
async fn an_answer_that_came_in_time_counts_although_it_is_read_late() {
    let mut server = served().await;
    let mut poller = Poller::open(server.address, "/socket.io/").await;
    assert_eq!(poller.post("40").await.text(), "ok");
    assert!(poller.poll().await.starts_with("40{"));
    let (mut silent, _) = Client::join(server.address).await;
    for (id, suspended_ms) in [400, 2_000].into_iter().enumerate() {
        let asked = server.server.of("/").unwrap().emit_with_ack("ask", (), Duration::from_millis(300)).unwrap();
        let asking = tokio::spawn(asked);
        assert_eq!(silent.text().await, format!(r#"42{id}["ask"]"#));
        assert_eq!(poller.poll().await, format!(r#"42{id}["ask"]"#));
        let answer = format!(r#"43{id}["yes"]"#);
        poller.posts.send("POST", &poller.target(), &[], answer.as_bytes()).await;
        thread::sleep(Duration::from_millis(suspended_ms));
        let answers = within(asking).await.unwrap();
        assert_eq!((answers.received.len(), answers.missing.len(), answers.timed_out), (1, 1, true));
        assert_eq!(poller.posts.answer().await.text(), "ok");
    }
    server.connected().await;
}

#[tokio::test]
async fn whoever_stops_waiting_for_answers_takes_no_place() {
    let mut config = quick();
    config.acks.entries_max = 1;
    let mut server = served_with(config).await;
    let (mut client, _) = Client::join(server.address).await;
    let socket = server.connected().await;
    let everyone = || server.server.of("/").unwrap();
    for id in 0..3 {
        // Never polled; polled and dropped; for one socket.
        let asked = everyone().emit_with_ack("ask", (), Duration::MAX).unwrap();
        assert_eq!(everyone().emit_with_ack("ask", (), Duration::MAX).err(), Some(EmitError::TooManyAcks));
        assert_eq!(client.text().await, format!(r#"42{}["ask"]"#, 3 * id));
        drop(asked);
        let asked = everyone().emit_with_ack("ask", (), Duration::MAX).unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(10), asked).await.is_err());
        let asked = socket.emit_with_ack("ask", (), Duration::MAX);
        assert!(tokio::time::timeout(Duration::from_millis(10), asked).await.is_err());
        for _ in 0..2 {
            assert!(client.text().await.ends_with(r#"["ask"]"#));
        }
        client.send(&format!("43{}[\"nobody waits for that\"]", 3 * id)).await;
    }
    client.has_got_nothing().await;
}
