//! What becomes of clients when the rules are others, beside a slow model: a client that came in under the new rules.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fanfare_policy::{
    Claims, ClientLimits, Condition, Decision, EventName, Moves, On, Over, Participant, Pattern, Query, Rate, Rule,
    Rules, Template,
};
use hub::{Room, SocketId};
use socketio_codec::{Decoder, Event, Limits, Packet, Text};

mod random;

use random::Random;

fn event(text: &str) -> Event {
    match Decoder::new(Limits::default()).handle_text(Text::from(format!("2{text}"))) {
        Ok(Some(Packet::Event { event, .. })) => event,
        other => panic!("no event: {other:?}"),
    }
}

fn client(claims: &str, query: &str) -> Participant {
    let query = Query::pick(query, ["q"]);
    Participant::new(SocketId::from_random([1; 15]), Claims::parse(claims).expect("valid"), query, claims == "{}")
}

fn name(text: &str) -> EventName {
    EventName::parse(text).expect("valid")
}

fn at_connect(rooms: &[&str]) -> Rules {
    let mut rules = Rules::default();
    rules.set_rooms(rooms.iter().map(|room| Template::parse_at_connect(room).expect("valid")).collect());
    rules
}

fn joining(allow: &[&str], rule: Option<(&str, Option<&str>)>) -> Rules {
    let mut rules = Rules::default();
    if !allow.is_empty() {
        rules
            .set_join(name("join"), allow.iter().map(|text| Pattern::parse(text).expect("valid")).collect())
            .expect("valid");
    }
    if let Some((room, role)) = rule {
        let when = role.map(|role| Condition::new(["role".to_owned()], [role.to_owned()])).into_iter().collect();
        let rule = Rule { when, join: Some(Template::parse(room).expect("valid")), ..Rule::default() };
        rules.add(On::Event(name("enter")), rule).expect("valid");
    }
    rules
}

fn send(rules: &Rules, client: &mut Participant, text: &str) {
    let event = event(text);
    assert!(matches!(rules.decide(client, &event, Instant::now()), Decision::Deliver(_)), "{text}");
}

fn names<'a>(rooms: impl IntoIterator<Item = &'a Room>) -> Vec<&'a str> {
    rooms.into_iter().map(Room::as_str).collect()
}

