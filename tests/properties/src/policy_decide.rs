//! Random rules and what a client does, beside a list of rules, trees of JSON and a set of rooms.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Unstructured};
use hub::SocketId;
use policy::{
    Claims, ClientLimits, Condition, Count, Decision, Deliver, EventName, On, Over, Participant, Pattern, Query, Rate,
    Recipients, Relay, Rule, Rules, Schema, Scope, Shape, Template,
};
use serde_json::{Value, json};
use socketio_codec::{Decoder, Event, Limits, Packet, Text};

use crate::operations;

#[derive(Debug, Arbitrary)]
struct Setup {
    /// So many that most of an input is what the client does.
    rules: [Option<(Option<u8>, Written)>; 4],
    at_connect: bool,
    allow: bool,
    events: Option<(u8, u8)>,
    bytes: Option<(u8, u8)>,
    over: u8,
    rooms_max: u8,
    claims: u8,
}

/// A rule in small numbers.
#[derive(Debug, Clone, Arbitrary)]
struct Written {
    when: Option<u8>,
    args: Option<(u8, u8)>,
    bytes_max: Option<u8>,
    has_schema: bool,
    leave: Option<u8>,
    join: Option<u8>,
    to: u8,
    require_member: bool,
    rate: Option<(u8, u8, u8)>,
}

#[derive(Debug, Arbitrary)]
enum Op {
    Event {
        name: u8,
        arguments: Vec<u8>,
    },
    Wait(u16),
    Renew(u8),
    /// The same rules come behind these.
    Succeed,
}

/// Whatever the rules are and whatever a client does: each decision is the one that the slow version comes to, and so are
/// the rooms it is in, what it has to wait for, and where it goes when it is renewed.
pub fn check(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(setup) = input.arbitrary::<Setup>() else { return };
    let mut run = Run::new(setup);
    for op in operations(&mut input) {
        run.step(op);
    }
}

struct Run {
    rules: Rules,
    participant: Participant,
    now: Instant,
    model: Model,
}

