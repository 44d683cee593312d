//! The table of PROTOCOL.md, "Socket.IO v5", row by row, and the bounds it does not speak of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fanfare_hub::{Client, ClientConfig, ConnectRefusal, Incoming, Parser, SocketId, Violation, encode};
use socketio_codec::{AckId, Arguments, DecodeErrorKind, EventName, Namespace, msgpack};

use crate::support::{namespace, socket, text_of};

/// A client, and a server that knows `/`, `/admin` and `/slow`, and accepts at once except in `/slow`.
struct Session {
    now: Instant,
    client: Client,
    next: u64,
    sent: Vec<String>,
}

impl Session {
    fn new() -> Self {
        Self::with(ClientConfig::default())
    }

    fn with(config: ClientConfig) -> Self {
        let now = Instant::now();
        Self { now, client: Client::new(now, Arc::new(config)), next: 0, sent: Vec::new() }
    }

    /// A client that is connected to `/` as socket 0.
    fn connected() -> Self {
        let mut session = Self::new();
        assert_eq!(session.say("0"), Ok(None));
        session
    }

    /// What the client says, and what is left for the application.
    fn say(&mut self, text: &str) -> Result<Option<Incoming>, Violation> {
        let incoming = self.client.handle_text(self.now, text.to_owned().into())?;
        self.answer(incoming)
    }

    fn attach(&mut self, attachment: &'static [u8]) -> Result<Option<Incoming>, Violation> {
        let incoming = self.client.handle_binary(self.now, Bytes::from_static(attachment))?;
        self.answer(incoming)
    }

    fn answer(&mut self, incoming: Option<Incoming>) -> Result<Option<Incoming>, Violation> {
        let Some(Incoming::Connect { namespace, as_written, auth }) = incoming else {
            return Ok(incoming);
        };
        match namespace.as_str() {
            "/" | "/admin" => {
                let id = socket(self.next);
                self.next += 1;
                assert!(self.client.accept(&namespace, id));
                self.sent.push(text_of(&encode::connect(Parser::Json, &namespace, id)));
                Ok(None)
            }
            "/slow" => Ok(Some(Incoming::Connect { namespace, as_written, auth })),
            _ => {
                self.client.refuse(self.now, &namespace)?;
                self.sent.push(text_of(&encode::connect_error(Parser::Json, &as_written, "Invalid namespace", None)));
                Ok(None)
            }
        }
    }

    fn pass(&mut self, time: Duration) -> Result<(), Violation> {
        self.now += time;
        self.client.handle_timeout(self.now)
    }

    fn sockets(&self) -> Vec<(SocketId, &str)> {
        self.client.sockets().map(|(socket, namespace)| (socket, namespace.as_str())).collect()
    }
}

