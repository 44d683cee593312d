//! Where HTTP itself begins: heads that are odd, connections that idle.

use std::time::{Duration, Instant};

use bytes::Bytes;
use engineio::{HttpConfig, serve, serve_with};
use tokio::net::TcpListener;

use crate::app::{Gate, PATH, WEBSOCKET, echo, engine, quick, served};
use crate::support::{Http, upgrade_request, within};

const HANDSHAKE: &str = "/engine.io/?EIO=4&transport=polling";

/// The status with which a request is answered as it stands.
async fn status_of(request: &str) -> u16 {
    let server = served(quick()).await;
    let mut http = Http::connect(server.address).await;
    http.write(request.as_bytes()).await;
    http.answer().await.status
}

#[tokio::test]
async fn a_request_says_once_which_host_it_is_for() {
    for (head, status) in [
        ("HTTP/1.1\r\nhost: a\r\n", 200),
        ("HTTP/1.1\r\n", 400),
        ("HTTP/1.1\r\nhost: a\r\nhost: a\r\n", 400),
        ("HTTP/1.0\r\n", 200),
        ("HTTP/1.0\r\nhost: a\r\nhost: b\r\n", 400),
    ] {
        assert_eq!(status_of(&format!("GET {HANDSHAKE} {head}\r\n")).await, status, "{head:?}");
    }
}

#[tokio::test]
async fn a_line_that_ends_without_its_cr_is_refused() {
    for (request, status) in [
        ("GET @ HTTP/1.1\r\nhost: a\r\n\r\n", 200),
        ("\r\nGET @ HTTP/1.1\r\nhost: a\r\n\r\n", 200),
        ("GET @ HTTP/1.1\nhost: a\r\n\r\n", 400),
        ("GET @ HTTP/1.1\r\nhost: a\n\r\n", 400),
        ("GET @ HTTP/1.1\r\nhost: a\r\n\n", 400),
        ("GET @ HTTP/1.1\nhost: a\n\n", 400),
    ] {
        assert_eq!(status_of(&request.replace('@', HANDSHAKE)).await, status, "{request:?}");
    }
}

#[tokio::test]
async fn what_does_no_harm_is_taken() {
    let head = |rest: &str| format!("GET {HANDSHAKE} HTTP/1.1\r\nhost: a\r\n{rest}\r\n");
    let lines: String = (0..200).map(|at| format!("x-{at}: v\r\n")).collect();
    for request in [
        head("connection: upgrade\r\nupgrade:\r\n"),
        head(&lines),
        format!("GET {HANDSHAKE}&filter={{\"a\":\"<b>\"}} HTTP/1.1\r\nhost: a\r\n\r\n"),
    ] {
        assert_eq!(status_of(&request).await, 200, "{request:?}");
    }
    let cookies = "cookie: a=b\r\n".repeat(200);
    assert_eq!(status_of(&head(&cookies)).await, 431);
}

#[tokio::test]
async fn a_proxy_that_speaks_the_old_http_may_upgrade() {
    let old = upgrade_request(WEBSOCKET).replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(status_of(&old).await, 101);
    // In two pieces it is hyper that reads it, which takes none; whoever runs the proxy is told why.
    let mut pieces = Http::connect(served(quick()).await.address).await;
    let (first, rest) = old.split_at(20);
    pieces.write(first.as_bytes()).await;
    tokio::time::sleep(SOON).await;
    pieces.write(rest.as_bytes()).await;
    let answer = pieces.answer().await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("proxy_http_version 1.1"), "{}", answer.text());
    // A poll of that kind stays what it was: answered, and its connection closed.
    let server = served(quick()).await;
    let mut http = Http::connect(server.address).await;
    http.write(format!("GET {HANDSHAKE} HTTP/1.0\r\nhost: a\r\n\r\n").as_bytes()).await;
    assert_eq!(http.answer().await.status, 200);
    assert!(http.end().await.is_empty());
}