/// The slow version.
struct Model {
    rules: Vec<(Option<&'static str>, Written)>,
    setup: Setup,
    claims: Value,
    /// With why it is there: `t` by template, `e` by an event, `c` by an event because of claims.
    rooms: BTreeMap<String, BTreeSet<char>>,
    /// What is owed, in nanoseconds, by what it is owed for.
    debts: BTreeMap<String, u64>,
    held_ns: u64,
}

impl Run {
    fn new(setup: Setup) -> Self {
        let mut rules = Rules::default();
        let mut listed: Vec<(Option<&'static str>, Written)> = Vec::new();
        if setup.allow {
            let allow = ALLOW.iter().map(|text| Pattern::parse(text).expect("a pattern")).collect();
            rules.set_join(event_name("join"), allow).expect("the first");
            rules.set_leave(event_name("leave")).expect("the first");
        }
        for (on, written) in setup.rules.iter().flatten() {
            let on = on.map(|on| EVENTS[usize::from(on) % EVENTS.len()]);
            let taken = listed.iter().any(|(known, _)| *known == on)
                || (setup.allow && on.is_some_and(|on| on == "join" || on == "leave"));
            let parsed = on.map_or(On::Any, |on| On::Event(event_name(on)));
            assert_eq!(rules.add(parsed, written.rule()).is_err(), taken);
            if !taken {
                listed.push((on, written.clone()));
            }
        }
        listed.sort_by_key(|(on, _)| on.is_none());
        if setup.at_connect {
            rules.set_rooms(vec![template(1)]);
        }
        let mut limits = ClientLimits::default();
        (limits.events, limits.bytes) = (setup.events.and_then(rate), setup.bytes.and_then(rate));
        (limits.over, limits.refusals) = (over(setup.over), None);
        limits.rooms_max = usize::from(setup.rooms_max % 4);
        rules.set_client(limits);
        let text = CLAIMS[usize::from(setup.claims) % CLAIMS.len()];
        let claims = Claims::parse(text).expect("claims");
        let query = Query::pick("x=q", rules.queries());
        let mut model = Model {
            rules: listed,
            setup,
            claims: serde_json::from_str(text).expect("JSON"),
            rooms: BTreeMap::new(),
            debts: BTreeMap::new(),
            held_ns: 0,
        };
        let first = model.first(&model.claims);
        let mut participant = Participant::new(socket(), claims, query, false);
        assert_eq!(rules.enter(&mut participant, Vec::new()).is_ok(), first.is_some());
        for room in first.into_iter().flatten() {
            model.rooms.entry(room).or_default().insert('t');
        }
        Self { rules, participant, now: Instant::now(), model }
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Event { name, arguments } => {
                let name = EVENTS[usize::from(name) % EVENTS.len()];
                let arguments: Vec<&str> =
                    arguments.iter().take(4).map(|n| ARGUMENTS[usize::from(*n) % ARGUMENTS.len()]).collect();
                let event = event(name, &arguments);
                let expected = self.model.decide(name, &arguments, &event);
                assert_eq!(told(&self.rules.decide(&mut self.participant, &event, self.now)), expected);
            }
            Op::Wait(millis) => {
                let elapsed = Duration::from_millis(millis.into());
                self.now += elapsed;
                self.model.wait(elapsed.as_nanos() as u64);
            }
            Op::Renew(claims) => {
                let text = CLAIMS[usize::from(claims) % CLAIMS.len()];
                let expected = self.model.renew(serde_json::from_str(text).expect("JSON"));
                let claims = Claims::parse(text).expect("claims");
                let moves = self.rules.renew(&mut self.participant, claims, Vec::new()).ok().map(|moves| {
                    [moves.leave, moves.join]
                        .map(|rooms| rooms.iter().map(ToString::to_string).collect::<BTreeSet<_>>())
                });
                assert_eq!(moves, expected);
            }
            Op::Succeed => {
                let moves = self.rules.succeed(&mut self.participant, &self.rules, self.now);
                assert_eq!((moves.leave, moves.join), (vec![], vec![]));
            }
        }
        let rooms: Vec<String> = self.participant.rooms().map(ToString::to_string).collect();
        assert_eq!(rooms, self.model.rooms.keys().cloned().collect::<Vec<_>>());
        let held =
            self.participant.held_until().map_or(0, |until| until.saturating_duration_since(self.now).as_nanos());
        assert_eq!(held, u128::from(self.model.held_ns));
    }
}

impl Model {
    fn decide(&mut self, name: &str, arguments: &[&str], event: &Event) -> String {
        let len = name.len() + 2 + arguments.join(",").len();
        let limits = [("events", self.setup.events, 1), ("bytes", self.setup.bytes, len)];
        for (what, limit, count) in limits {
            if let Some(stopped) = self.limit(what.to_owned(), limit, self.setup.over, count) {
                return stopped;
            }
        }
        if self.setup.allow && ["join", "leave"].contains(&name) {
            return self.choose(name == "join", arguments);
        }
        let found = self.rules.iter().position(|(on, _)| on.is_none_or(|on| on == name));
        let Some(number) = found else { return "unknown_event".to_owned() };
        let rule = self.rules[number].1.clone();
        if let Some((per_s, burst, over)) = rule.rate
            && let Some(stopped) = self.limit(format!("rule {number}"), Some((per_s, burst)), over, 1)
        {
            return stopped;
        }
        if rule.when.is_some_and(|role| !has_role(&self.claims, ROLES[usize::from(role) % ROLES.len()])) {
            return "forbidden".to_owned();
        }
        if rule.bytes_max.is_some_and(|max| arguments.join(",").len() > usize::from(max)) {
            return "too_large".to_owned();
        }
        if rule.args.is_some_and(|(min, max)| !(min % 3..=max % 3 + 2).contains(&(arguments.len() as u8))) {
            return "invalid".to_owned();
        }
        let has_id = |text: &str| tree(text).is_object_and(|object| object.get("id").is_some_and(Value::is_string));
        if rule.has_schema && arguments.first().is_some_and(|text| !has_id(text)) {
            return "invalid".to_owned();
        }
        let (leave, join) =
            (rule.leave.map(|at| self.room(at, arguments)), rule.join.map(|at| self.room(at, arguments)));
        let target = (rule.to % 5 > 2).then(|| self.room(rule.to, arguments));
        let (Some(leave), Some(join), Some(target)) = (swap(leave), swap(join), swap(target)) else {
            return "no_value".to_owned();
        };
        let mut after: BTreeSet<&String> = self.rooms.keys().collect();
        after.retain(|room| leave.as_ref() != Some(room));
        let is_full = after.len() >= usize::from(self.setup.rooms_max % 4);
        let is_new = join.as_ref().is_some_and(|room| !self.rooms.contains_key(room));
        after.extend(&join);
        if rule.require_member && target.as_ref().is_some_and(|room| !after.contains(room)) {
            return "not_member".to_owned();
        }
        if is_new && is_full {
            return "too_many_rooms".to_owned();
        }
        let to = match rule.to % 5 {
            0 => "all".to_owned(),
            1 => "others".to_owned(),
            2 => "sender".to_owned(),
            3 => format!("room {}", target.clone().unwrap_or_default()),
            _ => format!("room {} but", target.clone().unwrap_or_default()),
        };
        leave.iter().for_each(|room| drop(self.rooms.remove(room)));
        if let (Some(room), Some(at)) = (&join, rule.join) {
            let by_claims = ROOMS[usize::from(at) % ROOMS.len()].contains("claims");
            let why = if rule.when.is_some() {
                'w'
            } else if by_claims {
                'c'
            } else {
                'e'
            };
            self.rooms.entry(room.clone()).or_default().insert(why);
        }
        format!("leave {leave:?} join {join:?} {} to {to}", event.raw_name())
    }

