//! The machine in virtual time: no socket, no clock.

use std::time::{Duration, Instant};

use engineio_proto::Utf8;
use fanfare_client::{
    AckId, Action, Arguments, Attachment, EmitError, End, EventName, Failure, Frame, Happening, Json, Machine,
    MachineConfig, Namespace, NoAnswer, Reconnect, Refusal, Unsupported,
};

const OPEN: &str = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":100}"#;

/// A machine, and the time it is told.
struct Test {
    machine: Machine,
    start: Instant,
    now: Instant,
}

impl Test {
    fn new(config: MachineConfig) -> Self {
        let now = Instant::now();
        Self { machine: Machine::new(config, 7, now), start: now, now }
    }

    /// Joined to its namespace.
    fn joined(config: MachineConfig) -> Self {
        let mut test = Self::new(config);
        test.join();
        test
    }

    fn join(&mut self) {
        self.dial();
        self.text(OPEN);
        let [Frame::Text(connect)] = &self.frames()[..] else { panic!("one CONNECT is sent") };
        let namespace = connect.trim_start_matches("40").split('{').next().unwrap_or_default().to_owned();
        self.text(&format!(r#"40{namespace}{{"sid":"me"}}"#));
        assert_eq!(self.happenings(), [Happening::Connected { id: "me".to_owned() }]);
    }

    /// Lets time pass until it dials, and has the WebSocket stand.
    fn dial(&mut self) {
        self.until_timeout();
        assert_eq!(self.machine.poll_action(), Some(Action::Dial));
        self.machine.handle_dialed();
    }

    fn until_timeout(&mut self) {
        self.now = self.machine.poll_timeout().expect("it waits for a time");
        self.machine.handle_timeout(self.now);
    }

    fn after(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.machine.handle_timeout(self.now);
    }

    fn text(&mut self, text: &str) {
        self.machine.handle_text(self.now, &Utf8::from(text.to_owned()));
    }

    fn frames(&mut self) -> Vec<Frame> {
        std::iter::from_fn(|| self.machine.poll_frame()).collect()
    }

    fn happenings(&mut self) -> Vec<Happening> {
        std::iter::from_fn(|| self.machine.poll_happening()).collect()
    }

    /// The only thing that happened.
    fn happened(&mut self) -> Happening {
        let mut all = self.happenings();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn elapsed(&self) -> Duration {
        self.now - self.start
    }
}

fn text(text: &str) -> Frame {
    Frame::Text(text.to_owned())
}

fn name(name: &str) -> EventName {
    EventName::new(name).expect("it is not reserved")
}

fn closed() -> Failure {
    Failure::Closed { code: None, reason: String::new() }
}

#[test]
fn it_joins_with_its_auth_and_hears_events() {
    let mut config = MachineConfig::default();
    config.namespace = Namespace::try_from("/chat").unwrap();
    config.auth = Some(Json::from_text(r#"{"token":"t"}"#.into()).unwrap());
    let mut test = Test::new(config);
    test.dial();
    assert!(test.frames().is_empty(), "the server speaks first");
    test.text(OPEN);
    assert_eq!(test.frames(), [text(r#"40/chat,{"token":"t"}"#)]);
    test.text(r#"40/chat,{"sid":"me"}"#);
    test.text(r#"42/chat,7["update",1]"#);
    test.text(r#"42["elsewhere"]"#);
    test.text(r#"451-/chat,["file",{"_placeholder":true,"num":0}]"#);
    test.machine.handle_binary(test.now, b"png"[..].into());
    let happenings = test.happenings();
    assert_eq!(happenings.len(), 3, "{happenings:?}");
    assert_eq!(happenings[0], Happening::Connected { id: "me".to_owned() });
    let Happening::Event { event, id: Some(id) } = &happenings[1] else { panic!("{happenings:?}") };
    assert_eq!((event.name().as_ref(), event.raw(0), id.get()), ("update", Some("1"), 7));
    let Happening::Event { event, id: None } = &happenings[2] else { panic!("{happenings:?}") };
    assert_eq!(event.attachment(0).unwrap(), &b"png"[..]);
    assert!(test.frames().is_empty(), "nothing acknowledges by itself");
    test.machine.acknowledge(*id, &Arguments::serialize(&("got",)).unwrap()).unwrap();
    assert_eq!(test.frames(), [text(r#"43/chat,7["got"]"#)]);
}

#[test]
fn events_before_the_server_s_connect_come_behind_it() {
    let mut test = Test::new(MachineConfig::default());
    test.dial();
    test.text(OPEN);
    test.text(r#"42["session"]"#);
    assert_eq!(test.happenings(), []);
    test.text(r#"40{"sid":"me"}"#);
    let happenings = test.happenings();
    assert!(matches!(&happenings[..], [Happening::Connected { .. }, Happening::Event { .. }]), "{happenings:?}");
}

#[test]
fn a_connect_error_is_final_wherever_it_comes() {
    for is_joined in [false, true] {
        let mut test = Test::new(MachineConfig::default());
        if is_joined {
            test.join();
        } else {
            test.dial();
            test.text(OPEN);
            test.frames();
        }
        test.text(r#"44{"message":"no","data":{"code":"expired"}}"#);
        assert_eq!((test.frames(), test.happenings()), (vec![Frame::Close], vec![]), "it says goodbye first");
        test.machine.handle_closed(test.now, closed());
        let data = Some(Json::from_text(r#"{"code":"expired"}"#.into()).unwrap());
        let refusal = Refusal { message: "no".to_owned(), data };
        assert_eq!(test.happened(), Happening::Ended(End::Refused(refusal)));
        assert_eq!((test.machine.poll_action(), test.machine.poll_timeout()), (Some(Action::HangUp), None));
    }
}

#[test]
fn a_disconnect_is_final_also_if_the_server_never_closes() {
    let mut test = Test::joined(MachineConfig::default());
    test.text("41");
    assert_eq!(test.frames(), [Frame::Close]);
    test.text("2");
    assert_eq!(test.frames(), [], "behind the close nothing is sent");
    let before = test.now;
    test.until_timeout();
    assert_eq!(test.now - before, Duration::from_secs(2));
    assert_eq!(test.happened(), Happening::Ended(End::Expelled));
    assert_eq!(test.machine.poll_timeout(), None);
}

#[test]
fn a_lost_connection_is_come_back_from_with_ever_longer_waits() {
    let mut test = Test::joined(MachineConfig::default());
    test.machine.handle_closed(test.now, closed());
    assert_eq!(test.machine.poll_action(), Some(Action::HangUp));
    let mut waits = Vec::new();
    for attempt in 0..6 {
        let retry_in = match test.happened() {
            Happening::Lost { why, retry_in } if attempt == 0 => {
                assert_eq!(why, closed());
                retry_in
            }
            Happening::Failed { retry_in, .. } if attempt > 0 => retry_in,
            other => panic!("{other:?}"),
        };
        waits.push(retry_in);
        let before = test.now;
        test.until_timeout();
        assert_eq!(test.now - before, retry_in);
        assert_eq!(test.machine.poll_action(), Some(Action::Dial));
        test.machine.handle_dial_failed(test.now, Failure::Unreachable("refused".to_owned()));
    }
    for (wait, [least, most]) in waits.iter().zip([[500, 1500], [1000, 3000], [2000, 5000], [2500, 5000], [2500, 5000]])
    {
        let range = Duration::from_millis(least)..=Duration::from_millis(most);
        assert!(range.contains(wait), "{waits:?}");
    }
    test.happenings();
    test.machine.poll_action();
    test.join();
    test.machine.handle_closed(test.now, closed());
    let Happening::Lost { retry_in, .. } = test.happened() else { panic!("it was connected") };
    assert!(retry_in <= Duration::from_millis(1500), "it begins anew: {retry_in:?}");
}

#[test]
fn who_was_never_connected_gives_up_at_once_unless_told_otherwise() {
    let mut test = Test::new(MachineConfig::default());
    test.dial();
    test.machine.handle_closed(test.now, closed());
    assert_eq!(test.happened(), Happening::Ended(End::GaveUp(closed())));

    let mut config = MachineConfig::default();
    config.reconnect.first_attempts_max = Some(3);
    config.reconnect.attempts_max = Some(2);
    let mut test = Test::new(config);
    for _ in 0..2 {
        test.dial();
        test.machine.handle_closed(test.now, closed());
        assert!(matches!(test.happened(), Happening::Failed { .. }));
        assert_eq!(test.machine.poll_action(), Some(Action::HangUp));
    }
    test.join();
    test.machine.handle_closed(test.now, closed());
    assert!(matches!(test.happened(), Happening::Lost { .. }));
    test.machine.poll_action();
    for last in [false, true] {
        test.until_timeout();
        test.machine.poll_action();
        test.machine.handle_dial_failed(test.now, Failure::TimedOut);
        match test.happened() {
            Happening::Failed { .. } if !last => {}
            Happening::Ended(End::GaveUp(Failure::TimedOut)) if last => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_lost_connection_is_the_end_where_nobody_is_to_come_back() {
    let mut config = MachineConfig::default();
    config.reconnect = Reconnect::never();
    let mut test = Test::joined(config);
    test.machine.handle_closed(test.now, closed());
    assert_eq!(test.happened(), Happening::Ended(End::GaveUp(closed())));
}

#[test]
fn opening_takes_twenty_seconds_at_most_however_far_it_came() {
    for is_dialed in [false, true] {
        let mut test = Test::new(MachineConfig::default());
        test.until_timeout();
        assert_eq!(test.machine.poll_action(), Some(Action::Dial));
        if is_dialed {
            test.machine.handle_dialed();
        }
        test.until_timeout();
        assert_eq!(test.elapsed(), Duration::from_secs(20));
        assert_eq!(test.happened(), Happening::Ended(End::GaveUp(Failure::TimedOut)));
    }
}

#[test]
fn a_silent_server_is_a_lost_connection_and_any_word_of_it_counts() {
    let mut test = Test::joined(MachineConfig::default());
    test.after(44);
    assert_eq!(test.happenings(), []);
    test.text("2");
    assert_eq!(test.frames(), [text("3")]);
    test.after(44);
    test.text(r#"42["x"]"#);
    test.after(44);
    test.machine.handle_other(test.now);
    test.happenings();
    test.after(44);
    assert_eq!(test.happenings(), []);
    test.after(1);
    let Happening::Lost { why: Failure::PingTimeout, .. } = test.happened() else { panic!("it was silent for 45 s") };
}

#[test]
fn a_ping_s_data_goes_back_with_it() {
    let mut test = Test::joined(MachineConfig::default());
    test.text("2é");
    assert_eq!(test.frames(), [text("3é")]);
}

#[test]
fn a_server_that_pings_and_does_not_read_is_a_lost_connection() {
    let mut config = MachineConfig::default();
    config.queue_bytes_max = 100;
    let mut test = Test::joined(config);
    let large = format!("2{}", "x".repeat(200));
    test.text(&large);
    assert_eq!(test.frames().len(), 1, "one that is larger than the bound goes alone");
    test.text(&large);
    test.text("2");
    let happened = test.happened();
    assert!(matches!(happened, Happening::Lost { why: Failure::Broken(_), .. }), "{happened:?}");
}

#[test]
fn what_comes_before_the_server_s_connect_is_bounded() {
    let event = format!(r#"42["x","{}"]"#, "x".repeat(600_000));
    let mut test = Test::new(MachineConfig::default());
    test.dial();
    test.text(OPEN);
    test.text(&event);
    test.text(&event);
    assert_eq!(test.happenings(), []);
    test.text(&event);
    let happened = test.happened();
    assert!(matches!(happened, Happening::Ended(End::GaveUp(Failure::Malformed(_)))), "{happened:?}");
}

#[test]
fn what_is_no_packet_is_a_lost_connection() {
    for nonsense in ["", "x", "42[", "4", "45", r#"451-["x"]"#] {
        let mut test = Test::joined(MachineConfig::default());
        test.text(nonsense);
        if nonsense.starts_with("451") {
            assert_eq!(test.happenings(), [], "its attachment is due");
            test.text(r#"42["y"]"#);
        }
        let happened = test.happened();
        assert!(matches!(happened, Happening::Lost { why: Failure::Malformed(_), .. }), "{nonsense}: {happened:?}");
    }
    let mut test = Test::new(MachineConfig::default());
    test.dial();
    test.text("0{}");
    assert!(matches!(test.happened(), Happening::Ended(End::GaveUp(Failure::Malformed(_)))));
}

#[test]
fn a_half_packet_of_a_lost_connection_is_forgotten() {
    let mut test = Test::joined(MachineConfig::default());
    test.text(r#"451-["x",{"_placeholder":true,"num":0}]"#);
    test.machine.handle_closed(test.now, closed());
    test.happenings();
    test.machine.poll_action();
    test.join();
    test.text(r#"42["y"]"#);
    assert!(matches!(test.happened(), Happening::Event { .. }));
}

#[test]
fn the_engine_s_close_is_a_lost_connection() {
    let mut test = Test::joined(MachineConfig::default());
    test.text("1");
    assert!(matches!(test.happened(), Happening::Lost { .. }));
}

#[test]
fn an_old_server_is_final_since_it_will_not_become_another() {
    let mut config = MachineConfig::default();
    config.reconnect.first_attempts_max = None;
    let mut test = Test::new(config);
    test.dial();
    test.text(OPEN);
    test.text("40");
    let end = End::GaveUp(Failure::Unsupported(Unsupported::OldProtocol));
    assert_eq!(test.happened(), Happening::Ended(end));
}

#[test]
fn what_is_emitted_goes_out_in_order_with_its_attachments() {
    let mut test = Test::new(MachineConfig::default());
    assert_eq!(test.machine.emit(&name("x"), Arguments::empty()), Err(EmitError::NotConnected));
    test.join();
    let file = Arguments::serialize(&(1, Attachment::from(&b"png"[..]))).unwrap();
    test.machine.emit(&name("file"), &file).unwrap();
    test.machine.emit(&name("x"), Arguments::empty()).unwrap();
    let sent =
        [text(r#"451-["file",1,{"_placeholder":true,"num":0}]"#), Frame::Binary(b"png"[..].into()), text(r#"42["x"]"#)];
    assert_eq!(test.frames(), sent);
}

#[test]
fn what_the_server_would_close_for_is_not_sent() {
    let mut test = Test::joined(MachineConfig::default());
    let arguments = |len: usize| Arguments::serialize(&("x".repeat(len),)).unwrap();
    // 42["x",""] around it
    test.machine.emit(&name("x"), &arguments(90)).unwrap();
    let error = EmitError::TooLarge { bytes: 101, bytes_max: 100 };
    assert_eq!(test.machine.emit(&name("x"), &arguments(91)), Err(error));
    let large = Arguments::serialize(&(Attachment::from(vec![0; 101]),)).unwrap();
    assert_eq!(test.machine.emit(&name("x"), &large), Err(error));
    assert_eq!(test.frames().len(), 1, "nothing of what was refused");
}

#[test]
fn what_waits_to_be_sent_is_bounded() {
    let mut config = MachineConfig::default();
    config.queue_bytes_max = 20;
    let mut test = Test::joined(config);
    let emit = |test: &mut Test| test.machine.emit(&name("12345"), Arguments::empty());
    assert_eq!([emit(&mut test), emit(&mut test)], [Ok(()), Err(EmitError::Full)]);
    test.frames();
    assert_eq!(emit(&mut test), Ok(()));
}

#[test]
fn an_acknowledgement_answers_its_event_once() {
    let mut test = Test::joined(MachineConfig::default());
    let ask = |test: &mut Test, seconds| {
        test.machine.emit_with_ack(test.now, &name("x"), Arguments::empty(), Duration::from_secs(seconds)).unwrap()
    };
    let [one, two, three] = [ask(&mut test, 10), ask(&mut test, 5), ask(&mut test, 60)];
    assert_eq!(test.frames(), [text(r#"420["x"]"#), text(r#"421["x"]"#), text(r#"422["x"]"#)]);
    test.text(r#"430["yes"]"#);
    test.text(r#"430["again"]"#);
    test.text("4399[]");
    let Happening::Answered { id, answer: Ok(said) } = test.happened() else { panic!("it was answered") };
    assert_eq!((id, said.as_str()), (one, r#""yes""#));
    test.until_timeout();
    assert_eq!(test.elapsed(), Duration::from_secs(5));
    assert_eq!(test.happened(), Happening::Answered { id: two, answer: Err(NoAnswer::TimedOut) });
    test.text("431[]");
    assert_eq!(test.happenings(), [], "too late");
    test.machine.handle_closed(test.now, closed());
    let happenings = test.happenings();
    assert_eq!(happenings[0], Happening::Answered { id: three, answer: Err(NoAnswer::Lost) });
    assert!(matches!(happenings[1], Happening::Lost { .. }));
    test.machine.poll_action();
    test.join();
    assert_eq!(ask(&mut test, 1), AckId::from(3), "ids go on, so that no late answer is taken for another's");
}

#[test]
fn closing_waits_until_the_server_has_read_everything() {
    let mut test = Test::joined(MachineConfig::default());
    test.machine.emit(&name("x"), Arguments::empty()).unwrap();
    test.machine.close(test.now);
    let Frame::Ping(ping) = test.frames().remove(1) else { panic!("a ping is behind the event") };
    assert_eq!(test.machine.emit(&name("y"), Arguments::empty()), Err(EmitError::NotConnected));
    test.text("2");
    assert_eq!(test.frames(), [text("3")]);
    test.machine.handle_pong(test.now, b"another's");
    assert_eq!(test.frames(), []);
    test.machine.handle_pong(test.now, &ping);
    assert_eq!(test.frames(), [text("41"), Frame::Close]);
    test.machine.handle_closed(test.now, closed());
    assert_eq!(test.happened(), Happening::Ended(End::Closed { is_heard: true }));
}

#[test]
fn closing_says_when_it_is_not_known_whether_the_server_heard() {
    for is_lost in [false, true] {
        let mut test = Test::joined(MachineConfig::default());
        test.machine.close(test.now);
        if is_lost {
            test.machine.handle_closed(test.now, closed());
        } else {
            test.until_timeout();
            assert_eq!(test.elapsed(), Duration::from_secs(5));
        }
        assert_eq!(test.happened(), Happening::Ended(End::Closed { is_heard: false }));
    }
}

#[test]
fn closing_before_it_is_connected_is_the_end_at_once_or_with_a_goodbye() {
    let mut test = Test::new(MachineConfig::default());
    test.machine.close(test.now);
    assert_eq!(test.happened(), Happening::Ended(End::Closed { is_heard: true }));
    let mut test = Test::new(MachineConfig::default());
    test.dial();
    test.machine.close(test.now);
    assert_eq!(test.frames(), [Frame::Close]);
    test.machine.handle_closed(test.now, closed());
    assert_eq!(test.happened(), Happening::Ended(End::Closed { is_heard: true }));
    test.machine.close(test.now);
    test.text(r#"42["x"]"#);
    assert_eq!((test.frames(), test.happenings()), (vec![], vec![]), "behind the end nothing happens");
}
