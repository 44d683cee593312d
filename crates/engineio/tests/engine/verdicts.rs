//! Handshakes that the application decides about.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use engineio::proto::{CloseReason, Message};
use engineio::{Application, Connection, Engine, EngineConfig, Handshake, Link, NoPeerAddr, Verdict, serve};
use http::{HeaderName, HeaderValue};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::app::{PATH, WEBSOCKET, quick, quick_with};
use crate::support::{Http, Poller, Waiting, connect, eventually, is_ended, send, text, upgrade_request, within};

/// Decides as the header `x-say` asks, and guards each verdict; what is pending waits for a permit.
#[derive(Clone)]
struct Gate {
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    guards: Arc<AtomicUsize>,
}

impl Gate {
    fn verdict(say: &str) -> Verdict {
        match say {
            // What a refusal is to carry is its own.
            "forbid" => Verdict::forbid("not you").with_header(header("x-hello"), value("you")),
            "too many" => Verdict::too_many(Duration::from_millis(1_001)),
            "unavailable" => Verdict::unavailable(Duration::ZERO),
            "never" => Verdict::unavailable(Duration::MAX),
            "headers" => {
                let cookie = |cookie| (header("set-cookie"), value(cookie));
                let hello = Verdict::pending(async { Verdict::accept() }).with_header(header("x-hello"), value("you"));
                [cookie("a=1"), cookie("b=2")]
                    .into_iter()
                    .fold(hello, |verdict, (name, value)| verdict.with_header(name, value))
            }
            _ => Verdict::accept(),
        }
    }
}

fn header(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

fn value(value: &'static str) -> HeaderValue {
    HeaderValue::from_static(value)
}

impl Application for Gate {
    fn accept(&self, handshake: &Handshake) -> Verdict {
        let say = handshake.headers.get("x-say").map_or("", |say| say.to_str().unwrap()).to_owned();
        let verdict = match say.strip_prefix("later ") {
            None => Self::verdict(&say),
            Some(say) => {
                let (permits, say) = (Arc::clone(&self.permits), say.to_owned());
                let waiting = Waiting::counted(&self.waiting);
                // One future that leads to another.
                Verdict::pending(async move {
                    permits.acquire().await.unwrap().forget();
                    drop(waiting);
                    Verdict::pending(async move { Self::verdict(&say) })
                })
            }
        };
        // Twice, as by two who do not know of each other.
        let guard = || Waiting::counted(&self.guards);
        verdict.guarded_by(guard()).guarded_by(guard())
    }

    fn open(&self, _: Handshake, _: Arc<Link>) -> Box<dyn Connection> {
        Box::new(Silent)
    }
}

/// Ends as it is asked to.
struct Silent;

impl Connection for Silent {
    fn handle_message(&mut self, message: Message, _: Instant) -> Result<(), CloseReason> {
        match message {
            Message::Text(text) if &*text == b"panic" => panic!("as asked"),
            Message::Text(text) if &*text == b"drop" => Err(CloseReason::Dropped("as asked")),
            _ => Err(CloseReason::Application("as asked")),
        }
    }
}

async fn gated(config: EngineConfig) -> (Engine, SocketAddr, Gate) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gate = Gate { permits: Arc::new(Semaphore::new(0)), waiting: Arc::default(), guards: Arc::default() };
    let engine = Engine::new(config, gate.clone());
    let service = engine.clone();
    let service = move |request| service.call(request);
    tokio::spawn(serve(listener, service, std::future::pending()));
    (engine, address, gate)
}

fn polling() -> String {
    format!("{PATH}?EIO=4&transport=polling")
}

fn upgrade(say: &str) -> String {
    upgrade_request(WEBSOCKET).replace("host: test\r\n", &format!("host: test\r\nx-say: {say}\r\n"))
}