#[test]
fn first_rooms_follow_the_rules_and_a_missing_value_leads_nowhere() {
    let old = at_connect(&["all:", "a:{claims.a}", "gone:"]);
    let new = at_connect(&[
        "all:",
        "b:{claims.b.c}",
        "n:{claims.none}",
        "q:{handshake.query.q}",
        "o:{handshake.query.other}",
    ]);
    let mut client = client(r#"{"a":1,"b":{"c":2}}"#, "q=3");
    old.enter(&mut client, vec!["named".into(), "gone:".into()]).unwrap();
    let Moves { leave, join, missing, .. } = new.succeed(&mut client, &old, Instant::now());
    assert_eq!((names(&leave), names(&join)), (vec!["a:1"], vec!["b:2", "q:3"]));
    let missing: Vec<&str> = missing.iter().map(|(room, _)| &**room).collect();
    assert_eq!(missing, ["n:{claims.none}", "o:{handshake.query.other}"]);
    assert_eq!(names(client.rooms()), ["all:", "b:2", "gone:", "named", "q:3"], "one is kept for another reason");
    let Moves { leave, join, missing, .. } = old.succeed(&mut client, &new, Instant::now());
    assert_eq!((names(&leave), names(&join)), (vec!["b:2", "q:3"], vec!["a:1"]), "and back");
    assert!(missing.is_empty());
}

#[test]
fn what_a_client_left_itself_it_does_not_join_again_unless_it_is_new() {
    let mut old = at_connect(&["a:", "b:"]);
    old.add(On::Event(name("leave")), Rule { leave: Some(Template::parse("a:").unwrap()), ..Rule::default() }).unwrap();
    let mut client = client("{}", "");
    old.enter(&mut client, vec![]).unwrap();
    send(&old, &mut client, r#"["leave"]"#);
    let new = at_connect(&["a:", "b:", "c:"]);
    let moves = new.succeed(&mut client, &old, Instant::now());
    assert_eq!((names(&moves.leave), names(&moves.join)), (vec![], vec!["c:"]));
}

#[test]
fn an_anonymous_client_stays_without_rooms_that_are_made_of_claims() {
    let (old, new) = (at_connect(&["all:"]), at_connect(&["all:", "a:{claims.a}"]));
    let mut client = client("{}", "");
    old.enter(&mut client, vec![]).unwrap();
    assert_eq!(new.succeed(&mut client, &old, Instant::now()), Moves::default());
}

#[test]
fn a_room_that_an_event_led_to_is_kept_if_one_could_lead_there_still() {
    let claims = r#"{"a":1,"role":"staff"}"#;
    for (old, text, room, kept, new) in [
        // Another door is no reason to leave.
        (joining(&["doc:*"], None), r#"["join","doc:x y"]"#, "doc:x%20y", true, joining(&["doc:*", "dog:*"], None)),
        (joining(&["doc:*"], None), r#"["join","doc:x"]"#, "doc:x", false, joining(&["dog:*"], None)),
        (joining(&["doc:*"], None), r#"["join","doc:x"]"#, "doc:x", true, joining(&[], Some(("doc:{args.0}", None)))),
        // Once for all, now for some.
        (
            joining(&["doc:*"], None),
            r#"["join","doc:x"]"#,
            "doc:x",
            false,
            joining(&[], Some(("doc:{args.0}", Some("admin")))),
        ),
        (
            joining(&["doc:*"], None),
            r#"["join","doc:x"]"#,
            "doc:x",
            true,
            joining(&[], Some(("doc:{args.0}", Some("staff")))),
        ),
        (joining(&["doc:*"], None), r#"["join","doc:1:x"]"#, "doc:1%3Ax", false, joining(&["doc:{claims.a}:*"], None)),
        (
            joining(&["doc:{claims.a}:*"], None),
            r#"["join","doc:1:x"]"#,
            "doc:1:x",
            true,
            joining(&["doc:{claims.a}:*"], None),
        ),
        (
            joining(&["doc:{claims.a}:*"], None),
            r#"["join","doc:1:x"]"#,
            "doc:1:x",
            false,
            joining(&["doc:{claims.role}:*"], None),
        ),
        (
            joining(&[], Some(("staff", Some("staff")))),
            r#"["enter"]"#,
            "staff",
            true,
            joining(&[], Some(("staff", None))),
        ),
        (
            joining(&[], Some(("staff", Some("staff")))),
            r#"["enter"]"#,
            "staff",
            false,
            joining(&[], Some(("stuff", None))),
        ),
    ] {
        let mut client = client(claims, "");
        send(&old, &mut client, text);
        assert_eq!(names(client.rooms()), [room]);
        let moves = new.succeed(&mut client, &old, Instant::now());
        assert_eq!(client.rooms().count() == 1, kept, "{room}");
        assert_eq!(names(&moves.leave), if kept { vec![] } else { vec![room] });
    }
}

#[test]
fn the_reason_to_be_in_a_room_is_the_new_rules_own() {
    let (old, new) = (joining(&["doc:*"], None), joining(&[], Some(("doc:{args.0}", Some("staff")))));
    let mut client = client(r#"{"role":"staff"}"#, "");
    send(&old, &mut client, r#"["join","doc:x"]"#);
    new.succeed(&mut client, &old, Instant::now());
    let moves = new.renew(&mut client, Claims::parse(r#"{"role":"guest"}"#).unwrap(), vec![]).unwrap();
    assert_eq!(names(&moves.leave), ["doc:x"], "it was in for its role by then");
}

fn limited(events: Option<Rate>, rate: Option<Rate>, over: Over) -> Rules {
    let mut rules = Rules::default();
    // In another order, so under another number.
    for (on, rate) in [("other", Rate::new(1, None)), ("x", rate)].into_iter().rev() {
        let rule = Rule {
            rate: rate.map(|rate| (rate, over)),
            join: Some(Template::parse("r:").expect("valid")),
            ..Rule::default()
        };
        rules.add(On::Event(name(on)), rule).expect("valid");
    }
    let mut limits = ClientLimits::default();
    (limits.events, limits.bytes, limits.over) = (events, None, over);
    rules.set_client(limits);
    rules
}

fn passed(rules: &Rules, client: &mut Participant, now: Instant) -> usize {
    let event = event(r#"["x"]"#);
    (0..1000).take_while(|_| matches!(rules.decide(client, &event, now), Decision::Deliver(_))).count()
}

#[test]
fn limits_hold_at_once_for_what_was_done_before() {
    let rate = |per_s, burst| Rate::new(per_s, Some(burst));
    for own in [false, true] {
        let rules = |rate| if own { limited(None, rate, Over::Refuse) } else { limited(rate, None, Over::Refuse) };
        let (mut client, now) = (client("{}", ""), Instant::now());
        let (ten, hundred) = (rules(rate(10, 10)), rules(rate(100, 100)));
        assert_eq!(passed(&ten, &mut client, now), 10);
        hundred.succeed(&mut client, &ten, now);
        assert_eq!(passed(&hundred, &mut client, now), 90, "ten of a hundred are gone");
        ten.succeed(&mut client, &hundred, now);
        assert_eq!(passed(&ten, &mut client, now), 0);
        assert_eq!(
            passed(&ten, &mut client, now + Duration::from_millis(500)),
            5,
            "nobody owes by what it was allowed"
        );
        let none = rules(None);
        none.succeed(&mut client, &ten, now);
        assert_eq!(passed(&none, &mut client, now), 1000);
    }
}

#[test]
fn who_is_held_is_let_go_where_the_limit_is_gone() {
    let rate = Rate::new(1, Some(1));
    for (slow, free) in [
        (limited(rate, None, Over::Slow), limited(Rate::new(1000, None), None, Over::Slow)),
        (limited(None, rate, Over::Slow), limited(None, None, Over::Slow)),
        (limited(rate, None, Over::Slow), limited(rate, None, Over::Refuse)),
    ] {
        let (mut client, now) = (client("{}", ""), Instant::now());
        for _ in 0..5 {
            slow.decide(&mut client, &event(r#"["x"]"#), now);
        }
        assert_eq!(client.held_until(), Some(now + Duration::from_secs(5)));
        slow.succeed(&mut client, &slow, now);
        assert_eq!(client.held_until(), Some(now + Duration::from_secs(5)));
        free.succeed(&mut client, &slow, now);
        assert_eq!(client.held_until(), None);
    }
}

/// However rules follow one another, a client that has sent nothing is where one is that comes in under the last of them, and
/// has been told all of the way there.
#[test]
fn who_moves_over_is_where_a_newcomer_is() {
    let rooms = ["all:", "a:{claims.a}", "b:{claims.b}", "n:{claims.none}", "q:{handshake.query.q}", "x:"];
    for seed in 0..2000 {
        let mut random = Random(seed);
        let mut any = || {
            let kept: Vec<&str> = rooms.iter().filter(|_| random.below(2) == 0).copied().collect();
            at_connect(&kept)
        };
        let mut rules = any();
        let mut moved = client(r#"{"a":"1","b":2}"#, "q=7");
        let entered = rules.enter(&mut moved, vec![]);
        let mut told: BTreeSet<String> = match entered {
            Ok(rooms) => names(&rooms).into_iter().map(str::to_owned).collect(),
            Err(_) => continue,
        };
        for _ in 0..4 {
            let next = any();
            let Moves { leave, join, .. } = next.succeed(&mut moved, &rules, Instant::now());
            for room in names(&leave) {
                assert!(told.remove(room), "seed {seed}: it was not in {room}");
            }
            for room in names(&join) {
                assert!(told.insert(room.to_owned()), "seed {seed}: it was in {room}");
            }
            rules = next;
            let whole: Vec<&str> =
                rules.rooms().iter().map(Template::as_str).filter(|room| *room != "n:{claims.none}").collect();
            let mut newcomer = client(r#"{"a":"1","b":2}"#, "q=7");
            at_connect(&whole).enter(&mut newcomer, vec![]).unwrap();
            assert_eq!(names(moved.rooms()), names(newcomer.rooms()), "seed {seed}");
            assert_eq!(told.iter().map(String::as_str).collect::<Vec<_>>(), names(moved.rooms()), "seed {seed}");
        }
    }
}
