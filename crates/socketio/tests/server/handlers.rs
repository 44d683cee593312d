//! A namespace made of closures: what it is told, in which order, and what clients and handlers may do to it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fanfare_socketio::{EmitError, HandlerLimits, Handlers, Joined, Refusal, Rest, Server, ServerConfig, Socket};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, Semaphore};
use tokio::time::sleep;

use crate::app::{listening, quick};
use crate::client::Client;
use crate::support::{eventually, within};

async fn serving<S: Send + Sync + 'static>(handlers: Handlers<S>) -> (Server, SocketAddr) {
    serving_with(quick(), handlers).await
}

async fn serving_with<S: Send + Sync + 'static>(config: ServerConfig, handlers: Handlers<S>) -> (Server, SocketAddr) {
    let server = Server::builder(config).namespace("/", handlers).unwrap();
    let server = server.namespace("/other", Handlers::new()).unwrap().build();
    let address = listening(&server).await;
    (server, address)
}

/// With `echo`, by which a test sees that nothing else came.
fn echoing() -> Handlers {
    Handlers::new().on("echo", |_, text: String| text)
}

/// Somewhere to note what happened.
fn notes() -> (Notes, UnboundedReceiver<String>) {
    let (sender, receiver) = unbounded_channel();
    (Notes(sender), receiver)
}

#[derive(Clone)]
struct Notes(UnboundedSender<String>);

impl Notes {
    fn note(&self, what: impl Into<String>) {
        let _ = self.0.send(what.into());
    }
}

async fn noted(notes: &mut UnboundedReceiver<String>) -> String {
    within(notes.recv()).await.expect("somebody keeps notes")
}

struct User {
    name: String,
    said: AtomicUsize,
}

#[derive(serde::Deserialize)]
struct Auth {
    name: String,
}

fn user(request: &fanfare_socketio::ConnectRequest) -> Result<User, Refusal> {
    match request.auth_as::<Auth>() {
        Ok(Auth { name }) if name == "later" => Err(Refusal::for_now(Duration::ZERO)),
        Ok(Auth { name }) => Ok(User { name, said: AtomicUsize::default() }),
        Err(_) => Err(Refusal::new("who are you?").with_data(&serde_json::json!({ "code": 7 }))),
    }
}

