//! Decisions beside a slow model: rules in a list, of which the first that is about an event counts.

use hub::{Room, SocketId};
use policy::{
    Code, Decision, Deliver, EventName, On, Onward, Policy, Recipients, Relay, RoomName, Rule, Rules, Scope, Sender,
    parse_namespace,
};
use socketio_codec::{Decoder, Event, Limits, Packet, Text};

#[test]
fn a_decision_is_the_first_rule_of_a_list_that_is_about_the_event() {
    for seed in 0..2000 {
        let mut random = Random(seed);
        let mut rules = Rules::default();
        let mut model: Vec<(Option<&str>, Rule)> = Vec::new();
        for _ in 0..random.below(8) {
            let on = random.pick(&[None, Some("a"), Some("b"), Some("ü\"\\"), Some("join")]);
            let rule = random.rule();
            let parsed = on.map_or(On::Any, |name| On::Event(EventName::parse(name).unwrap()));
            let is_second = model.iter().any(|(earlier, _)| *earlier == on);
            assert_eq!(rules.add(parsed, rule.clone()).is_err(), is_second, "seed {seed}");
            if !is_second {
                model.push((on, rule));
            }
        }
        // The wildcard is for what no other rule is about.
        model.sort_by_key(|(on, _)| on.is_none());
        let sender = Sender::new(SocketId::from_random([random.below(256) as u8; 15]));
        // Written as clients may write them: with escapes, as a number, not at all.
        for (written, name) in [
            (r#""a""#, "a"),
            (r#""\u0061""#, "a"),
            (r#""b""#, "b"),
            (r#""\u00fc\"\\""#, "ü\"\\"),
            (r#""*""#, "*"),
            ("1", "1"),
            (r#""""#, ""),
        ] {
            let event = event(written);
            let expected = model.iter().find(|(on, _)| on.is_none_or(|on| on == name));
            let decision = rules.decide(&sender, &event);
            match expected {
                None => assert!(
                    matches!(decision, Decision::Refuse(refusal) if refusal.code == Code::UnknownEvent),
                    "seed {seed}, {name}"
                ),
                Some((_, rule)) => assert_eq!(decision, expectation(rule, &sender, &event), "seed {seed}, {name}"),
            }
        }
    }
}

/// What a rule says, word for word.
fn expectation<'a>(rule: &'a Rule, sender: &Sender, event: &'a Event) -> Decision<'a> {
    let room = |name: &RoomName| Room::from(name.as_str());
    let onward = rule.relay.as_ref().map(|relay| {
        let name = match &relay.emit {
            Some(emit) => emit.raw(),
            None => event.raw_name(),
        };
        let to = match &relay.to {
            Scope::All => Recipients::All,
            Scope::Others => Recipients::AllBut(sender.socket),
            Scope::Sender => Recipients::Only(sender.socket),
            Scope::Room(name) => Recipients::Room(room(name)),
        };
        Onward { name, to, volatile: relay.volatile }
    });
    Decision::Deliver(Deliver { leave: rule.leave.as_ref().map(room), join: rule.join.as_ref().map(room), onward })
}

#[test]
fn an_event_that_keeps_its_name_goes_on_as_it_was_written() {
    let rules = Rules::open();
    let event = event(r#""\u0061""#);
    let sender = Sender::new(SocketId::from_random([0; 15]));
    let Decision::Deliver(Deliver { onward: Some(onward), .. }) = rules.decide(&sender, &event) else {
        panic!("open rules refuse nothing");
    };
    assert_eq!(onward.name.as_str(), r#""\u0061""#);
}

#[test]
fn a_policy_knows_its_namespaces_and_no_others() {
    let named = ["/", "/chat"].map(|name| (parse_namespace(name).unwrap(), Rules::open()));
    let policy = Policy::new(named);
    assert!(policy.namespace("/chat").is_some() && policy.namespace("/").is_some());
    assert!(policy.namespace("/Chat").is_none() && policy.namespace("").is_none());
    assert_eq!(policy.namespaces().len(), 2);
    assert_eq!(Policy::default().namespaces().len(), 1);
}

fn event(name: &str) -> Event {
    let frame = Text::from(format!("2[{name},{{\"x\":[1]}}]"));
    match Decoder::new(Limits::default()).handle_text(frame) {
        Ok(Some(Packet::Event { event, .. })) => event,
        other => panic!("no event: {other:?}"),
    }
}

/// xorshift64*: the same for the same seed, everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        let mut x = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0 = x;
        x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }

    fn rule(&mut self) -> Rule {
        let room = |name| RoomName::parse(name).expect("a name that is not empty");
        let rooms = [None, Some(room("x")), Some(room("y"))];
        let scopes = [Scope::All, Scope::Others, Scope::Sender, Scope::Room(room("x")), Scope::Room(room("z"))];
        let relay = (self.below(4) != 0).then(|| Relay {
            emit: self.pick(&[None, Some(EventName::parse("emitted").expect("a name that is not reserved"))]),
            to: self.pick(&scopes),
            volatile: self.below(2) == 0,
        });
        Rule { leave: self.pick(&rooms), join: self.pick(&rooms), relay }
    }
}
