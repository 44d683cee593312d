//! Peers that mean harm. Others must not notice, and nothing may grow without bound.

use std::time::Duration;

use engineio::proto::CloseReason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

use crate::app::{WEBSOCKET, quick, quick_with, served, served_narrowly};
use crate::support::{Http, connect, connect_slow, next, send, text, upgrade_request, within};

/// A masked frame of a client, the mask being zero.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn a_client_that_pings_without_end_and_reads_nothing_is_closed() {
    let mut server = served_narrowly(quick_with(|config| config.outbox_bytes_max = 64 * 1024)).await;
    let mut ws = server.slow_websocket().await;
    let pings = frame(0x89, b"").repeat(1_000);
    let flooding = async {
        // Fails once the server has had enough.
        while ws.get_mut().write_all(&pings).await.is_ok() {}
    };
    within(flooding).await;
    assert_eq!(server.closed().await, CloseReason::SlowConsumer);
    server.emptied().await;
}

#[tokio::test]
async fn a_ping_is_answered_with_what_it_said() {
    let server = served(quick()).await;
    let mut ws = server.websocket().await;
    for data in [b"".as_slice(), b"abc", &[7; 125]] {
        send(&mut ws, Message::Ping(data.to_vec().into())).await;
        assert_eq!(next(&mut ws).await, Some(Message::Pong(data.to_vec().into())));
    }
}

#[tokio::test]
async fn a_candidate_that_reads_nothing_is_not_read() {
    let server = served_narrowly(quick()).await;
    let poller = server.poller().await;
    let mut ws = connect_slow(server.address, &poller.websocket_target()).await;
    let probes = [frame(0x89, &[7; 125]), frame(0x81, b"2probe")].concat().repeat(100);
    let mut written = 0;
    // What it is not read it cannot write: this stalls, long before the candidate's time is over.
    while tokio::time::timeout(Duration::from_millis(300), ws.get_mut().write_all(&probes))
        .await
        .is_ok_and(|sent| sent.is_ok())
    {
        written += probes.len();
        assert!(written < 16 << 20, "{written} bytes were read, and the answers kept");
    }
}

#[tokio::test]
async fn a_bad_frame_glued_behind_the_upgrade_request_harms_nobody() {
    let server = served(quick()).await;
    let mut witness = server.websocket().await;
    let huge = [&[0x82, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    let large = [&[0x82, 0xff][..], &1_000_001_u64.to_be_bytes(), &[0; 4]].concat();
    for (bytes, code) in [
        (frame(0xf1, b"4x"), 1002),
        (frame(0x83, b"4x"), 1002),
        (frame(0x89, &[7; 126]), 1002),
        (b"\x81\x024x".to_vec(), 1002),
        (frame(0x81, b"4\xff"), 1007),
        (large, 1009),
        (huge, 1009),
    ] {
        let mut http = Http::connect(server.address).await;
        http.write(&[upgrade_request(WEBSOCKET).as_bytes(), &bytes].concat()).await;
        let end = http.end().await;
        let close = [0x88, 2, (code >> 8) as u8, code as u8];
        assert!(end.ends_with(&close), "{bytes:?}: {:?}", &end[end.len() - 4..]);
        send(&mut witness, "4alive").await;
        assert_eq!(text(&mut witness).await, "4alive");
    }
    drop(witness);
    server.emptied().await;
}

#[tokio::test]
async fn a_good_frame_glued_behind_the_upgrade_request_is_not_lost() {
    let server = served(quick()).await;
    let mut http = Http::connect(server.address).await;
    http.write(&[upgrade_request(WEBSOCKET).as_bytes(), &frame(0x81, b"4early"), &frame(0x81, b"1")].concat()).await;
    let end = http.end().await;
    assert!(end.windows(8).any(|bytes| bytes == b"\x81\x064early"), "{}", String::from_utf8_lossy(&end));
}

#[tokio::test]
async fn what_is_no_packet_closes_a_websocket() {
    let mut server = served(quick()).await;
    for packet in ["", "2", "2probe", "7", "x", "b!"] {
        let mut ws = server.websocket().await;
        send(&mut ws, packet).await;
        assert!(next(&mut ws).await.is_none_or(|message| message.is_close()), "{packet:?}");
        assert_eq!(server.closed().await, CloseReason::ParseError, "{packet:?}");
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_closed_with_1009_in_one_frame_or_in_many() {
    let mut config = quick();
    config.session.max_payload_bytes = 1_000;
    let mut server = served(config).await;
    let many = [frame(0x01, b"4"), frame(0x00, &[b'x'; 100]).repeat(11)].concat();
    for bytes in [frame(0x81, &[b'4'; 1_001]), many] {
        let mut ws = connect(server.address, WEBSOCKET).await;
        assert!(text(&mut ws).await.starts_with("0{"));
        ws.get_mut().write_all(&bytes).await.unwrap();
        let Some(Message::Close(Some(close))) = next(&mut ws).await else { panic!("no close frame") };
        assert_eq!(u16::from(close.code), 1009);
        assert_eq!(server.closed().await, CloseReason::TooLarge);
    }
    server.emptied().await;
}

#[tokio::test]
async fn a_million_empty_continuation_frames_keep_nobody_waiting() {
    let server = served(quick()).await;
    let mut witness = server.websocket().await;
    let mut ws = server.websocket().await;
    ws.get_mut().write_all(&frame(0x01, b"4")).await.unwrap();
    let flood = frame(0x00, b"").repeat(1_000);
    let flooding = tokio::spawn(async move {
        for _ in 0..1_000 {
            ws.get_mut().write_all(&flood).await.unwrap();
        }
        ws.get_mut().write_all(&frame(0x80, b"done")).await.unwrap();
        ws
    });
    while !flooding.is_finished() {
        let asked = tokio::time::Instant::now();
        send(&mut witness, "4alive").await;
        assert_eq!(text(&mut witness).await, "4alive");
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    }
    assert_eq!(text(&mut flooding.await.unwrap()).await, "4done");
}

#[tokio::test]
async fn a_close_frame_is_answered_and_the_connection_ended_by_the_server() {
    let server = served(quick()).await;
    let mut ws = server.websocket().await;
    ws.get_mut().write_all(&frame(0x88, &1000_u16.to_be_bytes())).await.unwrap();
    let mut end = Vec::new();
    within(ws.get_mut().read_to_end(&mut end)).await.unwrap();
    assert_eq!(end, [0x88, 2, 3, 0xe8]);
}
