//! The configuration as a whole: what can be said where, and in which order it counts.

mod documentation;
mod mistakes;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

use super::*;
use crate::names::{EventName, RoomName};
use crate::rules::{On, Relay, Rule, Scope};

#[test]
fn nothing_said_is_the_default() {
    assert_eq!(from_file("").unwrap().config, Config::default());
    assert_eq!(load(None, [], &[]).unwrap().config, Config::default());
}

/// One other value than the default for each setting: in the file, and in a variable or flag.
const SAMPLES: &[(&str, &str, &str)] = &[
    ("listen", r#"["0.0.0.0:80", "[::]:80"]"#, "0.0.0.0:80, [::]:80"),
    ("path", r#""/hub/""#, "/hub/"),
    ("client_dir", r#""/""#, "/"),
    ("shutdown_deadline_ms", "500", "500"),
    ("worker_threads", "3", "3"),
    ("engine.ping_interval_ms", "300", "300"),
    ("engine.ping_timeout_ms", "200", "200"),
    ("engine.upgrade_timeout_ms", "400", "400"),
    ("engine.connect_timeout_ms", "1_000", "1000"),
    ("engine.max_payload_bytes", "0x1000", "4096"),
    ("engine.transports", r#"["websocket"]"#, "websocket"),
    ("engine.allow_upgrades", "false", "false"),
    ("engine.http_compression", "false", "false"),
    ("engine.http_compression_threshold_bytes", "0", "0"),
    ("engine.cookie.name", r#""sid""#, "sid"),
    ("engine.cookie.path", r#""/socket.io/""#, "/socket.io/"),
    ("engine.cookie.domain", r#""example.com""#, "example.com"),
    ("engine.cookie.http_only", "false", "false"),
    ("engine.cookie.secure", "true", "true"),
    ("engine.cookie.same_site", r#""strict""#, "strict"),
    ("engine.cookie.max_age_s", "3600", "3600"),
    ("cors.origins", r#"["http://a.example", "http://b.example"]"#, "http://a.example\nhttp://b.example\n"),
    ("cors.credentials", "true", "true"),
    ("limits.sessions_max", "5", "5"),
    ("limits.outbox_bytes_max", "2000000", "2000000"),
    ("limits.outbox_stall_max_ms", "700", "700"),
    ("limits.attachments_max", "0", "0"),
    ("log.filter", r#""warn,hub=trace""#, "warn,hub=trace"),
    ("log.format", r#""json""#, "json"),
    ("log.queue_bytes_max", "65536", "65536"),
    ("namespace.rule", "", "update,database-change=database-changed"),
];

#[test]
fn every_key_of_the_file_has_a_variable_that_says_the_same() {
    let sampled: BTreeSet<&str> = SAMPLES.iter().map(|(key, _, _)| *key).collect();
    let known: BTreeSet<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
    assert_eq!(sampled, known, "every setting needs a sample here");

    for (key, in_file, in_variable) in SAMPLES {
        let setting = SETTINGS.iter().find(|setting| setting.key == *key).unwrap();
        let file = match *key {
            "namespace.rule" => "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'update'\n\
                [[namespace.rule]]\non = 'database-change'\nemit = 'database-changed'"
                .to_owned(),
            // It says nothing without origins.
            "cors.credentials" => format!("cors.origins = ['http://a.example']\n{key} = {in_file}"),
            _ => format!("{key} = {in_file}"),
        };
        let mut variables = vec![(setting.variable, *in_variable)];
        if *key == "cors.credentials" {
            variables.push(("FANFARE_CORS_ORIGIN", "http://a.example"));
        }
        let by_file = from_file(&file).unwrap().config;
        let by_variable = from_variables(&variables).unwrap().config;
        assert_ne!(by_file, Config::default(), "{key}");
        assert_eq!(by_file, by_variable, "{key}");
    }
}

#[test]
fn every_setting_goes_where_it_belongs() {
    let variable = |key: &str| SETTINGS.iter().find(|setting| setting.key == key).unwrap().variable;
    let variables: Vec<_> = SAMPLES.iter().map(|(key, _, text)| (variable(key), *text)).collect();
    let mut rules = Rules::default();
    for (on, emit) in [("update", None), ("database-change", Some(EventName::parse("database-changed").unwrap()))] {
        let relay = Relay { emit, to: Scope::All, volatile: false };
        rules
            .add(On::Event(EventName::parse(on).unwrap()), Rule { leave: None, join: None, relay: Some(relay) })
            .unwrap();
    }
    let origins = ["http://a.example", "http://b.example"].map(|origin| Origin::parse(origin).unwrap()).to_vec();
    let expected = Config {
        listen: vec![(Ipv4Addr::UNSPECIFIED, 80).into(), (Ipv6Addr::UNSPECIFIED, 80).into()],
        path: EnginePath::parse("/hub/").unwrap(),
        client_dir: Some(PathBuf::from("/")),
        shutdown_deadline: Duration::from_millis(500),
        worker_threads: NonZeroUsize::new(3),
        engine: EngineConfig {
            ping_interval: Duration::from_millis(300),
            ping_timeout: Duration::from_millis(200),
            upgrade_timeout: Duration::from_millis(400),
            connect_timeout: Duration::from_millis(1000),
            max_payload_bytes: 4096,
            transports: Transports::WebSocketOnly,
            allow_upgrades: false,
            http_compression: false,
            http_compression_threshold_bytes: 0,
            cookie: Some(Cookie {
                name: "sid".to_owned(),
                path: "/socket.io/".to_owned(),
                domain: Some("example.com".to_owned()),
                http_only: false,
                secure: true,
                same_site: SameSite::Strict,
                max_age_s: Some(3600),
            }),
        },
        cors: Cors::Listed { origins, credentials: true },
        limits: Limits {
            sessions_max: 5,
            outbox_bytes_max: 2_000_000,
            outbox_stall_max: Duration::from_millis(700),
            attachments_max: 0,
        },
        log: LogConfig {
            filter: LogFilter::parse("warn,hub=trace").unwrap(),
            format: LogFormat::Json,
            queue_bytes_max: 65_536,
        },
        namespaces: HashMap::from([(NamespaceName::root(), rules)]),
    };
    assert_eq!(from_variables(&variables).unwrap().config, expected);
}

#[test]
fn every_flag_says_the_same_as_its_variable() {
    for setting in SETTINGS {
        let Some(flag) = setting.flag else { continue };
        let (_, _, text) = SAMPLES.iter().find(|(key, _, _)| *key == setting.key).unwrap();
        let is_list = ["listen", "cors.origins", "namespace.rule"].contains(&setting.key);
        let values: Vec<String> = if is_list {
            text.split([',', '\n']).map(|text| text.trim().to_owned()).collect()
        } else {
            vec![(*text).into()]
        };
        let values = values.into_iter().filter(|value| !value.is_empty()).collect();
        let by_flag = load(None, [], &[(flag, values)]).unwrap().config;
        assert_eq!(by_flag, from_variables(&[(setting.variable, text)]).unwrap().config, "{flag}");
    }
}

#[test]
fn variables_are_named_after_their_flag_or_key_and_none_twice() {
    let mut seen = BTreeSet::new();
    for setting in SETTINGS {
        let name = match setting.flag {
            Some(flag) => flag.trim_start_matches("--").replace('-', "_"),
            None => ["engine.", "limits."]
                .iter()
                .find_map(|section| setting.key.strip_prefix(section))
                .unwrap_or(setting.key)
                .replace('.', "_"),
        };
        assert_eq!(setting.variable, format!("FANFARE_{}", name.to_uppercase()));
        assert!(seen.insert(setting.variable), "{}", setting.variable);
    }
}

#[test]
fn a_flag_goes_before_a_variable_before_the_file_before_the_default() {
    let file = Scratch::new("path = '/file/'\nlog.format = 'json'\nengine.ping_interval_ms = 1000");
    let path = |variables: &[(&str, &str)], flags: &[(&'static str, Vec<String>)]| {
        load(Some(&file.path), os(variables), flags).unwrap().config
    };
    let variable = [("FANFARE_PATH", "/variable/")];
    let flag = [("--path", vec!["/flag/".to_owned()])];
    assert_eq!(Config::default().path.as_str(), "/socket.io/");
    assert_eq!(path(&[], &[]).path.as_str(), "/file/");
    assert_eq!(path(&variable, &[]).path.as_str(), "/variable/");
    assert_eq!(path(&[], &flag).path.as_str(), "/flag/");
    let all = path(&variable, &flag);
    assert_eq!(all.path.as_str(), "/flag/");
    // What the others do not say stays as the file has it.
    assert_eq!(all.log.format, LogFormat::Json);
    assert_eq!(all.engine.ping_interval, Duration::from_secs(1));
}

#[test]
fn a_list_is_replaced_and_not_added_to() {
    let file = Scratch::new("listen = ['1.1.1.1:1']\ncors.origins = ['*']");
    let flags = [("--listen", vec!["3.3.3.3:3".to_owned()])];
    let variables = [("FANFARE_LISTEN", "2.2.2.2:2"), ("FANFARE_CORS_ORIGIN", "http://a.example")];
    let config = load(Some(&file.path), os(&variables), &flags).unwrap().config;
    assert_eq!(config.listen, ["3.3.3.3:3".parse().unwrap()]);
    let origins = vec![Origin::parse("http://a.example").unwrap()];
    assert_eq!(config.cors, Cors::Listed { origins, credentials: false });
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let variables = [("FANFARE_LISTEN", ""), ("FANFARE_PING_INTERVAL_MS", ""), ("FANFARE_CONFIG", "")];
    assert_eq!(from_variables(&variables).unwrap().config, Config::default());
}

#[test]
fn the_file_can_be_named_by_a_variable_and_a_flag_names_another() {
    let (one, two) = (Scratch::new("path = '/one/'"), Scratch::new("path = '/two/'"));
    let variable = [("FANFARE_CONFIG", one.path.to_str().unwrap())];
    assert_eq!(load(None, os(&variable), &[]).unwrap().config.path.as_str(), "/one/");
    assert_eq!(load(Some(&two.path), os(&variable), &[]).unwrap().config.path.as_str(), "/two/");
}

#[test]
fn rules_of_a_variable_or_flag_replace_those_of_the_root_namespace_only() {
    let file = Scratch::new(
        "[[namespace]]\nname = '/'\nrule = [{ on = 'a' }, { on = 'b' }]\n\
         [[namespace]]\nname = '/chat'\nrule = [{ on = 'say' }]",
    );
    let flags = [("--rule", vec!["c@others".to_owned()])];
    let config = load(Some(&file.path), os(&[("FANFARE_RULE", "d")]), &flags).unwrap().config;
    assert_eq!(config.namespaces.len(), 2);
    let root = &config.namespaces[&NamespaceName::root()];
    assert_eq!(["a", "b", "c", "d"].map(|event| root.find(event).is_some()), [false, false, true, false]);
    assert!(config.namespaces[&NamespaceName::parse("/chat").unwrap()].find("say").is_some());
}

#[test]
fn only_the_namespaces_of_the_file_exist() {
    let config = from_file("[[namespace]]\nname = '/chat'").unwrap().config;
    let chat = NamespaceName::parse("/chat").unwrap();
    // Nobody wrote a rule, so every event is relayed.
    assert_eq!(config.namespaces, HashMap::from([(chat, Rules::open())]));
}

#[test]
fn a_rule_of_the_file_says_all_it_can() {
    let config = from_file(
        "[[namespace]]\nname = '/'\n\
         [[namespace.rule]]\non = 'enter'\njoin = 'a'\n\
         [[namespace.rule]]\non = 'move'\nleave = 'a'\njoin = 'b'\nemit = 'moved'\nto = { room = 'b' }\nvolatile = true\n\
         [[namespace.rule]]\non = '*'\nto = 'sender'",
    );
    let config = config.unwrap().config;
    let rules = &config.namespaces[&NamespaceName::root()];
    let room = |name: &str| RoomName::parse(name).unwrap();
    assert_eq!(rules.find("enter"), Some(&Rule { leave: None, join: Some(room("a")), relay: None }));
    let moved = Relay { emit: Some(EventName::parse("moved").unwrap()), to: Scope::Room(room("b")), volatile: true };
    let expected = Rule { leave: Some(room("a")), join: Some(room("b")), relay: Some(moved) };
    assert_eq!(rules.find("move"), Some(&expected));
    let echo = Relay { emit: None, to: Scope::Sender, volatile: false };
    assert_eq!(rules.find("else"), Some(&Rule { leave: None, join: None, relay: Some(echo) }));
}

#[test]
fn an_empty_cookie_table_sets_the_usual_cookie() {
    let config = from_file("[engine.cookie]").unwrap().config;
    assert_eq!(config.engine.cookie, Some(Cookie::default()));
}

#[test]
fn port_0_may_stand_twice_since_it_is_another_each_time() {
    let config = from_file("listen = ['127.0.0.1:0', '127.0.0.1:0']").unwrap().config;
    assert_eq!(config.listen.len(), 2);
}

#[test]
fn the_outbox_grows_with_the_payload_unless_it_is_set() {
    let max = |file: &str| from_file(file).unwrap().config.limits.outbox_bytes_max;
    assert_eq!(max("engine.max_payload_bytes = 100_000_000"), 200_000_000);
    assert_eq!(max("engine.max_payload_bytes = 1000"), 16_777_216);
    assert_eq!(max("engine.max_payload_bytes = 100_000_000\nlimits.outbox_bytes_max = 5"), 5);
}

#[test]
fn a_client_dir_in_the_file_is_relative_to_the_file() {
    let folder = env::temp_dir();
    let file = Scratch::new("client_dir = '.'");
    let config = load(Some(&file.path), [], &[]).unwrap().config;
    assert_eq!(config.client_dir, Some(folder.join(".")));
}

fn from_file(text: &str) -> Result<Loaded, Vec<Problem>> {
    load(Some(&Scratch::new(text).path), [], &[])
}

fn from_variables(variables: &[(&str, &str)]) -> Result<Loaded, Vec<Problem>> {
    load(None, os(variables), &[])
}

fn os(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// A file that goes when it is dropped.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("fanfare-{}-{count}.toml", process::id()));
        fs::write(&path, bytes).unwrap();
        Self { path }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