    /// The client names a room.
    fn choose(&mut self, joins: bool, arguments: &[&str]) -> String {
        let Some(name) = arguments.first().and_then(|text| scalar(&tree(text))) else { return "no_value".to_owned() };
        let own = self.claim("a").map(|a| format!("mine:{a}:"));
        let (room, why) =
            match (name.strip_prefix("doc:"), own.and_then(|own| name.strip_prefix(&own).map(str::to_owned))) {
                (Some(chosen), _) if !chosen.is_empty() => (format!("doc:{}", escaped(chosen)), 'e'),
                (_, Some(chosen)) if !chosen.is_empty() => {
                    (format!("mine:{}:{}", escaped(&self.claim("a").unwrap_or_default()), escaped(&chosen)), 'c')
                }
                _ => return "forbidden".to_owned(),
            };
        if !joins {
            self.rooms.remove(&room);
            return format!("leave {:?} join None none", Some(room));
        }
        if !self.rooms.contains_key(&room) && self.rooms.len() >= usize::from(self.setup.rooms_max % 4) {
            return "too_many_rooms".to_owned();
        }
        self.rooms.entry(room.clone()).or_default().insert(why);
        format!("leave None join {:?} none", Some(room))
    }

    fn renew(&mut self, claims: Value) -> Option<[BTreeSet<String>; 2]> {
        let (old, new) = (self.first(&self.claims).unwrap_or_default(), self.first(&claims)?);
        let before: BTreeSet<String> = self.rooms.keys().cloned().collect();
        let reads = self.setup.allow || self.setup.at_connect || self.rules.iter().any(|(_, rule)| rule.reads_claims());
        let changed = reads && scalar(&self.claims["a"]) != scalar(&claims["a"]);
        let joining = self.rules.iter().filter(|(_, rule)| rule.join.is_some());
        let mut roles = joining.filter_map(|(_, rule)| Some(ROLES[usize::from(rule.when?) % ROLES.len()]));
        let less = roles.any(|role| has_role(&self.claims, role) && !has_role(&claims, role));
        for (room, why) in &mut self.rooms {
            if !new.contains(room) {
                why.remove(&'t');
            }
            if changed {
                why.remove(&'c');
            }
            if changed || less {
                why.remove(&'w');
            }
        }
        self.rooms.retain(|_, why| !why.is_empty());
        for room in new.into_iter().filter(|room| !old.contains(room)) {
            self.rooms.entry(room).or_default().insert('t');
        }
        self.claims = claims;
        let after: BTreeSet<String> = self.rooms.keys().cloned().collect();
        let left = before.difference(&after).cloned().collect();
        // Left and joined again, because of another reason, is not left.
        Some([left, after.difference(&before).cloned().collect()])
    }