#[tokio::test]
async fn bodies_keep_the_bytes_that_would_be_mended_in_heads() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    let body = "4\n\"<>\" HTTP/1.0\n\n\u{1e}4\n\n";
    for _ in 0..3 {
        assert_eq!(poller.post(body).await.status, 200);
        for text in ["\n\"<>\" HTTP/1.0\n\n", "\n\n"] {
            assert_eq!(server.message().await, engineio::proto::Message::Text(text.into()));
        }
    }
}

/// An engine behind a listener with these times.
async fn served_with_times(keep_alive: Duration, head_timeout: Duration) -> Http {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = HttpConfig::default();
    (config.keep_alive, config.head_timeout) = (keep_alive, head_timeout);
    let (engine, told) = engine(quick(), echo, Gate::default());
    let service = move |request| engine.call(request);
    tokio::spawn(async move {
        serve_with(listener, config, service, std::future::pending()).await;
        drop(told);
    });
    Http::connect(address).await
}

const SOON: Duration = Duration::from_millis(100);
const NEVER: Duration = Duration::from_secs(600);

#[tokio::test]
async fn an_idle_connection_is_closed_when_nothing_has_come_for_long() {
    let mut http = served_with_times(SOON, NEVER).await;
    let answer = http.get(HANDSHAKE).await;
    assert_eq!(answer.status, 200);
    assert!(http.end().await.is_empty());
}

#[tokio::test]
async fn a_poll_that_waits_is_not_idle() {
    let mut http = served_with_times(SOON, SOON).await;
    let opened = http.get(HANDSHAKE).await;
    let sid = opened.text().split('"').nth(3).unwrap().to_owned();
    http.send("GET", &format!("{PATH}?EIO=4&transport=polling&sid={sid}"), &[], b"").await;
    tokio::time::timeout(5 * SOON, http.try_answer()).await.expect_err("it waits");
}

#[tokio::test]
async fn a_connection_may_be_kept_for_ever() {
    let mut http = served_with_times(Duration::MAX, Duration::MAX).await;
    for _ in 0..2 {
        assert_eq!(http.get(HANDSHAKE).await.status, 200);
    }
}

#[tokio::test]
async fn a_head_that_does_not_end_is_given_up() {
    for begun in ["", "GET /", "GET / HTTP/1.1\r\nhost: a\r\nx: "] {
        let mut http = served_with_times(NEVER, SOON).await;
        http.write(begun.as_bytes()).await;
        within(http.end()).await;
    }
    // The second head of a connection too.
    let mut http = served_with_times(NEVER, SOON).await;
    assert_eq!(http.get(HANDSHAKE).await.status, 200);
    http.write(b"GET /").await;
    within(http.end()).await;
}

#[tokio::test]
async fn a_head_that_began_behind_a_request_is_given_up_too() {
    let mut http = served_with_times(SOON, SOON).await;
    http.write(format!("GET {HANDSHAKE} HTTP/1.1\r\nhost: a\r\n\r\nGET /").as_bytes()).await;
    assert_eq!(http.answer().await.status, 200);
    within(http.end()).await;
}

#[tokio::test]
async fn a_connection_between_two_requests_may_idle_longer_than_a_head_may_take() {
    let mut http = served_with_times(NEVER, SOON).await;
    for _ in 0..3 {
        assert_eq!(http.get(HANDSHAKE).await.status, 200);
        tokio::time::sleep(3 * SOON).await;
    }
}

/// A client that does not end its request, or takes no answer, is nobody to wait for.
#[tokio::test]
async fn a_stop_waits_for_no_head_and_for_no_reader() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let service = |_: http::Request<hyper::body::Incoming>| async {
        http::Response::new(http_body_util::Full::new(Bytes::from(vec![b'x'; 32 << 20])))
    };
    let serving = tokio::spawn(serve(listener, service, async move { drop(stopped.await) }));
    let mut half = Http::connect(address).await;
    half.write(b"GET / HTTP/1.1\r\nhost:").await;
    let mut deaf = Http::connect(address).await;
    deaf.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    tokio::time::sleep(SOON).await;
    let begun = Instant::now();
    drop(stop);
    within(serving).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
