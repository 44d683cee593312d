//! What becomes of events that are not simply relayed.

use std::time::{Duration, Instant};

use fanfare_policy::{
    Claims, ClientLimits, Code, Condition, Count, Decision, EventName, On, Over, Participant, Pattern, Query, Rate,
    Refusal, Relay, Rule, Rules, Schema, Scope, Shape, Template,
};
use hub::{Room, SocketId};
use socketio_codec::{Decoder, Event, Limits, Packet, Text};

fn event(text: &str) -> Event {
    match Decoder::new(Limits::default()).handle_text(Text::from(format!("2{text}"))) {
        Ok(Some(Packet::Event { event, .. })) => event,
        other => panic!("no event: {other:?}"),
    }
}

fn client(claims: &str) -> Participant {
    Participant::new(
        SocketId::from_random([1; 15]),
        Claims::parse(claims).expect("valid"),
        Query::default(),
        claims == "{}",
    )
}

fn to_all() -> Rule {
    Rule { relay: Some(Relay { emit: None, to: Scope::All, volatile: false, count: Count::Node }), ..Rule::default() }
}

fn to_room(room: &str) -> Rule {
    let to = Scope::Room { room: Template::parse(room).expect("valid"), except_sender: false };
    Rule { relay: Some(Relay { emit: None, to, volatile: false, count: Count::Node }), ..Rule::default() }
}

