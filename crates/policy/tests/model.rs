//! Decisions beside a slow model: rules in a list, of which the first that is about an event counts.

use std::time::Instant;

use fanfare_policy::{
    Claims, Code, Count, Decision, Deliver, EventName, On, Onward, Participant, Policy, Query, Recipients, Relay, Rule,
    Rules, Scope, Template, parse_namespace,
};
use hub::{Room, SocketId};
use socketio_codec::{Decoder, Event, Limits, Packet, Text};

mod random;

use random::Random;

#[test]
fn a_decision_is_the_first_rule_of_a_list_that_is_about_the_event() {
    for seed in 0..2000 {
        let mut random = Random(seed);
        let mut rules = Rules::default();
        let mut model: Vec<(Option<&str>, Rule)> = Vec::new();
        for _ in 0..random.below(8) {
            let on = random.pick(&[None, Some("a"), Some("b"), Some("ü\"\\"), Some("join")]);
            let rule = random_rule(&mut random);
            let parsed = on.map_or(On::Any, |name| On::Event(EventName::parse(name).unwrap()));
            let is_second = model.iter().any(|(earlier, _)| *earlier == on);
            assert_eq!(rules.add(parsed, rule.clone()).is_err(), is_second, "seed {seed}");
            if !is_second {
                model.push((on, rule));
            }
        }
        // The wildcard is for what no other rule is about.
        model.sort_by_key(|(on, _)| on.is_none());
        let socket = SocketId::from_random([random.below(256) as u8; 15]);
        let mut sender = participant(socket);
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
            let decision = rules.decide(&mut sender, &event, Instant::now());
            match expected {
                None => assert!(
                    matches!(decision, Decision::Refuse(refusal) if refusal.code == Code::UnknownEvent),
                    "seed {seed}, {name}"
                ),
                Some((on, rule)) => {
                    let on = on.unwrap_or("*");
                    let (number, _) = rules.numbers().find(|(_, known)| *known == on).unwrap();
                    assert_eq!(decision, expectation(number, rule, socket, &event), "seed {seed}, {name}");
                }
            }
        }
    }
}

/// What a rule says, word for word.
fn expectation<'a>(number: usize, rule: &'a Rule, sender: SocketId, event: &'a Event) -> Decision<'a> {
    let room = |name: &Template| Room::from(name.as_str());
    let onward = rule.relay.as_ref().map(|relay| {
        let name = match &relay.emit {
            Some(emit) => emit.raw(),
            None => event.raw_name(),
        };
        let to = match &relay.to {
            Scope::All => Recipients::All,
            Scope::Others => Recipients::AllBut(sender),
            Scope::Sender => Recipients::Only(sender),
            Scope::Room { room: name, except_sender: false } => Recipients::Room(room(name)),
            Scope::Room { room: name, except_sender: true } => Recipients::RoomBut(room(name), sender),
        };
        Onward { name, to, volatile: relay.volatile, count: relay.count }
    });
    let [leave, join] = [&rule.leave, &rule.join].map(|name| name.as_ref().map(room));
    Decision::Deliver(Deliver { number, leave, join, onward })
}

#[test]
fn an_event_that_keeps_its_name_goes_on_as_it_was_written() {
    let rules = Rules::open();
    let event = event(r#""\u0061""#);
    let mut sender = participant(SocketId::from_random([0; 15]));
    let Decision::Deliver(Deliver { onward: Some(onward), .. }) = rules.decide(&mut sender, &event, Instant::now())
    else {
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

/// Somebody of whom nothing is known.
fn participant(socket: SocketId) -> Participant {
    Participant::new(socket, Claims::default(), Query::default(), true)
}

fn event(name: &str) -> Event {
    let frame = Text::from(format!("2[{name},{{\"x\":[1]}}]"));
    match Decoder::new(Limits::default()).handle_text(frame) {
        Ok(Some(Packet::Event { event, .. })) => event,
        other => panic!("no event: {other:?}"),
    }
}

fn random_rule(random: &mut Random) -> Rule {
    let room = |name| Template::parse(name).expect("a name that is not empty");
    let rooms = [None, Some(room("x")), Some(room("y"))];
    let to = |name, except_sender| Scope::Room { room: room(name), except_sender };
    let scopes = [Scope::All, Scope::Others, Scope::Sender, to("x", false), to("z", true)];
    let relay = (random.below(4) != 0).then(|| Relay {
        emit: random.pick(&[None, Some(EventName::parse("emitted").expect("a name that is not reserved"))]),
        to: random.pick(&scopes),
        volatile: random.below(2) == 0,
        count: random.pick(&[Count::Node, Count::Cluster]),
    });
    Rule { leave: random.pick(&rooms), join: random.pick(&rooms), relay, ..Rule::default() }
}