#[tokio::test]
async fn what_connect_found_out_stays_with_the_socket_whether_it_was_found_at_once_or_later() {
    async fn say(socket: Joined<User>, (text,): (String,)) -> (String, usize) {
        let User { name, said } = socket.state();
        (format!("{name}: {text}"), said.fetch_add(1, Ordering::SeqCst))
    }
    for handlers in [
        Handlers::connect(|request| user(&request)),
        Handlers::connect_async(async |request| {
            sleep(Duration::from_millis(5)).await;
            user(&request)
        }),
    ] {
        let (server, address) = serving(handlers.on("say", say)).await;
        let (mut a, mut b) = (Client::open(address).await, Client::open(address).await);
        for (client, name) in [(&mut a, "a"), (&mut b, "b")] {
            client.send(&format!(r#"40{{"name":"{name}"}}"#)).await;
            assert!(client.text().await.starts_with(r#"40{"sid""#));
        }
        for (is_a, answer) in [(true, r#"["a: x",0]"#), (true, r#"["a: x",1]"#), (false, r#"["b: x",0]"#)] {
            let client = if is_a { &mut a } else { &mut b };
            client.send(r#"420["say","x"]"#).await;
            assert_eq!(client.text().await, format!("430{answer}"));
        }
        let mut nobody = Client::open(address).await;
        nobody.send("40").await;
        assert_eq!(nobody.text().await, r#"44{"message":"who are you?","data":{"code":7}}"#);
        let mut early = Client::open(address).await;
        early.send(r#"40{"name":"later"}"#).await;
        assert!(early.is_ended().await, "it is told nothing, and comes back by itself");
        drop((a, b, nobody));
        eventually("nobody is left", || server.connection_count() == 0).await;
    }
}

#[tokio::test]
async fn every_acknowledgement_is_answered_once_with_what_the_handler_gave_back() {
    let handlers = echoing()
        .on("nothing", |_, ()| ())
        .on("one", |_, ()| [1, 2])
        .on("two", |_, ()| ("a", 2))
        .on("later", async |_, (Rest,)| "later")
        .on("result", |_, is_fine: bool| if is_fine { Ok("fine") } else { Err(("not", "fine")) })
        .on("emits", |socket, ()| socket.emit("connect", ()))
        .on("emits and goes on", |socket, ()| -> Result<u8, EmitError> {
            socket.emit("first", ())?;
            Ok(1)
        })
        .on("optional", |_, (a, b): (u8, Option<u8>)| (a, b.unwrap_or(9)));
    let (_server, address) = serving(handlers).await;
    let (mut client, _) = Client::join(address).await;
    for (event, answers) in [
        (r#"["nothing"]"#, &["430[]"][..]),
        (r#"["one"]"#, &["430[[1,2]]"]),
        (r#"["two"]"#, &[r#"430["a",2]"#]),
        (r#"["later",1,2]"#, &[r#"430["later"]"#]),
        (r#"["result",true]"#, &[r#"430["fine"]"#]),
        (r#"["result",false]"#, &[r#"430["not","fine"]"#]),
        (r#"["emits"]"#, &[]),
        (r#"["emits and goes on"]"#, &[r#"42["first"]"#, "430[1]"]),
        (r#"["optional",1]"#, &["430[1,9]"]),
        (r#"["optional",1,null]"#, &["430[1,9]"]),
        (r#"["optional",1,2]"#, &["430[1,2]"]),
        // What is not as expected: no answer, and no harm.
        (r#"["optional"]"#, &[]),
        (r#"["optional",1,2,3]"#, &[]),
        (r#"["optional","1"]"#, &[]),
        (r#"["nothing",1]"#, &[]),
        (r#"["unknown"]"#, &[]),
        (r#"["\u006eothing"]"#, &["430[]"]),
    ] {
        client.send(&format!("420{event}")).await;
        for answer in answers {
            assert_eq!(client.text().await, *answer, "{event}");
        }
        client.has_got_nothing().await;
        client.send(&format!("42{event}")).await;
        for unasked in answers.iter().filter(|answer| answer.starts_with("42")) {
            assert_eq!(client.text().await, *unasked, "{event}");
        }
        client.has_got_nothing().await;
    }
}

#[tokio::test]
async fn what_is_not_as_expected_goes_where_the_program_says() {
    let handlers = echoing()
        .on("number", |_, number: u8| number)
        .fallback(|socket, event| {
            socket.only().relay(&event.name, &event.arguments);
            ("no", event.name().into_owned())
        })
        .on_mismatch(async |_, mismatch| (mismatch.event, mismatch.arguments.len(), mismatch.why));
    let (_server, address) = serving(handlers).await;
    let (mut client, _) = Client::join(address).await;
    client.send(r#"421["unknown",{"x":1}]"#).await;
    assert_eq!(client.text().await, r#"42["unknown",{"x":1}]"#);
    assert_eq!(client.text().await, r#"431["no","unknown"]"#);
    client.send(r#"422["number",1,2]"#).await;
    assert_eq!(client.text().await, r#"432["number",2,"more than 1 arguments"]"#);
    client.send(r#"423["number"]"#).await;
    assert_eq!(client.text().await, r#"433["number",0,"too few arguments"]"#);
    client.has_got_nothing().await;
}

#[test]
fn a_handler_that_would_never_be_called_is_refused_when_it_is_named() {
    for event in ["disconnect", "connect", "echo"] {
        let named = std::panic::catch_unwind(|| drop(echoing().on(event, |_, ()| ())));
        assert!(named.is_err(), "{event}");
    }
    let twice: [fn() -> Handlers; 4] = [
        || Handlers::new().connected(|_| ()).connected(|_| ()),
        || Handlers::new().disconnected(|_, _| ()).disconnected(|_, _| ()),
        || Handlers::new().fallback(|_, _| ()).fallback(|_, _| ()),
        || Handlers::new().on_mismatch(|_, _| ()).on_mismatch(|_, _| ()),
    ];
    for (index, named) in twice.into_iter().enumerate() {
        assert!(std::panic::catch_unwind(named).is_err(), "{index}");
    }
}

#[tokio::test]
async fn the_events_of_a_socket_are_handled_in_order_whatever_their_handlers_are() {
    let (notes, mut read) = notes();
    let note = |handler: &'static str| {
        let notes = notes.clone();
        move |_: Joined<()>, number: u32| notes.note(format!("{handler} {number}"))
    };
    let slow = {
        let notes = notes.clone();
        move |_: Joined<()>, number: u32| {
            let notes = notes.clone();
            async move {
                sleep(Duration::from_millis(u64::from(number % 3) * 3)).await;
                notes.note(format!("slow {number}"));
            }
        }
    };
    let (connected, ended) = (notes.clone(), notes.clone());
    let handlers = echoing()
        .connected(move |_| {
            let connected = connected.clone();
            async move {
                sleep(Duration::from_millis(20)).await;
                connected.note("connected");
            }
        })
        .on("slow", slow)
        .on("quick", note("quick"))
        .disconnected(move |_, reason| ended.note(reason.to_string()));
    let (server, address) = serving(handlers).await;
    let (mut client, _) = Client::join(address).await;
    for number in 0..60 {
        let name = if number % 4 == 0 { "slow" } else { "quick" };
        client.send(&format!(r#"42["{name}",{number}]"#)).await;
    }
    client.send("41").await;
    drop(client);
    assert_eq!(noted(&mut read).await, "connected");
    for number in 0..60 {
        let name = if number % 4 == 0 { "slow" } else { "quick" };
        assert_eq!(noted(&mut read).await, format!("{name} {number}"));
    }
    assert_eq!(noted(&mut read).await, "client left");
    within(server.drained()).await;
}

#[tokio::test]
async fn a_handler_may_wait_for_its_own_client_and_does_not_keep_others_waiting() {
    let handlers = echoing().on("ask me", async |socket, ()| {
        let answer = socket.emit_with_ack("what?", (), Duration::from_secs(60)).await;
        answer.map_or_else(|error| error.to_string(), |arguments| arguments.as_str().to_owned())
    });
    let (_server, address) = serving(handlers).await;
    let (mut client, _) = Client::join(address).await;
    let (mut other, _) = Client::join(address).await;
    client.send(r#"427["ask me"]"#).await;
    let question = client.text().await;
    let id = question.strip_prefix("42").and_then(|rest| rest.strip_suffix(r#"["what?"]"#)).unwrap().to_owned();
    client.send(r#"428["echo","behind"]"#).await;
    other.has_got_nothing().await;
    client.send(&format!("43{id}[1]")).await;
    assert_eq!(client.text().await, r#"437["1"]"#);
    assert_eq!(client.text().await, r#"438["behind"]"#);
}

#[tokio::test]
async fn what_was_sent_before_the_client_left_is_handled_and_then_its_end() {
    let gate = Arc::new(Semaphore::new(0));
    let (notes, mut read) = notes();
    let (gates, noting, ended) = (Arc::clone(&gate), notes.clone(), notes.clone());
    let handlers = echoing()
        .on("save", move |socket, text: String| {
            let (gate, notes) = (Arc::clone(&gates), noting.clone());
            async move {
                gate.acquire().await.unwrap().forget();
                notes.note(format!("{text}, {}", socket.is_connected()));
                let _ = socket.broadcast().emit("saved", text);
            }
        })
        .disconnected(move |socket, reason| {
            let ended = ended.clone();
            async move {
                sleep(Duration::from_millis(1)).await;
                ended.note(format!("{reason}, {:?}", socket.rooms()));
            }
        })
        .connected(|socket| socket.join(["b", "a"]));
    let (server, address) = serving(handlers).await;
    let (mut witness, _) = Client::join(address).await;
    for reset in [true, false] {
        let (mut client, _) = Client::join(address).await;
        client.send(r#"42["save","first"]"#).await;
        client.send(r#"42["save","second"]"#).await;
        client.send(r#"4299["echo","x"]"#).await;
        eventually("both are here", || server.connection_count() == 2).await;
        if reset {
            // What is still under way is lost by it: wait until the events are here.
            sleep(Duration::from_millis(200)).await;
            client.reset();
        } else {
            client.send("1").await;
        }
        eventually("it is gone", || server.connection_count() == 1).await;
        gate.add_permits(2);
        for text in ["first", "second"] {
            assert_eq!(noted(&mut read).await, format!("{text}, false"));
            assert_eq!(witness.text().await, format!(r#"42["saved","{text}"]"#));
        }
        let reason = if reset { "transport error" } else { "transport close" };
        assert_eq!(noted(&mut read).await, format!(r#"{reason}, ["a", "b"]"#));
    }
    server.close();
    within(server.drained()).await;
}

#[tokio::test]
async fn who_waits_for_a_server_to_end_waits_for_its_handlers() {
    let gate = Arc::new(Notify::new());
    let waiting = Arc::clone(&gate);
    let handlers = echoing().on("wait", move |_, ()| {
        let waiting = Arc::clone(&waiting);
        async move { waiting.notified().await }
    });
    let (server, address) = serving(handlers).await;
    let (mut client, _) = Client::join(address).await;
    client.send(r#"42["wait"]"#).await;
    client.send(r#"41"#).await;
    client.send("40").await;
    assert!(client.text().await.starts_with("40"));
    server.close();
    eventually("it is gone", || server.connection_count() == 0).await;
    assert!(tokio::time::timeout(Duration::from_millis(100), server.drained()).await.is_err());
    gate.notify_one();
    within(server.drained()).await;
}

#[tokio::test]
async fn handlers_that_never_end_are_dropped_some_time_after_their_client() {
    struct Held(Arc<AtomicUsize>);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let held = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&held);
    let mut limits = HandlerLimits::default();
    limits.finish_within = Duration::from_millis(100);
    let handlers = echoing().limits(limits).on("for ever", move |_, ()| {
        counting.fetch_add(1, Ordering::SeqCst);
        let held = Held(Arc::clone(&counting));
        async move {
            std::future::pending::<()>().await;
            drop(held);
        }
    });
    let (server, address) = serving(handlers).await;
    for _ in 0..20 {
        let (mut client, _) = Client::join(address).await;
        client.send(r#"42["for ever"]"#).await;
        client.send(r#"42["for ever"]"#).await;
        client.send("1").await;
        assert!(client.is_ended().await);
    }
    within(server.drained()).await;
    assert_eq!(held.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn ten_thousand_events_behind_a_handler_hold_their_sender_and_take_no_memory() {
    let gate = Arc::new(Semaphore::new(0));
    let (waiting, handled) = (Arc::clone(&gate), Arc::new(AtomicUsize::new(0)));
    let counting = Arc::clone(&handled);
    let handlers = echoing()
        .on("wait", move |_, ()| {
            let waiting = Arc::clone(&waiting);
            async move { waiting.acquire().await.unwrap().forget() }
        })
        .on("count", move |_, (number, _filling): (usize, String)| {
            assert_eq!(counting.fetch_add(1, Ordering::SeqCst), number);
        });
    let (server, address) = serving(handlers).await;
    let (mut client, _) = Client::join(address).await;
    let (mut other, _) = Client::join(address).await;
    client.send(r#"42["wait"]"#).await;
    let filling = "x".repeat(3000);
    let sent = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&sent);
    let sending = tokio::spawn(async move {
        for number in 0..10_000 {
            client.send(&format!(r#"42["count",{number},"{filling}"]"#)).await;
            counting.fetch_add(1, Ordering::SeqCst);
        }
        client
    });
    // Until the network takes no more. Others are served all the time.
    let mut before = 0;
    while before == 0 || sent.load(Ordering::SeqCst) > before {
        before = sent.load(Ordering::SeqCst);
        other.has_got_nothing().await;
        sleep(Duration::from_millis(300)).await;
    }
    let received = server.session_counts().websocket.received;
    assert!(received < 1_000_000, "{received} bytes were taken");
    assert_eq!(handled.load(Ordering::SeqCst), 0);
    assert!(!sending.is_finished(), "the network takes no thirty megabytes");
    gate.add_permits(1);
    let mut client = within(sending).await.unwrap();
    client.has_got_nothing().await;
    assert_eq!(handled.load(Ordering::SeqCst), 10_000);
}

#[tokio::test]
async fn a_client_that_one_handler_holds_for_too_long_is_hung_up() {
    let mut limits = HandlerLimits::default();
    (limits.waiting_max, limits.hold_max, limits.finish_within) = (3, Duration::from_millis(100), Duration::ZERO);
    let handlers = echoing().limits(limits).on("for ever", async |_, ()| std::future::pending::<()>().await);
    let (server, address) = serving(handlers).await;
    let (mut client, _) = Client::join(address).await;
    // Without what makes it full it is not held, and stays.
    client.send(r#"42["for ever"]"#).await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(server.connection_count(), 1);
    for _ in 0..5 {
        client.send(r#"42["echo","x"]"#).await;
    }
    assert!(client.is_ended().await);
    eventually("it is counted", || server.close_counts().get("handler_too_slow") == Some(&1)).await;
    within(server.drained()).await;
}

#[tokio::test]
async fn a_few_large_events_hold_their_sender_as_many_small_ones_do() {
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Arc::clone(&gate);
    let mut limits = HandlerLimits::default();
    (limits.waiting_bytes_max, limits.hold_max) = (1000, Duration::from_millis(1500));
    let handlers = echoing().limits(limits).on("wait", move |_, _text: String| {
        let waiting = Arc::clone(&waiting);
        async move { waiting.acquire().await.unwrap().forget() }
    });
    let (server, address) = serving(handlers).await;
    let (mut client, _) = Client::join(address).await;
    let text = "x".repeat(100_000);
    for _ in 0..6 {
        client.send(&format!(r#"42["wait","{text}"]"#)).await;
    }
    // As long as they are handled one after the other it stays; it is held all the time.
    let mut before = 0;
    for _ in 0..3 {
        sleep(Duration::from_millis(600)).await;
        let received = server.session_counts().websocket.received;
        assert!(received > before && received < 600_000, "{received}");
        before = received;
        gate.add_permits(1);
    }
    assert_eq!(server.connection_count(), 1);
    assert!(client.is_ended().await, "the fourth takes too long");
    // One that is full by an event that is not the next stays full.
    let before = server.session_counts().websocket.received;
    let (mut client, _) = Client::join(address).await;
    for text in ["a", "b", &text] {
        client.send(&format!(r#"42["wait","{text}"]"#)).await;
    }
    let received = || server.session_counts().websocket.received;
    eventually("they are here", || received() > before + 100_000).await;
    // For what is left of the former, and the first of these.
    gate.add_permits(3);
    assert!(client.is_ended().await);
    eventually("both are counted", || server.close_counts().get("handler_too_slow") == Some(&2)).await;
    gate.add_permits(2);
    within(server.drained()).await;
}

#[tokio::test]
async fn a_panic_closes_its_connection_and_says_so_to_its_own_end() {
    let (notes, mut read) = notes();
    let ended = notes.clone();
    let (other_ended, behind) = (notes.clone(), notes.clone());
    let handlers = echoing()
        .on("note", move |_, ()| behind.note("handled behind a panic"))
        .on("panic", |_, ()| -> () { panic!("as asked") })
        .on("panic later", async |socket, ()| {
            sleep(Duration::from_millis(5)).await;
            assert!(socket.state() != &(), "as asked");
        })
        .disconnected(move |_, reason| ended.note(reason.to_string()));
    let server = Server::builder(quick()).namespace("/", handlers).unwrap();
    let other = Handlers::new().disconnected(move |_, reason| other_ended.note(format!("other: {reason}")));
    let server = server.namespace("/other", other).unwrap().build();
    let address = listening(&server).await;
    let (mut witness, _) = Client::join(address).await;
    for event in ["panic", "panic later"] {
        let (mut client, _) = Client::join(address).await;
        client.connect("/other").await;
        client.send(&format!(r#"421["{event}"]"#)).await;
        client.send(r#"42["note"]"#).await;
        while crate::support::next(&mut client.ws).await.is_some_and(|message| !message.is_close()) {}
        let mut told = [noted(&mut read).await, noted(&mut read).await];
        told.sort();
        assert_eq!(told, ["handler panicked", "other: internal error"], "{event}");
    }
    assert_eq!(server.close_counts()["internal"], 2);
    assert!(read.try_recv().is_err(), "nothing else");
    witness.has_got_nothing().await;
    within(server.of("/").unwrap().fetch_sockets()).await;
}

#[tokio::test]
async fn a_panic_after_the_client_has_gone_ends_nothing_but_what_was_left() {
    let (notes, mut read) = notes();
    let ended = notes.clone();
    let handlers = echoing()
        .on("panic later", async |socket, ()| {
            socket.gone().await;
            sleep(Duration::from_millis(5)).await;
            assert!(socket.state() != &(), "as asked");
        })
        .disconnected(move |_, reason| ended.note(reason.to_string()));
    let (server, address) = serving(handlers).await;
    let (mut client, _) = Client::join(address).await;
    client.send(r#"42["panic later"]"#).await;
    client.send(r#"42["panic later"]"#).await;
    client.send("41").await;
    assert_eq!(noted(&mut read).await, "handler panicked");
    client.connect("/").await;
    client.has_got_nothing().await;
    drop(client);
    assert_eq!(noted(&mut read).await, "transport close");
    within(server.drained()).await;
}

#[tokio::test]
async fn handlers_may_call_back_into_their_server() {
    let (notes, mut read) = notes();
    let (ended, from_other) = (notes.clone(), notes.clone());
    let handlers = echoing()
        .connected(|socket| {
            socket.join("room");
            let _ = socket.everyone().to("room").emit("hello", socket.id());
        })
        .on("everybody", |socket, ()| {
            let _ = socket.everyone().to(socket.rooms()).emit("loop", ());
        })
        .on("elsewhere", |socket, text: String| {
            socket.of("/other").map(|other| other.emit("from /", text).is_ok()).is_ok()
        })
        .on("how many", async |socket, ()| {
            let server = socket.server().expect("it serves");
            let (here, other) = (server.of("/").expect("a name"), server.of("/other").expect("a name"));
            (here.count().await.0, other.count().await.0)
        })
        .on("leave", |socket, ()| socket.disconnect())
        .on("close", |socket, ()| socket.disconnect_connection())
        .on("remove", |socket, ()| socket.server().is_some_and(|server| server.remove_namespace("/", Duration::ZERO)))
        .on("close the server", |socket, ()| socket.server().expect("it serves").close())
        .disconnected(move |socket, reason| {
            ended.note(reason.to_string());
            let _ = socket.of("/other").map(|other| other.emit("left", socket.id()));
            let _ = socket.emit("to nobody", ());
            socket.disconnect();
        });
    let (server, address) = serving(handlers).await;
    let _ = from_other;
    let mut witness = Client::open(address).await;
    witness.connect("/other").await;
    let (mut client, id) = Client::join(address).await;
    assert_eq!(client.text().await, format!(r#"42["hello","{id}"]"#));
    client.send(r#"42["everybody"]"#).await;
    assert_eq!(client.text().await, r#"42["loop"]"#);
    client.send(r#"421["elsewhere","x"]"#).await;
    assert_eq!(client.text().await, "431[true]");
    assert_eq!(witness.text().await, r#"42/other,["from /","x"]"#);
    client.send(r#"422["how many"]"#).await;
    assert_eq!(client.text().await, "432[1,1]");
    client.send(r#"423["leave"]"#).await;
    // The answer went behind the end.
    assert_eq!(client.text().await, "41");
    assert_eq!(noted(&mut read).await, "server made it leave");
    assert_eq!(witness.text().await, format!(r#"42/other,["left","{id}"]"#));
    client.connect("/").await;
    assert!(client.text().await.contains("hello"));
    client.send(r#"42["close"]"#).await;
    assert_eq!(client.text().await, "41");
    assert!(client.is_ended().await);
    assert_eq!(noted(&mut read).await, "server made it leave");
    witness.text().await;
    let (mut client, _) = Client::join(address).await;
    client.text().await;
    client.send(r#"424["remove"]"#).await;
    assert_eq!(client.text().await, "41");
    assert_eq!(noted(&mut read).await, "server made it leave");
    witness.text().await;
    server
        .add_namespace(
            "/",
            Handlers::new().on("close the server", |socket, ()| {
                socket.server().expect("it serves").close();
            }),
        )
        .unwrap();
    client.connect("/").await;
    client.send(r#"42["close the server"]"#).await;
    assert!(client.is_ended().await);
    within(server.drained()).await;
}

#[tokio::test]
async fn a_socket_knows_its_rooms_whoever_moved_it_and_keeps_no_server() {
    let sockets: Arc<Mutex<Vec<Joined>>> = Arc::default();
    let keeping = Arc::clone(&sockets);
    let handlers = echoing().connected(move |socket| keeping.lock().unwrap().push(socket)).on("join", |socket, ()| {
        socket.join(["own", "both"]);
        socket.only().join("only");
        socket.rooms().iter().map(ToString::to_string).collect::<Vec<_>>()
    });
    let (server, address) = serving(handlers).await;
    let (mut client, _) = Client::join(address).await;
    client.send(r#"420["join"]"#).await;
    assert_eq!(client.text().await, r#"430[["both","only","own"]]"#);
    let socket: Socket = (*sockets.lock().unwrap()[0]).clone();
    let rooms = || socket.rooms().unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    socket.only().except("elsewhere").join("after all");
    eventually("it is moved", || rooms() == "after all both only own").await;
    server.of("/").unwrap().join("by another");
    server.of("/").unwrap().leave(["both", "nowhere"]);
    eventually("it is moved", || rooms() == "after all by another only own").await;
    socket.leave("own");
    eventually("it is moved", || rooms() == "after all by another only").await;
    assert!(socket.is_connected() && socket.server().is_some());
    let gone = socket.gone();
    drop(client);
    within(gone).await;
    within(socket.gone()).await;
    assert!(!socket.is_connected());
    socket.join("too late");
    assert_eq!(rooms(), "after all by another only");
    drop(server);
    // The listener still has it; a socket does not.
    assert!(socket.server().is_some());
}

#[tokio::test]
async fn a_client_by_polling_gets_the_same() {
    let handlers = echoing().on("slow", async |_, number: u8| {
        sleep(Duration::from_millis(5)).await;
        number
    });
    let (server, address) = serving(handlers).await;
    let mut client = crate::support::Poller::open(address, crate::client::PATH).await;
    client.post("40").await;
    assert!(client.poll().await.starts_with("40"));
    client.post("421[\"slow\",1]\u{1e}422[\"slow\",2]\u{1e}423[\"echo\",\"x\"]").await;
    let mut answers = String::new();
    while !answers.contains("433") {
        answers += &client.poll().await;
    }
    assert_eq!(answers.replace('\u{1e}', ""), r#"431[1]432[2]433["x"]"#);
    drop(client);
    server.close();
    within(server.drained()).await;
}

#[tokio::test]
async fn namespaces_by_pattern_are_there_while_somebody_is_in_them_and_nothing_is_kept_of_them() {
    let documents = Handlers::connect(|request| match request.parameter("id").map(str::parse::<u32>) {
        Some(Ok(id)) => Ok(id),
        _ => Err(Refusal::new("no such document")),
    })
    .on("which", |socket, ()| *socket.state())
    .on("edit", |socket, ()| socket.broadcast().emit("edited", socket.state()));
    let server = Server::builder(quick()).namespace_pattern("/doc/{id}", documents).unwrap();
    let server = server.namespace("/doc/7", Handlers::new().on("which", |_, ()| "the seventh")).unwrap().build();
    let address = listening(&server).await;
    let counted = || server.namespace_counts().keys().map(ToString::to_string).collect::<Vec<_>>();
    let (mut a, mut b) = (Client::open(address).await, Client::open(address).await);
    for client in [&mut a, &mut b] {
        client.connect("/doc/1").await;
        client.connect("/doc/2").await;
    }
    a.send(r#"42/doc/1,0["which"]"#).await;
    assert_eq!(a.text().await, "43/doc/1,0[1]");
    a.send(r#"42/doc/2,["edit"]"#).await;
    assert_eq!(b.text().await, r#"42/doc/2,["edited",2]"#);
    a.connect("/doc/7").await;
    a.send(r#"42/doc/7,0["which"]"#).await;
    assert_eq!(a.text().await, r#"43/doc/7,0["the seventh"]"#);
    a.send("40/doc/x").await;
    assert_eq!(a.text().await, r#"44/doc/x,{"message":"no such document"}"#);
    a.send("40/doc/1/2").await;
    assert_eq!(a.text().await, r#"44/doc/1/2,{"message":"Invalid namespace"}"#);
    eventually("three are counted", || counted() == ["/doc/1", "/doc/2", "/doc/7"]).await;
    for number in 100..600 {
        let namespace = format!("/doc/{number}");
        a.connect(&namespace).await;
        a.send(&format!("41{namespace},")).await;
    }
    // The last one is looked at when another has left.
    eventually("few are kept", || counted().len() < 8).await;
    drop((a, b));
    eventually("nobody is left", || server.connection_count() == 0).await;
}