fn rules(all: impl IntoIterator<Item = (&'static str, Rule)>) -> Rules {
    let mut rules = Rules::default();
    for (on, rule) in all {
        rules.add(On::Event(EventName::parse(on).expect("valid")), rule).expect("valid");
    }
    rules
}

fn refusal(rules: &Rules, client: &mut Participant, text: &str) -> Option<Refusal> {
    match rules.decide(client, &event(text), Instant::now()) {
        Decision::Refuse(refusal) => Some(refusal),
        Decision::Deliver(_) => None,
        other => panic!("{other:?}"),
    }
}

fn code(rules: &Rules, client: &mut Participant, text: &str) -> Option<Code> {
    refusal(rules, client, text).map(|refusal| refusal.code)
}

fn names(rooms: &[Room]) -> Vec<&str> {
    rooms.iter().map(Room::as_str).collect()
}

/// The default, changed.
fn limits(change: impl FnOnce(&mut ClientLimits)) -> ClientLimits {
    let mut limits = ClientLimits::default();
    change(&mut limits);
    limits
}

#[test]
fn who_sends_and_what_is_sent_is_asked_before_where_it_goes() {
    let mut shape = Shape::default();
    (shape.args_max, shape.bytes_max) = (1, 40);
    let when = vec![Condition::new(["role".to_owned()], ["editor".to_owned()])];
    let rule =
        Rule { when, shape: Some(Box::new(shape)), require_member: true, ..to_room("doc:{claims.a}:{args.0.id}") };
    let rules = rules([("x", rule)]);
    let long = format!(r#"["x",{{"id":"{}"}}]"#, "a".repeat(40));
    for (claims, text, expected) in [
        ("{}", r#"["y"]"#, Code::UnknownEvent),
        ("{}", &*long, Code::Forbidden),
        (r#"{"role":"editor"}"#, &*long, Code::TooLarge),
        (r#"{"role":"editor"}"#, r#"["x",1,2]"#, Code::Invalid),
        (r#"{"role":"editor"}"#, r#"["x",{"id":1}]"#, Code::NoValue),
        (r#"{"role":"editor","a":1}"#, r#"["x",{"id":1}]"#, Code::NotMember),
    ] {
        assert_eq!(code(&rules, &mut client(claims), text), Some(expected), "{claims} {text}");
    }
}

#[test]
fn a_value_that_is_there_and_none_is_not_called_missing() {
    let rules = rules([("x", to_room("doc:{args.0}"))]);
    let long = format!(r#"["x","{}"]"#, "a".repeat(257));
    for (text, said) in [
        (r#"["x"]"#, "missing"),
        (r#"["x",null]"#, "missing"),
        (r#"["x",""]"#, "missing"),
        (&*long, "longer than 256 bytes"),
        (r#"["x",18446744073709551616]"#, "a whole number of 64 bits"),
        (r#"["x",{}]"#, "neither text"),
    ] {
        let refusal = refusal(&rules, &mut client("{}"), text).expect("it is refused");
        assert_eq!(refusal.code, Code::NoValue);
        assert!(refusal.message.contains(said), "{text}: {}", refusal.message);
    }
}

#[test]
fn a_client_that_is_slowed_down_loses_nothing_and_is_held() {
    let mut rules = rules([("x", to_all())]);
    rules.set_client(limits(|limits| (limits.events, limits.bytes) = (Rate::new(10, Some(10)), None)));
    let (mut client, now, event) = (client("{}"), Instant::now(), event(r#"["x"]"#));
    for _ in 0..9 {
        assert!(matches!(rules.decide(&mut client, &event, now), Decision::Deliver(_)));
    }
    assert_eq!(client.held_until(), None);
    for _ in 0..11 {
        assert!(matches!(rules.decide(&mut client, &event, now), Decision::Deliver(_)));
    }
    assert_eq!(client.held_until(), Some(now + Duration::from_millis(1100)));
}

#[test]
fn over_a_limit_an_event_is_refused_dropped_or_ends_the_connection() {
    for (over, at_client) in [(Over::Refuse, true), (Over::Drop, true), (Over::Close, true), (Over::Refuse, false)] {
        let (rate, mut rule) = (Rate::new(1, Some(2)), to_all());
        let mut limits = limits(|limits| limits.over = over);
        if at_client {
            limits.events = rate
        } else {
            rule.rate = Some((rate.unwrap(), over))
        }
        let mut rules = rules([("x", rule), ("y", to_all())]);
        rules.set_client(limits);
        let (mut client, now) = (client("{}"), Instant::now());
        let mut decide = |text| format!("{:?}", rules.decide(&mut client, &event(text), now));
        let (first, second, third, other) =
            (decide(r#"["x"]"#), decide(r#"["x"]"#), decide(r#"["x"]"#), decide(r#"["y"]"#));
        assert!(first.starts_with("Deliver") && second.starts_with("Deliver"));
        let expected = match over {
            Over::Refuse => "Refuse(Refusal { code: RateLimited",
            Over::Drop => "Drop(RateLimited)",
            _ => "Close(RateLimited)",
        };
        assert!(third.starts_with(expected), "{third}");
        assert_eq!(other.starts_with("Deliver"), !at_client, "{other}");
    }
}

#[test]
fn an_event_larger_than_the_burst_passes_and_has_to_be_paid_for() {
    let mut rules = rules([("x", to_all())]);
    let bytes = Rate::new(10, Some(10));
    rules.set_client(limits(|limits| (limits.bytes, limits.over) = (bytes, Over::Refuse)));
    let (mut client, now) = (client("{}"), Instant::now());
    let large = event(&format!(r#"["x","{}"]"#, "a".repeat(95)));
    assert!(matches!(rules.decide(&mut client, &large, now), Decision::Deliver(_)));
    let Decision::Refuse(refusal) = rules.decide(&mut client, &large, now) else { panic!("the bucket owes") };
    assert_eq!(refusal.retry_after, Some(Duration::from_millis(9100)));
}

#[test]
fn who_causes_refusals_is_closed_at_some_point() {
    let rules = rules([("x", to_all())]);
    let (mut client, now) = (client("{}"), Instant::now());
    assert_eq!((0..100).position(|_| client.refused(&rules, now)), Some(40));
    assert!(!client.refused(&rules, now + Duration::from_secs(1)));
}

#[test]
fn a_client_is_in_no_more_rooms_than_it_may_be() {
    let mut rules = rules([("move", Rule { leave: Some(Template::parse("doc:{args.0}").unwrap()), ..to_room("x") })]);
    rules.set_join(EventName::parse("join").unwrap(), vec![Pattern::parse("doc:*").unwrap()]).unwrap();
    rules.set_leave(EventName::parse("leave").unwrap()).unwrap();
    rules.set_client(limits(|limits| limits.rooms_max = 2));
    let mut client = client("{}");
    for (text, expected) in [
        (r#"["join","doc:1"]"#, None),
        (r#"["join","doc:2"]"#, None),
        (r#"["join","doc:1"]"#, None),
        (r#"["join","doc:3"]"#, Some(Code::TooManyRooms)),
        (r#"["leave","doc:1"]"#, None),
        (r#"["leave","doc:1"]"#, None),
        (r#"["join","doc:3"]"#, None),
        (r#"["join","dog:3"]"#, Some(Code::Forbidden)),
        (r#"["join"]"#, Some(Code::NoValue)),
    ] {
        assert_eq!(code(&rules, &mut client, text), expected, "{text}");
    }
    assert_eq!(client.rooms().map(Room::as_str).collect::<Vec<_>>(), ["doc:2", "doc:3"]);
}

#[test]
fn who_is_not_known_goes_without_rooms_that_are_made_of_claims_and_others_need_them() {
    let mut rules = Rules::default();
    rules.set_rooms(["a:{claims.a}", "all:"].map(|text| Template::parse(text).unwrap()).to_vec());
    let mut unknown = Participant::new(SocketId::from_random([1; 15]), Claims::default(), Query::default(), false);
    assert_eq!(rules.enter(&mut unknown, vec!["x".into()]).unwrap_err().code, Code::NoValue);
    assert_eq!(unknown.rooms().count(), 0);
    let long = Claims::parse(&format!(r#"{{"a":"{}"}}"#, "a".repeat(257))).unwrap();
    let mut long = Participant::new(SocketId::from_random([1; 15]), long, Query::default(), false);
    let refusal = rules.enter(&mut long, vec![]).unwrap_err();
    assert_eq!(refusal.message, "a value that the room is named by is longer than 256 bytes");
    assert_eq!(names(&rules.enter(&mut client("{}"), vec!["x".into()]).unwrap()), ["all:", "x"]);
    assert_eq!(names(&rules.enter(&mut client(r#"{"a":1}"#), vec!["all:".into()]).unwrap()), ["a:1", "all:"]);
}

#[test]
fn a_renewed_client_leaves_what_its_claims_led_to_and_stays_elsewhere() {
    let mut rules = Rules::default();
    rules.set_rooms(["a:{claims.a}", "u:{claims.u}"].map(|text| Template::parse(text).unwrap()).to_vec());
    let allow = ["doc:{claims.a}:*", "open:*"].map(|text| Pattern::parse(text).unwrap()).to_vec();
    rules.set_join(EventName::parse("join").unwrap(), allow).unwrap();
    let mut client = client(r#"{"a":1,"u":"x"}"#);
    rules.enter(&mut client, vec!["named".into()]).unwrap();
    for text in [r#"["join","doc:1:p"]"#, r#"["join","open:p"]"#] {
        assert_eq!(code(&rules, &mut client, text), None);
    }
    let claims = |text| Claims::parse(text).unwrap();
    // Nothing that rooms are made of is another.
    let moves = rules.renew(&mut client, claims(r#"{"a":"1","u":"x","exp":7}"#), vec!["named".into()]).unwrap();
    assert_eq!((moves.leave, moves.join), (vec![], vec![]));
    // A value is missing: nothing happens.
    let refused = rules.renew(&mut client, claims(r#"{"a":2}"#), vec![]).unwrap_err();
    assert_eq!((refused.code, client.rooms().count()), (Code::NoValue, 5));
    let moves = rules.renew(&mut client, claims(r#"{"a":2,"u":"x"}"#), vec!["other".into()]).unwrap();
    assert_eq!((names(&moves.leave), names(&moves.join)), (vec!["a:1", "named", "doc:1:p"], vec!["a:2", "other"]));
    assert_eq!(client.rooms().map(Room::as_str).collect::<Vec<_>>(), ["a:2", "open:p", "other", "u:x"]);
}

#[test]
fn who_may_join_a_room_no_more_is_in_it_no_more() {
    let staff = Rule {
        when: vec![Condition::new(["role".to_owned()], ["admin".to_owned()])],
        join: Some(Template::parse("staff").unwrap()),
        ..Rule::default()
    };
    let rules = rules([("staff", staff)]);
    let mut client = client(r#"{"role":"admin"}"#);
    assert_eq!(code(&rules, &mut client, r#"["staff"]"#), None);
    let moves = rules.renew(&mut client, Claims::parse(r#"{"role":["x","admin"]}"#).unwrap(), vec![]).unwrap();
    assert_eq!(moves.leave, vec![]);
    let moves = rules.renew(&mut client, Claims::parse(r#"{"role":"x"}"#).unwrap(), vec![]).unwrap();
    assert_eq!((names(&moves.leave), client.rooms().count()), (vec!["staff"], 0));
    assert_eq!(code(&rules, &mut client, r#"["staff"]"#), Some(Code::Forbidden));
}

#[test]
fn what_does_not_fit_a_schema_is_told_where_and_what_was_expected() {
    let schema = r#"{"type":"object","required":["title"],"additionalProperties":false,"properties":{
        "title":{"type":"string","maxLength":5},"kind":{"enum":["a","b"]},"tags":{"type":"array","items":{"type":["string","null"]}},
        "code":{"pattern":"^[A-Z]+$"}}}"#;
    let mut shape = Shape::default();
    (shape.schemas, shape.has_binary, shape.args_min) = (vec![Schema::parse(schema).unwrap()], false, 1);
    let rules = rules([("x", Rule { shape: Some(Box::new(shape)), ..to_all() })]);
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    for (argument, path, expected) in [
        (r#"{"title":"a","tags":["x",null]}"#, None, None),
        ("7", Some("/0"), Some("a value of the type object")),
        ("{}", Some("/0"), Some("the member \"title\"")),
        (r#"{"title":"abcdef"}"#, Some("/0/title"), Some("at most 5 characters")),
        (r#"{"title":"a","kind":"c"}"#, Some("/0/kind"), Some(r#"one of ["a","b"]"#)),
        (r#"{"title":"a","tags":[1]}"#, Some("/0/tags/0"), Some("a value of the type null or string")),
        (r#"{"title":"a","code":"a"}"#, Some("/0/code"), Some("a text that matches ^[A-Z]+$")),
        (r#"{"title":"a","x":1}"#, Some("/0"), Some("no other members")),
        (r#"{"title":"\ud800"}"#, Some("/0"), Some("text without half characters, and numbers of a usual size")),
        (&deep, Some("/0"), Some("at most 64 objects and lists in one another")),
    ] {
        let refusal = refusal(&rules, &mut client("{}"), &format!("[\"x\",{argument}]"));
        let told = refusal.map(|refusal| (refusal.path, refusal.expected)).unwrap_or_default();
        assert_eq!((told.0.as_deref(), told.1.as_deref()), (path, expected), "{argument}");
    }
    let refusal = refusal(&rules, &mut client("{}"), r#"["x"]"#).unwrap();
    assert_eq!((refusal.path.as_deref(), refusal.expected.as_deref()), (Some(""), Some("at least 1 argument")));
}

#[test]
fn a_value_takes_no_longer_for_being_deep() {
    let schema = r##"{"anyOf":[{"items":{"$ref":"#"},"maxItems":0},{"items":{"$ref":"#"},"maxItems":1}]}"##;
    let mut shape = Shape::default();
    shape.schemas = vec![Schema::parse(schema).unwrap()];
    let rules = rules([("x", Rule { shape: Some(Box::new(shape)), ..to_all() })]);
    let nested = |depth: usize| format!("[\"x\",{}{}]", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(code(&rules, &mut client("{}"), &nested(5)), None);
    assert_eq!(code(&rules, &mut client("{}"), &nested(50)), Some(Code::Invalid));
}

#[test]
fn a_schema_that_could_take_forever_is_no_schema() {
    let doubling: String = (0..40)
        .map(|n| format!(r##""d{n}":{{"allOf":[{{"$ref":"#/$defs/d{m}"}},{{"$ref":"#/$defs/d{m}"}}]}},"##, m = n + 1))
        .collect();
    let doubling = format!(r##"{{"$defs":{{{doubling}"d40":true}},"$ref":"#/$defs/d0"}}"##);
    let deep = format!("{}true{}", r#"{"items":"#.repeat(100), "}".repeat(100));
    for schema in [
        r##"{"$ref":"#"}"##,
        r##"{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}},"items":{"$ref":"#/$defs/a"}}"##,
        r##"{"$ref":"#/$defs/none"}"##,
        r#"{"$ref":"other.json"}"#,
        r#"{"$ref":"https://example.com/x"}"#,
        r##"{"$dynamicRef":"#a"}"##,
        r#"{"pattern":"(?=a)"}"#,
        r#"{"pattern":"(a)\\1"}"#,
        r#"{"pattern":"((a{1000}){1000}){1000}"}"#,
        r#"{"type":"strnig"}"#,
        r#"{"$schema":"https://json-schema.org/draft/2019-09/schema"}"#,
        r#"{"$schema":7}"#,
        "{",
        &doubling,
        &deep,
        &" ".repeat(Schema::TEXT_BYTES_MAX + 1),
    ] {
        let told = Schema::parse(schema).unwrap_err();
        assert!(told.starts_with("a JSON Schema"), "{told}");
    }
    // A tree refers to itself for what is inside it, and may.
    let tree = r##"{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"left":{"$ref":"#"},"right":{"$ref":"#"}}}"##;
    assert!(Schema::parse(tree).is_ok());
}
