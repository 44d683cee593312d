//! A server whose settings change while it runs, and members that are woken to see it.

use std::fs;
use std::num::NonZeroUsize;
use std::sync::{Arc, Weak};
use std::task::Context;
use std::time::Duration;

use fanfare_socketio::engineio::{CorsConfig, CorsOrigins};
use fanfare_socketio::{
    Admission, ClientBundle, ConnectRequest, Member, Namespace, Parser, Server, ServerConfig, Socket,
};
use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout};

use crate::app::{building, listening, quick, served};
use crate::client::{Client, PATH, TARGET};
use crate::support::{Http, Ws, connect_over, is_ended, send, text};

#[tokio::test]
async fn all_that_cannot_change_is_named_and_then_nothing_does() {
    let mut server = served().await;
    let mut config = quick();
    config.client.auth_bytes_max = 2;
    config.engine.sessions_max = 0;
    config.engine.path = "/other/".into();
    config.lanes = NonZeroUsize::new(7);
    config.lane.turn_work_max += 1;
    config.client.parser = Parser::Msgpack;
    let refused = server.server.reconfigure(config).unwrap_err();
    assert_eq!(refused.names(), ["path", "lane", "lanes", "parser"]);
    let mut client = Client::open(server.address).await;
    client.send(r#"40{"a":1}"#).await;
    assert!(client.text().await.starts_with(r#"40{"sid":"#));
    server.connected().await;
}

#[tokio::test]
async fn clients_keep_the_bounds_they_had_when_they_connected() {
    let server = served().await;
    let mut old = Client::open(server.address).await;
    let mut config = quick();
    config.client.auth_bytes_max = 2;
    server.server.reconfigure(config).unwrap();
    let mut new = Client::open(server.address).await;
    for (client, answer) in [(&mut old, "40{"), (&mut new, "44{")] {
        client.send(r#"40{"a":1}"#).await;
        let told = client.text().await;
        assert!(told.starts_with(answer), "{told}");
    }
}

fn bundle(name: &str, content: &str) -> ClientBundle {
    let folder = std::env::temp_dir().join(format!("fanfare-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("socket.io.js"), content).unwrap();
    let bundle = ClientBundle::read(&folder).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    bundle
}

#[tokio::test]
async fn the_client_s_files_change_and_are_for_the_origins_that_hold() {
    let (builder, _told, _) = building(quick());
    let server = builder.build();
    let mut http = Http::connect(listening(&server).await).await;
    let target = format!("{PATH}socket.io.js");
    assert_eq!(http.get(&target).await.status, 400, "it is no request of the engine's");
    server.set_client_bundle(Some(bundle("first-bundle", "const io = 1;")));
    let file = http.get(&target).await;
    assert_eq!((file.text(), file.header("access-control-allow-origin")), ("const io = 1;", None));

    let mut config = quick();
    config.engine.cors = Some(CorsConfig::new(CorsOrigins::Any));
    server.reconfigure(config).unwrap();
    server.set_client_bundle(Some(bundle("second-bundle", "const io = 2;")));
    let file = http.get(&target).await;
    assert_eq!((file.text(), file.header("access-control-allow-origin")), ("const io = 2;", Some("*")));
    server.set_client_bundle(None);
    assert_eq!(http.get(&target).await.status, 400);
}

/// Says when its members were asked whether something has become possible.
struct Noting(UnboundedSender<(String, Instant)>);

struct Noted(UnboundedSender<(String, Instant)>);

impl Namespace for Noting {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(Noted(self.0.clone()))
    }
}

impl Member for Noted {
    fn poll(&mut self, socket: &Socket, _: &mut Context<'_>) {
        let _ = self.0.send((socket.id().to_string(), Instant::now()));
    }
}

fn noting(config: ServerConfig) -> (Server, UnboundedReceiver<(String, Instant)>) {
    let (teller, told) = unbounded_channel();
    (Server::builder(config).without_peer_addr().namespace("/", Noting(teller)).unwrap().build(), told)
}

async fn called(server: &Server, request: Request<String>) -> (StatusCode, String) {
    let response = server.call(request).await;
    let status = response.status();
    (status, String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

/// Sessions that poll and are in `/`, with a poll that waits.
async fn polling(server: &Server, count: usize) {
    for _ in 0..count {
        let open = Request::get("/socket.io/?EIO=4&transport=polling").body(String::new()).unwrap();
        let (status, opening) = called(server, open).await;
        assert_eq!(status, 200, "{opening}");
        let target = format!("/socket.io/?EIO=4&transport=polling&sid={}", &opening[9..29]);
        let post = Request::post(&target).body("40".to_owned()).unwrap();
        assert_eq!(called(server, post).await.1, "ok");
        let poll = || Request::get(&target).body(String::new()).unwrap();
        assert!(called(server, poll()).await.1.starts_with("40{"));
        tokio::spawn(server.call(poll()));
    }
}

/// A WebSocket over memory: a clock that stands still but for who waits knows nothing of sockets.
async fn websocket(server: &Server) -> Ws<DuplexStream> {
    let (client, connection) = tokio::io::duplex(1 << 16);
    let connection = http1::Builder::new().serve_connection(TokioIo::new(connection), server.clone());
    tokio::spawn(connection.with_upgrades());
    let mut ws = connect_over(client, TARGET).await;
    assert!(text(&mut ws).await.starts_with("0{"));
    ws
}

async fn joined(server: &Server) -> Ws<DuplexStream> {
    let mut ws = websocket(server).await;
    send(&mut ws, "40").await;
    assert!(text(&mut ws).await.starts_with("40{"));
    ws
}

/// Who was asked within `time` from now, and when.
async fn asked(told: &mut UnboundedReceiver<(String, Instant)>, time: Duration) -> Vec<(String, Duration)> {
    let begun = Instant::now();
    let mut asked = Vec::new();
    let listening = async {
        while let Some((who, when)) = told.recv().await {
            asked.push((who, when - begun));
        }
    };
    let _ = timeout(time, listening).await;
    asked
}

#[tokio::test(start_paused = true)]
async fn members_are_woken_once_and_evenly_whatever_their_transport() {
    let (server, mut told) = noting(quick());
    polling(&server, 200).await;
    let _websockets = [joined(&server).await, joined(&server).await];
    asked(&mut told, Duration::from_secs(1)).await;
    assert!(asked(&mut told, Duration::from_secs(5)).await.is_empty(), "they have nothing to do");

    server.wake_members(Duration::from_secs(10));
    let woken = asked(&mut told, Duration::from_secs(11)).await;
    let mut names: Vec<_> = woken.iter().map(|(who, _)| who).collect();
    names.sort();
    names.dedup();
    assert_eq!((woken.len(), names.len()), (202, 202), "each of them once");
    for second in 0..10 {
        let count = woken.iter().filter(|(_, when)| when.as_secs() == second).count();
        assert!((5..=45).contains(&count), "in second {second} {count} were woken");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_spread_members_are_woken_at_once_by_each_who_asks() {
    let (server, mut told) = noting(quick());
    polling(&server, 200).await;
    let _websocket = joined(&server).await;
    asked(&mut told, Duration::from_secs(1)).await;
    server.wake_members(Duration::ZERO);
    server.wake_members(Duration::from_secs(2));
    let woken = asked(&mut told, Duration::from_millis(1)).await;
    let mut names: Vec<_> = woken.into_iter().map(|(who, _)| who).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 201);
    assert!(asked(&mut told, Duration::from_secs(3)).await.len() >= 195, "for the other call");
}

#[tokio::test(start_paused = true)]
async fn to_wake_members_keeps_no_server_and_no_session() {
    let life = Arc::new(());
    struct Kept {
        _life: Arc<()>,
    }
    impl Namespace for Kept {
        fn connect(&self, _: ConnectRequest) -> Admission {
            Admission::accept(())
        }
    }
    let alive = Arc::downgrade(&life);
    let server = Server::builder(quick()).without_peer_addr().namespace("/", Kept { _life: life }).unwrap().build();
    let ws = joined(&server).await;
    let weak_count = |alive: &Weak<()>| alive.strong_count();
    server.wake_members(Duration::from_secs(3_600));
    server.wake_members(Duration::MAX);
    tokio::task::yield_now().await;
    drop(ws);
    let begun = Instant::now();
    while server.connection_count() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(weak_count(&alive), 1);
    drop(server);
    while weak_count(&alive) > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(begun.elapsed() < Duration::from_secs(10), "it lives on");
    }
}

#[tokio::test(start_paused = true)]
async fn ping_times_are_those_of_when_a_connection_began() {
    let times = |interval_ms, timeout_ms| {
        let mut config = quick();
        config.engine.session.ping_interval = Duration::from_millis(interval_ms);
        config.engine.session.ping_timeout = Duration::from_millis(timeout_ms);
        config
    };
    let (server, _told) = noting(times(9_000, 9_000));
    let mut slow = joined(&server).await;
    let slow_begun = Instant::now();
    server.reconfigure(times(300, 200)).unwrap();
    let mut quick = joined(&server).await;
    let mut last = Instant::now();
    for round in 0..20 {
        assert_eq!(text(&mut quick).await, "2");
        // The first comes a little early, and none so late that its ticks were the others.
        let since = last.elapsed();
        assert!((270..=302).contains(&since.as_millis()), "ping {round}: {since:?}");
        last = Instant::now();
        send(&mut quick, "3").await;
    }
    assert_eq!(text(&mut quick).await, "2");
    let silent = Instant::now();
    assert!(is_ended(&mut quick).await);
    assert!(silent.elapsed() < Duration::from_millis(210), "{:?}", silent.elapsed());
    assert_eq!(text(&mut slow).await, "2");
    let since = slow_begun.elapsed();
    assert!((8_100..=9_040).contains(&since.as_millis()), "{since:?}");
}