fn kind(said: Result<Option<Incoming>, Violation>) -> DecodeErrorKind {
    match said {
        Err(Violation::Packet(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}

fn is_event(said: Result<Option<Incoming>, Violation>, name: &str) -> bool {
    matches!(said, Ok(Some(Incoming::Event { event, .. })) if event.name_is(name))
}

#[test]
fn a_connect_gets_a_fresh_socket_with_or_without_credentials() {
    for connect in ["0", r#"0{"token":"x"}"#, r#"0/,{"token":"x"}"#, r#"07{"an id":"means nothing"}"#] {
        let mut session = Session::new();
        assert_eq!(session.say(connect), Ok(None));
        assert_eq!(session.sent, [format!(r#"0{{"sid":"{}"}}"#, socket(0))]);
        assert_eq!(session.sockets(), [(socket(0), "/")]);
    }
}

#[test]
fn credentials_are_handed_to_the_application() {
    let mut session = Session::new();
    let Ok(Some(Incoming::Connect { namespace, auth, .. })) = session.say(r#"0/slow,{"token":"x"}"#) else { panic!() };
    assert_eq!(namespace, "/slow");
    assert_eq!(auth.unwrap().as_str(), r#"{"token":"x"}"#);
}

#[test]
fn an_unknown_namespace_is_refused_as_it_was_written_and_the_connection_lives() {
    let mut session = Session::connected();
    session.sent.clear();
    for (ask, refusal) in [
        ("0/nope,", r#"4/nope,{"message":"Invalid namespace"}"#),
        ("0/nope", r#"4/nope,{"message":"Invalid namespace"}"#),
        (r#"0/nope?a=1,{"token":"x"}"#, r#"4/nope?a=1,{"message":"Invalid namespace"}"#),
        ("0/Admin,", r#"4/Admin,{"message":"Invalid namespace"}"#),
    ] {
        assert_eq!(session.say(ask), Ok(None));
        assert_eq!(session.sent.pop().unwrap(), refusal);
    }
    assert!(is_event(session.say(r#"2["still here"]"#), "still here"));
}

/// As when its connection was held back: what it had to send lies in the kernel.
#[test]
fn who_was_not_read_has_all_its_time_again() {
    let seconds = Duration::from_secs;
    let mut session = Session::new();
    session.now += seconds(50);
    session.client.excuse_silence(session.now);
    assert_eq!(session.pass(seconds(44)), Ok(()));
    assert_eq!(session.pass(seconds(1)), Err(Violation::ConnectTimeout));

    let mut session = Session::connected();
    session.client.excuse_silence(session.now);
    assert_eq!(session.client.poll_timeout(), None, "nothing was due");
    assert_eq!(session.say(r#"51-["x",{"_placeholder":true,"num":0}]"#), Ok(None));
    session.now += seconds(50);
    session.client.excuse_silence(session.now);
    assert_eq!(session.pass(seconds(44)), Ok(()));
    assert_eq!(session.pass(seconds(1)), Err(Violation::AttachmentTimeout));
}

#[test]
fn a_thousand_unknown_namespaces_leave_nothing() {
    let mut session = Session::connected();
    for number in 0..1000 {
        assert_eq!(session.say(&format!("0/nope{number},")), Ok(None));
        session.pass(Duration::from_millis(200)).unwrap();
    }
    assert_eq!(session.sockets().len(), 1);
}

#[test]
fn who_is_refused_too_often_is_closed_whoever_refused() {
    let mut config = ClientConfig::default();
    (config.namespaces_max, config.auth_bytes_max) = (2, 4);
    let mut session = Session::with(config);
    session.say("0").unwrap();
    session.say("0/slow,").unwrap();
    for _ in 0..50 {
        assert!(matches!(session.say("0/admin,"), Ok(Some(Incoming::Refused { .. }))));
    }
    session.client.refuse(session.now, &namespace("/slow")).unwrap();
    for _ in 0..24 {
        assert!(matches!(session.say(r#"0/admin,{"a":1}"#), Ok(Some(Incoming::Refused { .. }))));
        assert_eq!(session.say("0/nope,"), Ok(None));
    }
    assert_eq!(session.say("0/nope,"), Ok(None), "the hundredth");
    for packet in ["0/nope,", r#"0/admin,{"a":1}"#] {
        assert_eq!(session.say(packet), Err(Violation::TooManyRefusals));
    }
}

#[test]
fn who_retries_each_second_for_a_day_is_not_closed() {
    let mut session = Session::connected();
    for _ in 0..24 * 60 * 60 {
        session.pass(Duration::from_secs(1)).unwrap();
        for namespace in ["/one", "/two", "/three", "/four", "/five"] {
            assert_eq!(session.say(&format!("0{namespace},")), Ok(None));
        }
    }
}

#[test]
fn credentials_are_bounded_by_a_refusal() {
    let mut session = Session::new();
    for (length, is_taken) in [(16 * 1024, true), (16 * 1024 + 1, false), (900_000, false)] {
        let auth = format!(r#"{{"x":"{}"}}"#, "x".repeat(length - 8));
        let said = session.say(&format!("0/slow,{auth}")).unwrap();
        if is_taken {
            assert!(matches!(said, Some(Incoming::Connect { auth: Some(taken), .. }) if taken.as_str() == auth));
            session.client.refuse(session.now, &namespace("/slow")).unwrap();
        } else {
            let Some(Incoming::Refused { as_written, why }) = said else { panic!() };
            assert_eq!((as_written.as_str(), why.to_string().as_str()), ("/slow", "auth is larger than 16384 bytes"));
        }
    }
    assert_eq!(session.say("0"), Ok(None), "it may ask for another, or with less");
}

#[test]
fn a_refused_client_may_ask_again_but_sends_no_events() {
    let mut session = Session::connected();
    session.say("0/slow,").unwrap();
    session.client.refuse(session.now, &namespace("/slow")).unwrap();
    assert!(matches!(session.say("0/slow,"), Ok(Some(Incoming::Connect { .. }))));
    session.client.refuse(session.now, &namespace("/slow")).unwrap();
    assert_eq!(session.say(r#"2/slow,["x"]"#), Err(Violation::NotConnected));
}

#[test]
fn a_query_behind_the_namespace_is_ignored() {
    let mut session = Session::new();
    session.say("0/admin?token=x,").unwrap();
    session.say("0/?a=b,").unwrap();
    assert_eq!(session.sockets(), [(socket(0), "/admin"), (socket(1), "/")]);
    assert!(is_event(session.say(r#"2/admin?other=y,["x"]"#), "x"));
    assert!(is_event(session.say(r#"2/admin,["y"]"#), "y"));
    assert_eq!(session.say("0/admin,"), Err(Violation::ConnectedTwice));
}

#[test]
fn a_client_that_is_not_connected_in_time_is_closed() {
    let mut session = Session::new();
    let timeout = ClientConfig::default().connect_timeout;
    assert_eq!(session.client.poll_timeout(), Some(session.now + timeout));
    assert_eq!(session.pass(timeout - Duration::from_millis(1)), Ok(()));
    assert_eq!(session.pass(Duration::from_millis(1)), Err(Violation::ConnectTimeout));
}

#[test]
fn asking_or_being_refused_is_not_being_connected() {
    for ask in ["0/slow,", "0/nope,"] {
        let mut session = Session::new();
        session.say(ask).unwrap();
        assert_eq!(session.pass(Duration::from_secs(45)), Err(Violation::ConnectTimeout), "{ask}");
    }
}

#[test]
fn once_connected_there_is_no_connect_timeout_even_after_leaving() {
    let mut session = Session::connected();
    assert_eq!(session.client.poll_timeout(), None);
    session.say("1").unwrap();
    assert_eq!(session.client.poll_timeout(), None);
    assert_eq!(session.pass(Duration::from_secs(3600)), Ok(()));
}

#[test]
fn packets_for_a_namespace_that_is_not_connected_close() {
    for text in [r#"2["x"]"#, r#"20["x"]"#, "2", "30[]", "3[]", "1", r#"2/admin,["x"]"#, "1/admin,", "3/admin,0[]"] {
        assert_eq!(Session::new().say(text), Err(Violation::NotConnected), "before any connect: {text}");
    }
    for text in [r#"2/admin,["x"]"#, "2/admin,", "1/admin,", "3/admin,0[]", r#"2/slow,["x"]"#, "1/slow,", "2/nope,"] {
        let mut session = Session::connected();
        session.say("0/slow,").unwrap();
        assert_eq!(session.say(text), Err(Violation::NotConnected), "in others only: {text}");
    }
    for text in [r#"2["x"]"#, "1", "30[]"] {
        let mut session = Session::connected();
        assert!(matches!(session.say("1"), Ok(Some(Incoming::Disconnect { .. }))));
        assert_eq!(session.say(text), Err(Violation::NotConnected), "after leaving: {text}");
    }
}

#[test]
fn a_binary_event_for_a_namespace_that_is_not_connected_closes() {
    let mut session = Session::connected();
    assert_eq!(session.say(r#"51-/admin,["x",{"_placeholder":true,"num":0}]"#), Ok(None));
    assert_eq!(session.attach(b"data"), Err(Violation::NotConnected));
}

#[test]
fn connecting_twice_closes() {
    let mut session = Session::connected();
    assert_eq!(session.say("0"), Err(Violation::ConnectedTwice));
    let mut racing = Session::new();
    racing.say("0/slow,").unwrap();
    assert_eq!(racing.say("0/slow,"), Err(Violation::ConnectedTwice));
}

#[test]
fn leaving_and_coming_back_makes_a_new_socket() {
    let mut session = Session::connected();
    let left = session.say("1").unwrap().unwrap();
    assert_eq!(left, Incoming::Disconnect { socket: socket(0), namespace: Namespace::ROOT });
    session.say("0").unwrap();
    assert_eq!(session.sockets(), [(socket(1), "/")]);
}

#[test]
fn one_connection_is_in_several_namespaces() {
    let mut session = Session::connected();
    session.say("0/admin,").unwrap();
    assert_eq!(session.sockets(), [(socket(0), "/"), (socket(1), "/admin")]);
    let Ok(Some(Incoming::Event { socket: from, namespace, id, event })) = session.say(r#"2/admin,7["x",1]"#) else {
        panic!()
    };
    assert_eq!((from, namespace.as_str(), id), (socket(1), "/admin", Some(AckId::from(7))));
    assert_eq!(event.arguments().as_str(), "1");
    session.say("1").unwrap();
    assert_eq!(session.sockets(), [(socket(1), "/admin")]);
    assert!(is_event(session.say(r#"2/admin,["y"]"#), "y"));
}

#[test]
fn broken_packets_close() {
    use DecodeErrorKind::*;
    for (text, error) in [
        ("2[]", InvalidEventName),
        (r#"2{"a":1}"#, InvalidPayload),
        ("2[\"a\"", InvalidJson),
        ("2[\"a\",]", InvalidJson),
        ("30[", InvalidJson),
        ("30{}", InvalidPayload),
        ("1{}", InvalidPayload),
        ("0[]", InvalidPayload),
        ("0{abc", InvalidJson),
        ("7", UnknownType),
        ("", UnknownType),
        (r#"2[{"toString":1}]"#, InvalidEventName),
        ("2[null]", InvalidEventName),
        ("2[true]", InvalidEventName),
        ("5", InvalidAttachmentCount),
        ("51", InvalidAttachmentCount),
        (r#"50-["a"]"#, InvalidAttachmentCount),
        (r#"511-["a"]"#, TooManyAttachments),
        (r#"51-["a",{"_placeholder":true,"num":1}]"#, InvalidPlaceholder),
        (r#"51-["a",{"_placeholder":true,"num":-1}]"#, InvalidPlaceholder),
        (r#"51-["a",{"_placeholder":true,"num":0.5}]"#, InvalidPlaceholder),
        (r#"51-["a",{"_placeholder":true,"num":"0"}]"#, InvalidPlaceholder),
    ] {
        assert_eq!(kind(Session::connected().say(text)), error, "{text}");
    }
}

#[test]
fn reserved_names_close() {
    for name in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
        let said = Session::connected().say(&format!(r#"2["{name}"]"#));
        assert_eq!(kind(said), DecodeErrorKind::ReservedEventName);
    }
}

#[test]
fn numbers_and_the_name_error_are_names() {
    for (text, name) in [("2[1]", "1"), (r#"2["error"]"#, "error"), (r#"2["__proto__"]"#, "__proto__")] {
        assert!(is_event(Session::connected().say(text), name), "{text}");
    }
}

#[test]
fn what_has_no_effect_is_ignored() {
    for text in ["2", "21", "3[]", "3"] {
        assert_eq!(Session::connected().say(text), Ok(None), "{text}");
    }
}

#[test]
fn an_acknowledgement_is_handed_on_with_its_socket() {
    let mut session = Session::connected();
    let expected = Incoming::Ack {
        socket: socket(0),
        namespace: Namespace::ROOT,
        id: AckId::from(12),
        arguments: Arguments::from_json(r#"["ok",2]"#.into()).unwrap(),
    };
    assert_eq!(session.say(r#"312["ok",2]"#), Ok(Some(expected)));
}

#[test]
fn a_binary_event_is_handed_on_with_its_attachments() {
    let mut session = Session::connected();
    let header = r#"52-3["upload",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    assert_eq!(session.say(header), Ok(None));
    assert_eq!(session.attach(b"one"), Ok(None));
    let Ok(Some(Incoming::Event { id, event, .. })) = session.attach(b"two") else { panic!() };
    assert_eq!(id, Some(AckId::from(3)));
    assert_eq!(event.attachments(), [&b"one"[..], b"two"]);
    assert_eq!(session.client.poll_timeout(), None);
}

#[test]
fn attachments_out_of_turn_close() {
    let header = r#"51-["upload",{"_placeholder":true,"num":0}]"#;
    let mut session = Session::connected();
    session.say(header).unwrap();
    assert_eq!(kind(session.say(r#"2["text"]"#)), DecodeErrorKind::AttachmentExpected);
    let mut session = Session::connected();
    assert_eq!(kind(session.attach(b"surprise")), DecodeErrorKind::UnexpectedAttachment);
}

#[test]
fn attachments_that_never_come_are_bounded_in_time() {
    let mut session = Session::connected();
    let timeout = ClientConfig::default().attachment_timeout;
    session.say(r#"52-["upload",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#).unwrap();
    assert_eq!(session.pass(timeout - Duration::from_secs(1)), Ok(()));
    session.attach(b"slow, but it goes on").unwrap();
    assert_eq!(session.client.poll_timeout(), Some(session.now + timeout));
    assert_eq!(session.pass(timeout - Duration::from_secs(1)), Ok(()));
    assert_eq!(session.pass(Duration::from_secs(1)), Err(Violation::AttachmentTimeout));
}

#[test]
fn attachments_are_bounded_in_bytes() {
    let mut config = ClientConfig::default();
    config.limits.attachment_bytes_max = 6;
    let mut session = Session::with(config);
    session.say("0").unwrap();
    session.say(r#"52-["upload",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#).unwrap();
    session.attach(b"1234").unwrap();
    assert_eq!(kind(session.attach(b"567")), DecodeErrorKind::AttachmentsTooLarge);
}

#[test]
fn a_connect_error_from_a_client_closes() {
    for text in ["4", r#"4{"message":"x"}"#, r#"4/nope,{"message":"x"}"#] {
        assert_eq!(Session::connected().say(text), Err(Violation::ConnectErrorFromClient), "{text}");
    }
}

#[test]
fn one_namespace_too_many_is_refused_whether_the_others_are_connected_or_waited_for() {
    let mut config = ClientConfig::default();
    config.namespaces_max = 2;
    let mut session = Session::with(config);
    session.say("0").unwrap();
    session.say("0/slow,").unwrap();
    let Ok(Some(Incoming::Refused { as_written, why })) = session.say("0/admin?a=1,") else { panic!() };
    assert_eq!((as_written.as_str(), why), ("/admin?a=1", ConnectRefusal::TooManyNamespaces));
    assert_eq!(why.to_string(), "too many namespaces on one connection");
    assert!(is_event(session.say(r#"2["still here"]"#), "still here"));
    session.client.allow_namespaces(3);
    assert_eq!(session.say("0/admin,"), Ok(None));
    session.client.allow_namespaces(1);
    assert!(matches!(session.say("1"), Ok(Some(Incoming::Disconnect { .. }))));
    assert_eq!(session.say("0").map(|said| said.is_some()), Ok(true), "never below what is configured, nor above");
}

#[test]
fn a_socket_the_server_made_leave_is_gone_once() {
    let mut session = Session::connected();
    assert_eq!(session.client.left(socket(0)), Some(Namespace::ROOT));
    assert_eq!(session.client.left(socket(0)), None);
    assert!(session.sockets().is_empty());
    // What was on its way closes the connection, as with the reference.
    assert_eq!(session.say(r#"2["late"]"#), Err(Violation::NotConnected));
}

#[test]
fn a_late_notice_does_not_remove_the_next_socket() {
    let mut session = Session::connected();
    session.say("1").unwrap();
    session.say("0").unwrap();
    assert_eq!(session.client.left(socket(0)), None);
    assert_eq!(session.sockets(), [(socket(1), "/")]);
}

#[test]
fn only_a_client_that_asked_is_accepted() {
    let mut session = Session::connected();
    assert!(!session.client.accept(&namespace("/admin"), socket(5)), "never asked");
    assert!(!session.client.accept(&Namespace::ROOT, socket(5)), "already connected");
    session.client.refuse(session.now, &Namespace::ROOT).unwrap();
    assert_eq!(session.sockets(), [(socket(0), "/")]);
}

#[test]
fn flapping_ten_thousand_times_leaves_nothing() {
    let mut session = Session::new();
    for number in 0..10_000 {
        assert_eq!(session.say("0"), Ok(None));
        assert_eq!(session.sockets(), [(socket(number), "/")]);
        assert!(matches!(session.say("1"), Ok(Some(Incoming::Disconnect { .. }))));
        assert!(session.sockets().is_empty());
    }
}

#[test]
fn a_kept_namespace_does_not_keep_the_message() {
    let mut client = Client::new(Instant::now(), Arc::default());
    let message = Bytes::from(format!("0/admin,{{\"token\":\"{}\"}}", "x".repeat(10_000)));
    let incoming = client.handle_text(Instant::now(), message.clone().try_into().unwrap()).unwrap();
    // The credentials neither, if somebody keeps them.
    let Some(Incoming::Connect { auth: Some(auth), .. }) = incoming else { panic!() };
    assert!(message.is_unique());
    assert_eq!(auth.as_str().len(), 10_012);
}

#[test]
fn every_violation_has_a_label_and_says_what_it_is() {
    let packet = Session::new().say("7").unwrap_err();
    assert_eq!((packet.label(), packet.to_string().as_str()), ("unknown_type", "unknown packet type at byte 0"));
    for violation in [
        Violation::NotConnected,
        Violation::ConnectedTwice,
        Violation::TooManyRefusals,
        Violation::ConnectErrorFromClient,
        Violation::ConnectTimeout,
        Violation::AttachmentTimeout,
    ] {
        assert!(violation.label().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        assert!(violation.to_string().len() > 10);
    }
}

#[test]
fn an_event_is_encoded_for_others_as_it_came() {
    let mut session = Session::connected();
    let Ok(Some(Incoming::Event { event, namespace, .. })) = session.say(r#"2["update", {"é":1e99} ,null]"#) else {
        panic!()
    };
    let encoded = encode::event(Parser::Json, &namespace, None, &event, event.arguments());
    assert_eq!(text_of(&encoded), r#"2["update",{"é":1e99} ,null]"#);
    let renamed = EventName::new("updated").unwrap();
    let encoded = encode::event(Parser::Json, &namespace, None, &renamed, event.arguments());
    assert_eq!(text_of(&encoded), r#"2["updated",{"é":1e99} ,null]"#);
}

#[test]
fn a_client_with_the_msgpack_parser_is_heard_as_any_other() {
    let mut config = ClientConfig::default();
    config.parser = Parser::Msgpack;
    let now = Instant::now();
    let mut client = Client::new(now, Arc::new(config));
    let connect = msgpack::PacketRef::connect(Namespace::root(), None).to_bytes();
    let Some(Incoming::Connect { namespace, auth: None, .. }) = client.handle_binary(now, connect).unwrap() else {
        panic!("it asked to connect")
    };
    assert!(client.accept(&namespace, SocketId::from_random([1; 15])));

    let image = Bytes::from_static(b"\x89PNG");
    let sent =
        Arguments::with_attachments(r#"[{"_placeholder":true,"num":0},1.5]"#.into(), vec![image.clone()]).unwrap();
    let values = msgpack::Values::from_json(&sent).unwrap();
    let event = msgpack::PacketRef::event(Namespace::root(), "image", &values).to_bytes();
    let Some(Incoming::Event { event, id: None, .. }) = client.handle_binary(now, event).unwrap() else {
        panic!("it sent an event")
    };
    assert_eq!((&*event.name(), event.arguments().attachments()), ("image", &[image][..]));

    assert_eq!(client.handle_text(now, "2[\"image\"]".into()), Err(Violation::TextMessage));
    let cut_off = Bytes::from_static(b"\x83\xa4type\x02");
    assert!(matches!(client.handle_binary(now, cut_off), Err(Violation::Packet(_))));
}
