//! The client for tests of programs.

use std::sync::Arc;
use std::time::Duration;

use fanfare_socketio::testing::TestClient;
use fanfare_socketio::{CloseReason, Handlers, Server, ServerConfig, engineio::ExtensionsKept};

use crate::support::within;

fn server(config: ServerConfig) -> Server {
    let handlers = Handlers::new()
        .on("boom", |_, ()| -> () { panic!("as asked") })
        .on("last", |socket, word: String| {
            let _ = socket.emit("word", word);
            socket.disconnect_connection();
        })
        .on("echo", |_, word: String| word);
    Server::builder(config).namespace("/", handlers).unwrap().build()
}

#[tokio::test(start_paused = true)]
async fn it_is_told_why_the_server_closed_it_and_what_came_before() {
    let server = server(ServerConfig::default());
    let mut other = TestClient::join(&server, "/").await;

    let mut client = TestClient::join(&server, "/").await;
    client.emit("boom", ()).await;
    assert_eq!(within(client.closed()).await, CloseReason::Internal);
    assert_eq!(within(client.closed()).await, CloseReason::Internal, "as often as one asks");

    let mut client = TestClient::join(&server, "/").await;
    client.emit("last", "bye").await;
    let reason = within(client.closed()).await;
    assert_eq!(reason.as_reference(), "forced server close", "{reason:?}");
    assert_eq!(within(client.event()).await.arguments().as_str(), r#""bye""#);
    within(client.left()).await;

    let counts = server.close_counts();
    assert_eq!((counts.get("internal"), counts.values().sum::<u64>()), (Some(&1), 2));
    assert_eq!(within(other.emit_with_ack("echo", "x")).await.as_str(), r#""x""#, "the others are not concerned");
    server.close();
    assert_eq!(within(other.closed()).await, CloseReason::Shutdown);
}

#[tokio::test(start_paused = true)]
async fn it_may_be_told_after_it_has_waited_for_something_else_or_not_at_all() {
    let mut config = ServerConfig::default();
    // What a program keeps of a handshake makes no difference.
    config.engine.extensions_kept = ExtensionsKept::None;
    let server = server(config);
    let (mut waiting, mut silent) = (TestClient::join(&server, "/").await, TestClient::join(&server, "/").await);
    // It gives up waiting, and is still there.
    let soon = Duration::from_millis(10);
    assert!(tokio::time::timeout(soon, waiting.closed()).await.is_err());
    assert_eq!(within(waiting.emit_with_ack("echo", "y")).await.as_str(), r#""y""#);
    // For longer than the server waits for an answer to its ping. The other one answers.
    let answered = async {
        let long = Duration::from_secs(60);
        assert!(tokio::time::timeout(long, waiting.event()).await.is_err());
    };
    answered.await;
    silent.emit("echo", "lost").await;
    assert_eq!(within(silent.closed()).await, CloseReason::PingTimeout);
    assert_eq!(within(waiting.emit_with_ack("echo", "z")).await.as_str(), r#""z""#);
}

#[tokio::test]
async fn who_waits_for_anything_else_is_told_too() {
    let server = Arc::new(server(ServerConfig::default()));
    let waits = tokio::spawn({
        let server = Arc::clone(&server);
        async move {
            let mut client = TestClient::join(&server, "/").await;
            server.close();
            client.event().await
        }
    });
    let panic = within(waits).await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "the connection was closed: server shutting down");
}
