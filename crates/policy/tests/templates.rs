//! Rooms by template: other values are another room, whatever is in them.

use std::collections::HashMap;
use std::time::Instant;

use fanfare_policy::{
    Claims, Count, Decision, Deliver, EventName, On, Onward, Participant, Pattern, Query, Recipients, Relay, Rule,
    Rules, Scope, Template,
};
use hub::SocketId;
use socketio_codec::{Decoder, Event, Limits, Packet, Text};

mod random;

use random::Random;

/// What a template makes of some values, by way of a whole decision.
fn room(template: &Template, a: &str, b: &str, arguments: &str) -> Option<String> {
    let mut rules = Rules::default();
    let to = Scope::Room { room: template.clone(), except_sender: false };
    let relay = Relay { emit: None, to, volatile: false, count: Count::Node };
    rules.add(On::Any, Rule { relay: Some(relay), ..Rule::default() }).expect("valid");
    let claims = Claims::parse(&format!(r#"{{"a":{a},"b":{b}}}"#)).expect("valid");
    let mut client = Participant::new(SocketId::from_random([1; 15]), claims, Query::default(), false);
    match rules.decide(&mut client, &event("x", arguments), Instant::now()) {
        Decision::Deliver(Deliver { onward: Some(Onward { to: Recipients::Room(room), .. }), .. }) => {
            Some(room.as_str().to_owned())
        }
        _ => None,
    }
}

#[test]
fn other_values_are_another_room_and_no_room_is_a_sockets_own() {
    let mut random = Random(7);
    let mut parsed = 0;
    while parsed < 300 {
        let Ok(template) = Template::parse(&random.template()) else { continue };
        if template.plain().is_some() {
            continue;
        }
        parsed += 1;
        let mut rooms: HashMap<String, Vec<String>> = HashMap::new();
        for _ in 0..40 {
            let [a, b, c] = [random.value(), random.value(), random.value()];
            let Some(room) = room(&template, &a, &b, &c) else { continue };
            assert_eq!(SocketId::parse(&room), None, "{template}");
            // The values that the template reads, as JSON reads them; a number and its text are one value.
            let read = template
                .paths()
                .map(|path| match path.to_string().as_str() {
                    "claims.a" => plain(&a),
                    "claims.b" => plain(&b),
                    _ => plain(&c),
                })
                .collect::<Vec<_>>();
            let known = rooms.entry(room.clone()).or_insert_with(|| read.clone());
            assert_eq!(*known, read, "{template} gives {room} for both");
        }
        // And the same for the same.
        let (a, b, c) = (random.value(), random.value(), random.value());
        assert_eq!(room(&template, &a, &b, &c), room(&template, &a, &b, &c));
    }
}

#[test]
fn templates_that_are_told_apart_give_no_room_in_common() {
    let mut random = Random(11);
    let (mut apart, mut together) = (0, 0);
    while apart < 150 || together < 20 {
        let (one, other) = (random.template(), random.template());
        let (Ok(one), Ok(other)) = (Template::parse(&one), Template::parse(&other)) else { continue };
        let mut rules = Rules::default();
        rules.set_rooms(vec![one.clone(), other.clone()]);
        if rules.overlap().is_some() {
            together += 1;
            continue;
        }
        if shape(&one) == shape(&other) {
            continue; // These are meant to meet.
        }
        apart += 1;
        let mut rooms: Vec<Vec<String>> = Vec::new();
        for template in [&one, &other] {
            let values = (0..20).filter_map(|_| room(template, &random.value(), &random.value(), &random.value()));
            rooms.push(values.collect());
        }
        assert!(rooms[0].iter().all(|room| !rooms[1].contains(room)), "{one} and {other}");
    }
}

#[test]
fn a_client_names_a_room_as_it_means_it_and_gets_the_one_that_a_template_makes() {
    let mut rules = Rules::default();
    let allow = vec![Pattern::parse("doc:{claims.a}:*").unwrap(), Pattern::parse("lobby").unwrap()];
    rules.set_join(EventName::parse("join").unwrap(), allow).unwrap();
    let claims = Claims::parse(r#"{"a":"7:x"}"#).unwrap();
    let mut client = Participant::new(SocketId::from_random([1; 15]), claims, Query::default(), false);
    for (name, expected) in [
        (r#""doc:7:x:my plan""#, Some("doc:7%3Ax:my%20plan")),
        (r#""lobby""#, Some("lobby")),
        (r#""doc:7:x:""#, None),
        (r#""doc:7:y:plan""#, None),
        (r#""doc:7%3Ax:plan""#, None),
        (r#""lobby2""#, None),
        (r#"{"room":"lobby"}"#, None),
        ("null", None),
    ] {
        let event = event("join", name);
        let joined = match rules.decide(&mut client, &event, Instant::now()) {
            Decision::Deliver(Deliver { join: Some(room), leave: None, onward: None, .. }) => {
                Some(room.as_str().to_owned())
            }
            Decision::Refuse(_) => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(joined.as_deref(), expected, "{name}");
    }
    let template = Template::parse("doc:{claims.a}:{args.0.docId}").unwrap();
    assert_eq!(room(&template, r#""7:x""#, "1", r#"{"docId":"my plan"}"#).as_deref(), Some("doc:7%3Ax:my%20plan"));
}

#[test]
fn a_template_that_could_be_read_in_two_ways_says_what_was_expected() {
    let begin = "a room that begins with a text with one of `:/.#` or the like in it, such as `account:`";
    let between = "one of `:/#` or the like between two values, which could not be told apart otherwise";
    for (text, expected) in [
        ("", "the name of a room"),
        ("{claims.a}", begin),
        ("room{claims.a}", begin),
        ("room-_{claims.a}", begin),
        ("r:{claims.a}{claims.b}", between),
        ("r:{claims.a}-._%{claims.b}", between),
        ("r:{claims.a", "`}` behind a path, or `{{` for a brace"),
        ("r:}", "`}}` for a brace that is meant as one"),
        ("r:{a}", "claims.NAME, args.NUMBER, args.NUMBER.NAME, socket.id or handshake.query.NAME in braces"),
        (&format!("r:{}", "{args.0}:".repeat(9)), "a room of at most 1024 bytes and 8 values"),
    ] {
        assert_eq!(Template::parse(text).map(|_| ()), Err(expected), "{text}");
    }
    for (text, expected) in [
        ("doc:*:x", "one `*`, at the end"),
        ("*", begin),
        ("doc*", begin),
        ("doc:{claims.a}*", between),
        ("doc:{args.0}", "a room without `args`: there is no event whose arguments it could be made of"),
    ] {
        assert_eq!(Pattern::parse(text).map(|_| ()), Err(expected), "{text}");
    }
    assert_eq!(Template::parse("a{{b}}").unwrap().plain().unwrap().as_str(), "a{b}");
    assert!(Template::parse_at_connect("a:{args.0}").is_err());
}

/// The literals, with a mark for each value: what decides whether two are meant to meet.
fn shape(template: &Template) -> String {
    let paths: Vec<String> = template.paths().map(|path| format!("{{{path}}}")).collect();
    paths.iter().fold(template.as_str().to_owned(), |text, path| text.replace(path, "\0"))
}

/// A value as a name has it before it is escaped.
fn plain(json: &str) -> String {
    match serde_json::from_str(json).expect("valid") {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

fn event(name: &str, arguments: &str) -> Event {
    match Decoder::new(Limits::default()).handle_text(Text::from(format!("2[\"{name}\",{arguments}]"))) {
        Ok(Some(Packet::Event { event, .. })) => event,
        other => panic!("no event: {other:?}"),
    }
}
