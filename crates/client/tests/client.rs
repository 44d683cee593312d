//! The client over a socket, with a server that does what a test says.

use std::net::SocketAddr;
use std::time::Duration;

use fanfare_client::{Arguments, Client, EmitError, End, EventName, Failure, Happening, NoAnswer, Options, Reconnect};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

const OPEN: &str = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;

async fn listener() -> (TcpListener, Options) {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.expect("it works");
    let at: SocketAddr = listener.local_addr().expect("it works");
    let options = Options::new(&format!("http://{at}")).expect("it works").reconnect(Reconnect::never());
    (listener, options)
}

/// Lets a client in.
async fn accept(listener: &TcpListener) -> WebSocketStream<TcpStream> {
    let (stream, _) = listener.accept().await.expect("it works");
    let mut websocket = accept_async(stream).await.expect("it works");
    websocket.send(Message::text(OPEN)).await.expect("it works");
    assert_eq!(websocket.next().await.expect("it works").expect("it is a message"), Message::text("40"));
    websocket.send(Message::text(r#"40{"sid":"me"}"#)).await.expect("it works");
    websocket
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("it takes no time")
}

fn name() -> EventName {
    EventName::new("x").expect("it works")
}

#[tokio::test]
async fn next_may_be_dropped_at_any_time_and_nothing_is_lost() {
    let (listener, options) = listener().await;
    let server = tokio::spawn(async move {
        let mut websocket = accept(&listener).await;
        for n in 0..100 {
            websocket
                .send(Message::text(format!(r#"451-["file",{n},{{"_placeholder":true,"num":0}}]"#)))
                .await
                .unwrap();
            websocket.send(Message::binary(vec![7; 5000])).await.unwrap();
            tokio::task::yield_now().await;
        }
        while websocket.next().await.is_some() {}
    });
    let mut client = Client::new(options).unwrap();
    let mut seen = Vec::new();
    while seen.len() < 100 {
        // Polled once, and dropped.
        let happening = tokio::select! {
            biased;
            happening = client.next() => happening,
            () = tokio::task::yield_now() => continue,
        };
        if let Some(Happening::Event { event, .. }) = happening {
            assert_eq!(event.attachments()[0].len(), 5000);
            seen.push(event.deserialize::<usize>(0).unwrap());
        }
    }
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
    assert_eq!(soon(client.close()).await, End::Closed { is_heard: true });
    soon(server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_pauses_holds_up_no_time_out() {
    let (listener, options) = listener().await;
    let server = tokio::spawn(async move {
        let mut websocket = accept(&listener).await;
        // So many at once that the client always has another one.
        let frames = b"\x81\x0b42[\"flood\"]".repeat(10_000);
        while websocket.get_mut().write_all(&frames).await.is_ok() {}
    });
    let mut client = soon(Client::connect(options)).await.unwrap();
    let asked = client.emit_with_ack(&name(), Arguments::empty(), Duration::from_millis(200)).unwrap();
    let answered = async {
        loop {
            if let Some(Happening::Answered { id, answer }) = client.next().await {
                break (id, answer);
            }
        }
    };
    assert_eq!(soon(answered).await, (asked, Err(NoAnswer::TimedOut)));
    drop(client);
    soon(server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_never_ends_holds_up_no_time_out() {
    let (listener, options) = listener().await;
    let server = tokio::spawn(async move {
        let mut websocket = accept(&listener).await;
        let stream = websocket.get_mut();
        stream.write_all(b"\x01\x0242").await.expect("it works");
        let frames = b"\x00\x00".repeat(100_000);
        while stream.write_all(&frames).await.is_ok() {}
    });
    let client = soon(Client::connect(options.close_timeout(Duration::from_millis(200)))).await.unwrap();
    assert_eq!(soon(client.close()).await, End::Closed { is_heard: false });
    soon(server).await.unwrap();
}

#[tokio::test]
async fn what_a_server_does_not_read_is_refused_when_it_is_too_much_and_goes_on_when_it_does() {
    let (listener, options) = listener().await;
    let (read, may_read) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let mut websocket = accept(&listener).await;
        may_read.await.unwrap();
        let mut count = 0_usize;
        while let Some(Ok(message)) = websocket.next().await {
            count += usize::from(message.is_text());
        }
        // And the DISCONNECT.
        count - 1
    });
    let mut client = soon(Client::connect(options)).await.unwrap();
    let megabyte = Arguments::serialize(&("x".repeat(1 << 20),)).unwrap();
    let mut emitted = 0;
    let refused = loop {
        match client.emit(&name(), &megabyte) {
            Ok(()) => emitted += 1,
            Err(error) => break error,
        }
        // It writes what the network takes.
        let _ = timeout(Duration::ZERO, client.next()).await;
        assert!(emitted < 1000, "it has a bound");
    };
    assert_eq!(refused, EmitError::Full);
    read.send(()).unwrap();
    assert_eq!(soon(client.close()).await, End::Closed { is_heard: true });
    assert_eq!(soon(server).await.unwrap(), emitted);
}

#[tokio::test]
async fn what_a_server_answers_by_http_is_read_to_its_end() {
    let (listener, options) = listener().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        // In pieces, as a proxy would.
        for piece in ["HTTP/1.1 503 X\r\ntransfer-encoding: chunked\r\n\r\n", "5\r\ndrain\r\n", "3\r\ning\r\n0\r\n\r\n"]
        {
            stream.write_all(piece.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
        }
        String::from_utf8(request).unwrap()
    });
    let mut client = Client::new(options.header("x-one", "1").unwrap()).unwrap();
    let why = Failure::Http { status: 503, message: "draining".to_owned() };
    assert_eq!(soon(client.next()).await, Some(Happening::Ended(End::GaveUp(why))));
    assert_eq!(soon(client.next()).await, None);
    let request = soon(server).await.unwrap();
    assert!(request.starts_with("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("x-one: 1\r\n"), "{request}");
}