    fn first(&self, claims: &Value) -> Option<Vec<String>> {
        if !self.setup.at_connect {
            return Some(Vec::new());
        }
        Some(vec![format!("acc:{}", escaped(&scalar(&claims["a"])?))])
    }

    fn room(&self, at: u8, arguments: &[&str]) -> Option<String> {
        let argument = |n: usize| arguments.get(n).map(|text| tree(text));
        match usize::from(at) % ROOMS.len() {
            0 => Some("lobby".to_owned()),
            1 => Some(format!("acc:{}", escaped(&self.claim("a")?))),
            2 => Some(format!("doc:{}", escaped(&scalar(argument(0)?.get("id")?)?))),
            3 => Some(format!("q:q:{}", escaped(&scalar(&argument(1)?)?))),
            _ => Some(format!("s:{}", socket().as_str())),
        }
    }

    fn claim(&self, name: &str) -> Option<String> {
        scalar(self.claims.get(name)?)
    }

    fn limit(&mut self, what: String, limit: Option<(u8, u8)>, over: u8, count: usize) -> Option<String> {
        let (per_s, burst) = limit.filter(|(per_s, burst)| *per_s > 0 && *burst > 0)?;
        let cost = |count: u64| count * 1_000_000_000 / u64::from(per_s);
        let debt = self.debts.entry(what).or_default();
        // One passes if a whole one is there.
        let all_but_one = cost(u64::from(burst) - 1);
        let is_over = *debt > all_but_one;
        if !over.is_multiple_of(4) && is_over {
            return Some(["", "rate_limited", "drop", "close"][usize::from(over % 4)].to_owned());
        }
        *debt += cost(count as u64);
        if over.is_multiple_of(4) && *debt > all_but_one {
            self.held_ns = self.held_ns.max(*debt - all_but_one);
        }
        None
    }

    fn wait(&mut self, nanos: u64) {
        self.debts.values_mut().for_each(|debt| *debt = debt.saturating_sub(nanos));
        self.held_ns = self.held_ns.saturating_sub(nanos);
    }
}

fn has_role(claims: &Value, role: &str) -> bool {
    let is_it = |value: &Value| scalar(value).as_deref() == Some(role);
    let value = claims.get("role");
    value.is_some_and(|value| is_it(value) || value.as_array().is_some_and(|all| all.iter().any(is_it)))
}

impl Written {
    fn rule(&self) -> Rule {
        let to = match self.to % 5 {
            0 => Scope::All,
            1 => Scope::Others,
            2 => Scope::Sender,
            3 => Scope::Room { room: template(self.to), except_sender: false },
            _ => Scope::Room { room: template(self.to), except_sender: true },
        };
        let mut shape = Shape::default();
        if let Some((min, max)) = self.args {
            (shape.args_min, shape.args_max) = (usize::from(min % 3), usize::from(max % 3 + 2));
        }
        shape.bytes_max = self.bytes_max.map_or(shape.bytes_max, usize::from);
        if self.has_schema {
            let schema = json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}});
            shape.schemas = vec![Schema::parse(&schema.to_string()).expect("a schema")];
        }
        let role = |role: u8| Condition::new(["role".to_owned()], [ROLES[usize::from(role) % ROLES.len()].to_owned()]);
        Rule {
            rate: self.rate.and_then(|(per_s, burst, mode)| Some((rate((per_s, burst))?, over(mode)))),
            when: self.when.map(role).into_iter().collect(),
            shape: Some(Box::new(shape)),
            require_member: self.require_member,
            leave: self.leave.map(template),
            join: self.join.map(template),
            relay: Some(Relay { emit: None, to, volatile: false, count: Count::Node }),
        }
    }

    fn reads_claims(&self) -> bool {
        let is_it = |at: u8| usize::from(at) % ROOMS.len() == 1;
        self.leave.is_some_and(is_it) || self.join.is_some_and(is_it) || (self.to % 5 > 2 && is_it(self.to))
    }
}