#[tokio::test]
async fn a_verdict_holds_on_both_transports_at_once_and_later() {
    let (engine, address, gate) = gated(quick()).await;
    gate.permits.add_permits(100);
    for (say, by_polling, by_websocket, retry_after) in [
        ("accept", 200, 101, None),
        ("forbid", 403, 400, None),
        ("too many", 429, 429, Some("2")),
        ("unavailable", 503, 503, Some("1")),
        ("never", 503, 503, Some("18446744073709551615")),
    ] {
        for say in [say.to_owned(), format!("later {say}")] {
            let mut http = Http::connect(address).await;
            let answer = http.request("GET", &polling(), &[("x-say", &say)], b"").await;
            assert_eq!((answer.status, answer.header("retry-after")), (by_polling, retry_after), "{say}");
            if by_polling == 403 {
                assert_eq!(answer.text(), r#"{"code":4,"message":"not you"}"#);
                assert_eq!(answer.header("x-hello"), None);
            }
            let mut http = Http::connect(address).await;
            http.write(upgrade(&say).as_bytes()).await;
            let answer = http.answer().await;
            assert_eq!((answer.status, answer.header("retry-after")), (by_websocket, retry_after), "{say}");
        }
    }
    eventually("those accepted have sessions", || engine.session_count() >= 2).await;
    let counts = engine.refusal_counts();
    assert_eq!((counts["forbidden"], counts["too_many"], counts["unavailable"]), (4, 4, 8));
    assert!(!counts.contains_key("full"), "{counts:?}");
}

#[tokio::test]
async fn the_headers_of_a_verdict_are_in_the_answer_that_opens_a_session_and_in_no_other() {
    let (_engine, address, _gate) = gated(quick()).await;
    let mut http = Http::connect(address).await;
    let answer = http.request("GET", &polling(), &[("x-say", "headers")], b"").await;
    assert_eq!((answer.header("set-cookie"), answer.header("x-hello")), (Some("a=1"), Some("you")));
    assert_eq!(answer.headers("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert!(answer.text().starts_with("0{"));
    let sid = answer.text().get(9..29).unwrap().to_owned();
    let target = format!("{}&sid={sid}", polling());
    let mut posting = Http::connect(address).await;
    assert_eq!(posting.request("POST", &target, &[("x-say", "headers")], b"1").await.header("x-hello"), None);
    let mut http = Http::connect(address).await;
    http.write(upgrade("headers").as_bytes()).await;
    let answer = http.answer().await;
    assert_eq!((answer.status, answer.header("x-hello")), (101, Some("you")));
}

#[tokio::test]
async fn while_it_is_decided_there_is_no_session_and_who_leaves_is_not_decided_about() {
    let (engine, address, gate) = gated(quick()).await;
    let mut leaving = Http::connect(address).await;
    leaving.send("GET", &polling(), &[("x-say", "later accept")], b"").await;
    let mut staying = Http::connect(address).await;
    staying.send("GET", &polling(), &[("x-say", "later accept")], b"").await;
    eventually("both wait", || gate.waiting.load(Ordering::SeqCst) == 2).await;
    assert_eq!(engine.session_count(), 0);
    // Others are not kept waiting.
    let mut other = connect(address, WEBSOCKET).await;
    assert!(text(&mut other).await.starts_with("0{"));
    leaving.reset();
    eventually("one waits", || gate.waiting.load(Ordering::SeqCst) == 1).await;
    gate.permits.add_permits(1);
    assert!(staying.answer().await.text().starts_with("0{"));
    assert_eq!(engine.session_count(), 2);
    engine.close();
    assert!(is_ended(&mut other).await);
    within(engine.drained()).await;
}

#[tokio::test]
async fn what_is_not_decided_in_time_is_unavailable() {
    let (engine, address, gate) =
        gated(quick_with(|config| config.handshake_timeout = Duration::from_millis(50))).await;
    let mut http = Http::connect(address).await;
    let answer = http.request("GET", &polling(), &[("x-say", "later accept")], b"").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!((engine.session_count(), gate.waiting.load(Ordering::SeqCst)), (0, 0));
}

impl Gate {
    async fn has_guards(&self, count: usize, when: &str) {
        eventually(&format!("{count} guards, {when}"), || self.guards.load(Ordering::SeqCst) == 2 * count).await;
    }
}

#[tokio::test]
async fn a_guard_is_kept_until_the_session_has_ended_however_it_does() {
    let (engine, address, gate) = gated(quick()).await;
    for end in ["41", "4panic", "4drop", "1", "9", "reset", "shutdown"] {
        let mut ws = connect(address, WEBSOCKET).await;
        assert!(text(&mut ws).await.starts_with("0{"));
        let mut poller = Poller::open(address, PATH).await;
        gate.has_guards(2, "both are there").await;
        match end {
            "reset" => {
                ws.get_ref().set_zero_linger().unwrap();
                drop(ws);
                poller.begin_poll().await;
                assert_eq!(poller.post("6").await.status, 200);
                poller.polls.reset();
            }
            "shutdown" => engine.close(),
            packet => {
                send(&mut ws, packet).await;
                poller.begin_poll().await;
                poller.post(packet).await;
            }
        }
        gate.has_guards(0, end).await;
    }
    within(engine.drained()).await;
}

#[tokio::test]
async fn a_guard_outlives_the_change_of_transport() {
    let (_engine, address, gate) = gated(quick()).await;
    let poller = Poller::open(address, PATH).await;
    let mut ws = connect(address, &poller.websocket_target()).await;
    send(&mut ws, "2probe").await;
    assert_eq!(text(&mut ws).await, "3probe");
    send(&mut ws, "5").await;
    gate.has_guards(1, "it is one session").await;
    drop(ws);
    gate.has_guards(0, "it has ended").await;
}

#[tokio::test]
async fn a_guard_is_dropped_when_no_session_opens() {
    let (engine, address, gate) = gated(quick_with(|config| {
        config.sessions_max = 1;
        config.handshake_timeout = Duration::from_millis(100);
    }))
    .await;
    let upgrade_without_key = upgrade("accept").replace("sec-websocket-key", "x-key");
    let request = |target: &str, say: &str| format!("GET {target} HTTP/1.1\r\nhost: test\r\nx-say: {say}\r\n\r\n");
    let without_version = polling().replace("EIO=4&", "");
    let refused = async |request: String, status: u16, there: usize| {
        let mut http = Http::connect(address).await;
        http.write(request.as_bytes()).await;
        assert_eq!(http.answer().await.status, status, "{request}");
        gate.has_guards(there, &request).await;
    };
    refused(upgrade_without_key, 400, 0).await;
    refused(request(&without_version, "accept"), 400, 0).await;
    let _there = Poller::open(address, PATH).await;
    refused(request(&polling(), "accept"), 503, 1).await;
    refused(upgrade("accept"), 503, 1).await;
    refused(request(&polling(), "forbid"), 403, 1).await;
    refused(request(&polling(), "too many"), 429, 1).await;
    refused(request(&polling(), "later accept"), 503, 1).await;
    // It leaves before there is a decision.
    let mut leaving = Http::connect(address).await;
    leaving.send("GET", &polling(), &[("x-say", "later accept")], b"").await;
    gate.has_guards(2, "it waits").await;
    leaving.reset();
    gate.has_guards(1, "it has left").await;
    assert_eq!(engine.session_count(), 1);
}

/// Who answers 101 by a service that cannot give its connection away, or loses it then, has no session.
#[tokio::test]
async fn a_guard_is_dropped_when_an_upgrade_fails() {
    let (engine, address, gate) = gated(quick()).await;
    let request = http::Request::get(WEBSOCKET)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let answer = engine.call(request.extension(NoPeerAddr).body(String::new()).unwrap()).await;
    assert_eq!((answer.status(), gate.guards.load(Ordering::SeqCst)), (400.try_into().unwrap(), 0));
    let mut http = Http::connect(address).await;
    http.write(upgrade("accept").as_bytes()).await;
    http.reset();
    gate.has_guards(0, "the connection is gone").await;
    within(engine.drained()).await;
}