/// A decision in words.
fn told(decision: &Decision<'_>) -> String {
    let Decision::Deliver(Deliver { leave, join, onward, .. }) = decision else {
        return match decision {
            Decision::Refuse(refusal) => refusal.code.label().to_owned(),
            Decision::Drop(_) => "drop".to_owned(),
            _ => "close".to_owned(),
        };
    };
    let [leave, join] = [leave, join].map(|room| room.as_ref().map(|room| room.as_str().to_owned()));
    let onward = onward.as_ref().map(|onward| {
        let to = match &onward.to {
            Recipients::All => "all".to_owned(),
            Recipients::AllBut(_) => "others".to_owned(),
            Recipients::Only(_) => "sender".to_owned(),
            Recipients::Room(room) => format!("room {room}"),
            Recipients::RoomBut(room, _) => format!("room {room} but"),
            other => panic!("unknown: {other:?}"),
        };
        format!("{} to {to}", onward.name)
    });
    format!("leave {leave:?} join {join:?} {}", onward.unwrap_or("none".to_owned()))
}

/// `None` only if there should be something and is not.
fn swap<T>(wanted: Option<Option<T>>) -> Option<Option<T>> {
    match wanted {
        None => Some(None),
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
    }
}

trait Object {
    fn is_object_and(&self, is_it: impl Fn(&serde_json::Map<String, Value>) -> bool) -> bool;
}

impl Object for Value {
    fn is_object_and(&self, is_it: impl Fn(&serde_json::Map<String, Value>) -> bool) -> bool {
        self.as_object().is_some_and(is_it)
    }
}

fn tree(text: &str) -> Value {
    serde_json::from_str(text).expect("arguments are JSON")
}

fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if !number.is_f64() => number.to_string(),
        _ => return None,
    };
    (1..=256).contains(&text.len()).then_some(text)
}

fn escaped(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    value
        .bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn template(at: u8) -> Template {
    Template::parse(ROOMS[usize::from(at) % ROOMS.len()]).expect("a template")
}

fn rate((per_s, burst): (u8, u8)) -> Option<Rate> {
    Rate::new(per_s.into(), Some(burst.into()))
}

fn over(mode: u8) -> Over {
    [Over::Slow, Over::Refuse, Over::Drop, Over::Close][usize::from(mode % 4)]
}

fn event_name(name: &str) -> EventName {
    EventName::parse(name).expect("a name")
}

fn socket() -> SocketId {
    SocketId::from_random([5; 15])
}

fn event(name: &str, arguments: &[&str]) -> Event {
    let arguments: String = arguments.iter().map(|argument| format!(",{argument}")).collect();
    match Decoder::new(Limits::default()).handle_text(Text::from(format!("2[\"{name}\"{arguments}]"))) {
        Ok(Some(Packet::Event { event, .. })) => event,
        other => panic!("no event: {other:?}"),
    }
}

const EVENTS: [&str; 4] = ["a", "b", "join", "leave"];

const ROOMS: [&str; 5] =
    ["lobby", "acc:{claims.a}", "doc:{args.0.id}", "q:{handshake.query.x}:{args.1}", "s:{socket.id}"];

const ALLOW: [&str; 2] = ["doc:*", "mine:{claims.a}:*"];

const ROLES: [&str; 3] = ["editor", "7", "true"];

const CLAIMS: [&str; 6] = [
    r#"{"a":7,"role":"editor"}"#,
    r#"{"a":"7","role":["x",7]}"#,
    r#"{"a":"b:c","role":true}"#,
    r#"{"a":"b","x":{"a":1}}"#,
    r#"{"a":1.5,"role":"7"}"#,
    "{}",
];

const ARGUMENTS: [&str; 10] = [
    r#"{"id":"b:c"}"#,
    r#"{"id":1,"id":"x"}"#,
    r#"{"id":7}"#,
    r#"{"id":null}"#,
    r#""doc:my plan""#,
    r#""mine:7:x""#,
    r#""mine:b:c:x""#,
    "7",
    "[1,2]",
    "null",
];
