//! The configuration as a whole: what can be said where, and in which order it counts.

// Here, since a macro is known only behind its place.
macro_rules! certificate {
    () => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/tls/one.pem")
    };
}

macro_rules! key {
    () => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/tls/one.key")
    };
}

macro_rules! password {
    () => {
        "$2b$12$mh2lZtIIyo8IRe9anZ941OvuWIPjKvRJ0o9B9d2N5tR7CM6iggKDe"
    };
}

mod admin;
mod auth;
mod cluster;
mod documentation;
mod effective;
mod mistakes;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, process};

use ::cluster::{AtStart, Format, Mode, OnGap};
use http::HeaderName;
use policy::{Auth, Count, EventName, On, Over, Rate, Relay, Rule, Rules, Scope, Template};
use socketio::engineio::proto::Transport;
use socketio::engineio::{CookieConfig, CorsConfig, CorsOrigins, SameSite};
use socketio::{NamespaceName, Parser};

use super::*;
use crate::admin::{AdminAuth, AdminConfig, PasswordHash};
use crate::api::ApiConfig;
use crate::auth::config::{Renewal, WebhookConfig};
use crate::auth::secret::Secret;
use crate::auth::token_source::TokenSource;
use crate::cluster::{ClusterConfig, Fleet, Password, RedisAddress};
use crate::ops::Token;

#[test]
fn nothing_said_is_the_default() {
    assert_eq!(from_file("").unwrap().config, Config::default());
    assert_eq!(load(None, [], &[]).unwrap().config, Config::default());
}

/// Settings that mean nothing without others.
const BESIDE: &[(&str, &str, &str)] = &[
    ("cors.credentials", "cors.origins", "http://a.example"),
    ("tls.certificate", "tls.key", key!()),
    ("tls.key", "tls.certificate", certificate!()),
    ("api.tls.certificate", "api.tls.key", key!()),
    ("api.tls.key", "api.tls.certificate", certificate!()),
    ("tls.reread_ms", "tls.certificate", certificate!()),
    ("tls.reread_ms", "tls.key", key!()),
    ("admin.username", "admin.password_bcrypt", password!()),
    ("admin.password_bcrypt", "admin.username", "root"),
];

/// One other value than the default for each setting: in the file, and in a variable or flag.
const SAMPLES: &[(&str, &str, &str)] = &[
    (
        "listen",
        r#"["0.0.0.0:80", "[::]:80", "unix:/run/x.sock", "systemd:1"]"#,
        "0.0.0.0:80, [::]:80, unix:/run/x.sock, systemd:1",
    ),
    ("path", r#""/hub/""#, "/hub/"),
    ("client_dir", r#""/""#, "/"),
    ("worker_threads", "3", "3"),
    ("tls.certificate", concat!("'", certificate!(), "'"), certificate!()),
    ("tls.key", concat!("'", key!(), "'"), key!()),
    ("tls.reread_ms", "1000", "1000"),
    ("proxy_protocol.trusted", r#"["10.0.0.0/8", "unix"]"#, "10.0.0.0/8,unix"),
    ("drain.wait_s", "0", "0"),
    ("drain.spread_s", "10", "10"),
    ("drain.max_per_s", "500", "500"),
    ("drain.deadline_s", "40", "40"),
    ("engine.ping_interval_ms", "300", "300"),
    ("engine.ping_timeout_ms", "200", "200"),
    ("engine.upgrade_timeout_ms", "400", "400"),
    ("engine.connect_timeout_ms", "1_000", "1000"),
    ("engine.max_payload_bytes", "0x1000", "4096"),
    ("engine.parser", r#""msgpack""#, "msgpack"),
    ("engine.transports", r#"["websocket"]"#, "websocket"),
    ("engine.allow_upgrades", "false", "false"),
    ("engine.http_compression", "false", "false"),
    ("engine.http_compression_threshold_bytes", "0", "0"),
    ("engine.http_keep_alive_ms", "60_000", "60000"),
    ("engine.body_stall_max_ms", "800", "800"),
    ("engine.body_timeout_ms", "900", "900"),
    ("engine.cookie.name", r#""sid""#, "sid"),
    ("engine.cookie.path", r#""/socket.io/""#, "/socket.io/"),
    ("engine.cookie.domain", r#""example.com""#, "example.com"),
    ("engine.cookie.http_only", "false", "false"),
    ("engine.cookie.secure", "true", "true"),
    ("engine.cookie.same_site", r#""strict""#, "strict"),
    ("engine.cookie.max_age_s", "3600", "3600"),
    ("cors.origins", r#"["http://a.example", "http://b.example"]"#, "http://a.example\nhttp://b.example\n"),
    ("cors.credentials", "true", "true"),
    ("cors.enforce", "false", "false"),
    ("limits.sessions_max", "5", "5"),
    ("limits.outbox_bytes_max", "2000000", "2000000"),
    ("limits.outbox_bytes_total_max", "50_000_000", "50000000"),
    ("limits.outbox_stall_max_ms", "700", "700"),
    ("limits.attachments_max", "0", "0"),
    ("limits.auth_bytes_max", "2000", "2000"),
    ("limits.client.events_per_s", "50", "50"),
    ("limits.client.events_burst", "60", "60"),
    ("limits.client.bytes_per_s", "0", "0"),
    ("limits.client.over", r#""refuse""#, "refuse"),
    ("limits.client.refusals_per_s", "7", "7"),
    ("limits.client.rooms_max", "9", "9"),
    ("limits.address.connections_max", "20", "20"),
    ("limits.address.handshakes_per_s", "30", "30"),
    ("limits.address.ipv6_prefix", "56", "56"),
    ("limits.address.trusted_proxies", r#"["10.0.0.0/8", "::1"]"#, "10.0.0.0/8,::1"),
    ("limits.node.handshakes_per_s", "0", "0"),
    ("errors.event", r#""relay_error""#, "relay_error"),
    ("auth.required", r#"["/"]"#, "/"),
    ("auth.token_from", r#"["header:authorization", "query:token"]"#, "header:authorization,query:token"),
    ("auth.renew_event", r#""auth:renew""#, "auth:renew"),
    ("auth.warn_event", r#""auth:expiring""#, "auth:expiring"),
    ("auth.warn_before_s", "60", "60"),
    ("auth.grace_s", "5", "5"),
    ("auth.webhook.url", r#""http://127.0.0.1:8080/auth""#, "http://127.0.0.1:8080/auth"),
    ("auth.webhook.secret_env", r#""HOOK_SECRET""#, "HOOK_SECRET"),
    ("auth.webhook.headers", r#"["cookie", "x-a"]"#, "Cookie, x-a"),
    ("auth.webhook.timeout_ms", "500", "500"),
    ("auth.webhook.concurrency", "8", "8"),
    ("auth.webhook.cache_s", "10", "10"),
    ("cluster.redis", r#"["redis://a", "redis://b"]"#, "redis://a redis://b"),
    ("cluster.sentinel_username", r#""watcher""#, "watcher"),
    ("cluster.sentinel_password", r#""s3ntinel""#, "s3ntinel"),
    ("cluster.adapter", r#""sharded""#, "sharded"),
    ("cluster.mode", r#""static""#, "static"),
    ("cluster.prefix", r#""my:app""#, "my:app"),
    ("cluster.parser", r#""json""#, "json"),
    ("cluster.name", r#""eu-1""#, "eu-1"),
    ("cluster.at_start", r#""fail""#, "fail"),
    ("cluster.on_gap", r#""reset""#, "reset"),
    ("cluster.reset_spread_s", "5", "5"),
    ("cluster.request_timeout_ms", "1000", "1000"),
    ("cluster.outgoing_bytes_max", "65536", "65536"),
    ("cluster.outgoing_ms_max", "0", "0"),
    ("cluster.incoming_bytes_max", "65536", "65536"),
    ("cluster.handshake_headers", r#"["user-agent", "x-a"]"#, "User-Agent, x-a"),
    ("cluster.ca", concat!("'", certificate!(), "'"), certificate!()),
    ("cluster.client_certificate", concat!("'", certificate!(), "'"), certificate!()),
    ("cluster.client_key", concat!("'", key!(), "'"), key!()),
    ("log.filter", r#""warn,hub=trace""#, "warn,hub=trace"),
    ("log.format", r#""json""#, "json"),
    ("log.queue_bytes_max", "65536", "65536"),
    ("ops.listen", r#"["127.0.0.1:9300"]"#, "127.0.0.1:9300"),
    ("ops.token_env", r#""FANFARE_OPS_TOKEN""#, "FANFARE_OPS_TOKEN"),
    ("api.listen", r#"["127.0.0.1:3001", "unix:/run/api.sock"]"#, "127.0.0.1:3001, unix:/run/api.sock"),
    ("api.tls.certificate", concat!("'", certificate!(), "'"), certificate!()),
    ("api.tls.key", concat!("'", key!(), "'"), key!()),
    ("admin.namespace", r#""/ops""#, "/ops"),
    ("admin.auth", r#""none""#, "none"),
    ("admin.username", r#""root""#, "root"),
    ("admin.password_bcrypt", concat!("'", password!(), "'"), password!()),
    ("admin.mode", r#""development""#, "development"),
    ("admin.read_only", "true", "true"),
    ("admin.server_id", r#""eu-1""#, "eu-1"),
    ("admin.dir", r#""/""#, "/"),
    ("namespace.rule", "", "update,database-change=database-changed"),
];

#[test]
fn every_key_of_the_file_has_a_variable_that_says_the_same() {
    let sampled: BTreeSet<&str> = SAMPLES.iter().map(|(key, _, _)| *key).collect();
    let known: BTreeSet<&str> = settings().map(|setting| setting.key).collect();
    assert_eq!(sampled, known, "every setting needs a sample here");

    for (key, in_file, in_variable) in SAMPLES {
        let setting = settings().find(|setting| setting.key == *key).unwrap();
        let file = match *key {
            "namespace.rule" => "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'update'\n\
                [[namespace.rule]]\non = 'database-change'\nemit = 'database-changed'"
                .to_owned(),
            // Nothing is asked without an address, and nobody comes in without anybody who is asked.
            "auth.required" => format!("auth.webhook.url = 'http://a/'\n{key} = {in_file}"),
            _ if needs_webhook(key) => format!("auth.webhook.url = 'http://a/'\n{key} = {in_file}"),
            _ => format!("{key} = {in_file}"),
        };
        let mut variables = vec![(setting.variable, *in_variable)];
        let mut file = file;
        for (_, other, text) in BESIDE.iter().filter(|(one, _, _)| one == key) {
            let other = settings().find(|setting| setting.key == *other).unwrap();
            variables.push((other.variable, text));
            let value = if other.key == "cors.origins" { format!("['{text}']") } else { format!("'{text}'") };
            file = format!("{} = {value}\n{file}", other.key);
        }
        if *key == "auth.required" || needs_webhook(key) {
            variables.push(("FANFARE_AUTH_WEBHOOK_URL", "http://a/"));
        }
        let mut secrets = vec![HOOK_SECRET];
        // A variable of ours that nobody names is a slip.
        secrets.extend((*key == "ops.token_env").then_some(("FANFARE_OPS_TOKEN", "sesame")));
        variables.extend(&secrets);
        let by_file = load(Some(&Scratch::new(&file).path), os(&secrets), &[]).unwrap().config;
        let by_variable = from_variables(&variables).unwrap().config;
        assert_ne!(by_file, Config::default(), "{key}");
        assert_eq!(by_file, by_variable, "{key}");
    }
}

/// The variable that the sample of `auth.webhook.secret_env` names.
const HOOK_SECRET: (&str, &str) = ("HOOK_SECRET", "0123456789abcdef");

/// Whether a setting says nothing without the webhook's address.
fn needs_webhook(key: &str) -> bool {
    key.starts_with("auth.webhook.") && key != "auth.webhook.url"
}

#[test]
fn every_setting_goes_where_it_belongs() {
    let variable = |key: &str| settings().find(|setting| setting.key == key).unwrap().variable;
    // Nobody is asked for a password, or there is one.
    let sampled = SAMPLES.iter().filter(|(key, ..)| *key != "admin.auth");
    let mut variables: Vec<_> = sampled.map(|(key, _, text)| (variable(key), *text)).collect();
    variables.push(HOOK_SECRET);
    variables.push(("FANFARE_OPS_TOKEN", "sesame"));
    let mut rules = Rules::default();
    for (on, emit) in [("update", None), ("database-change", Some(EventName::parse("database-changed").unwrap()))] {
        let relay = Relay { emit, to: Scope::All, volatile: false, count: Count::Node };
        rules.add(On::Event(EventName::parse(on).unwrap()), Rule { relay: Some(relay), ..Rule::default() }).unwrap();
    }
    let mut limits = ClientLimits::default();
    (limits.events, limits.bytes, limits.over) = (Rate::new(50, Some(60)), None, Over::Refuse);
    (limits.refusals, limits.rooms_max) = (Rate::new(7, None), 9);
    let mut address = AddressLimits::default();
    (address.connections_max, address.handshakes) = (NonZeroU32::new(20), Rate::new(30, None));
    address.ipv6_prefix = 56;
    rules.set_client(limits);
    rules.set_auth(Auth::Required);
    let mut expected = Config {
        listen: vec![
            Address::Tcp((Ipv4Addr::UNSPECIFIED, 80).into()),
            Address::Tcp((Ipv6Addr::UNSPECIFIED, 80).into()),
            Address::Unix("/run/x.sock".into()),
            Address::Systemd(1),
        ],
        tls: Some(TlsConfig { certificate: certificate!().into(), key: key!().into(), reread: Duration::from_secs(1) }),
        proxies: ["10.0.0.0/8", "unix"].iter().map(|proxy| proxy.parse().unwrap()).collect(),
        client_dir: Some(PathBuf::from("/")),
        drain: DrainConfig {
            wait: Duration::ZERO,
            spread: Duration::from_secs(10),
            max_per_s: 500,
            deadline: Duration::from_secs(40),
        },
        worker_threads: NonZeroUsize::new(3),
        log: LogConfig {
            filter: LogFilter::parse("warn,hub=trace").unwrap(),
            format: LogFormat::Json,
            queue_bytes_max: 65_536,
        },
        limits: Limits { client: limits, address, node: NodeLimits { handshakes_per_s: None } },
        errors_event: EventName::parse("relay_error").ok(),
        ops: OpsConfig { listen: vec![(Ipv4Addr::LOCALHOST, 9300).into()], token: Token::new("sesame") },
        api: ApiConfig {
            listen: vec![Address::Tcp((Ipv4Addr::LOCALHOST, 3001).into()), Address::Unix("/run/api.sock".into())],
            tls: Some(TlsConfig {
                certificate: certificate!().into(),
                key: key!().into(),
                reread: Duration::from_secs(1),
            }),
            keys: Vec::new(),
        },
        admin: AdminConfig {
            namespace: NamespaceName::try_from("/ops").unwrap(),
            auth: AdminAuth::Password,
            username: Some("root".into()),
            password: Some(PasswordHash::parse(password!()).unwrap()),
            mode: crate::admin::Mode::Development,
            is_read_only: true,
            server_id: Some("eu-1".into()),
            dir: Some(PathBuf::from("/")),
        },
        policy: Policy::new([(NamespaceName::ROOT, rules)]),
        ..Config::default()
    };
    let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<HeaderName>>();
    expected.auth = AuthConfig {
        token_from: vec![TokenSource::Header(names(&["authorization"]).remove(0)), TokenSource::Query("token".into())],
        webhook: Some(WebhookConfig {
            secret: Some(Secret(HOOK_SECRET.1.as_bytes().into())),
            headers: names(&["cookie", "x-a"]),
            timeout: Duration::from_millis(500),
            concurrency: 8,
            cache: Duration::from_secs(10),
            ..WebhookConfig::new("http://127.0.0.1:8080/auth".parse().unwrap())
        }),
        renewal: Renewal {
            renew_event: EventName::parse("auth:renew").ok(),
            warn_event: EventName::parse("auth:expiring").ok(),
            warn_before: Duration::from_secs(60),
            grace: Duration::from_secs(5),
        },
        ..AuthConfig::default()
    };
    expected.server.engine.is_uri_kept = true;
    expected.server.engine.headers_kept = HeadersKept::Only(names(&[
        "accept-language",
        "authorization",
        "cookie",
        "host",
        "origin",
        "user-agent",
        "x-a",
    ]));
    expected.cluster = ClusterConfig {
        redis: ["redis://a", "redis://b"].map(|address| RedisAddress(address.to_owned())).to_vec(),
        sentinel_username: Some("watcher".to_owned()),
        sentinel_password: Some(Password("s3ntinel".to_owned())),
        adapter: Fleet::Sharded,
        mode: Mode::Static,
        prefix: "my:app".to_owned(),
        parser: Format::Json,
        request_timeout: Duration::from_secs(1),
        at_start: AtStart::Fail,
        outgoing_bytes_max: 65_536,
        outgoing_age_max: Duration::ZERO,
        incoming_bytes_max: 65_536,
        handshake_headers: ["user-agent", "x-a"].map(str::to_owned).to_vec(),
        on_gap: OnGap::Reset,
        reset_spread: Duration::from_secs(5),
        name: Some("eu-1".to_owned()),
        ca: Some(certificate!().into()),
        client_certificate: Some(certificate!().into()),
        client_key: Some(key!().into()),
    };
    expected.http.keep_alive = Duration::from_secs(60);
    let ServerConfig { engine, client, .. } = &mut expected.server;
    engine.path = "/hub/".to_owned();
    engine.body_stall_max = Duration::from_millis(800);
    engine.body_timeout = Duration::from_millis(900);
    engine.origin.is_enforced = false;
    engine.trusted_proxies = ["10.0.0.0/8", "::1"].iter().map(|block| block.parse().unwrap()).collect();
    engine.outbox_bytes_total_max = 50_000_000;
    client.parser = Parser::Msgpack;
    client.auth_bytes_max = 2000;
    engine.session.ping_interval = Duration::from_millis(300);
    engine.session.ping_timeout = Duration::from_millis(200);
    engine.session.upgrade_timeout = Duration::from_millis(400);
    engine.session.max_payload_bytes = 4096;
    client.connect_timeout = Duration::from_millis(1000);
    engine.transports = vec![Transport::WebSocket];
    engine.allow_upgrades = false;
    engine.compression_threshold_bytes = None;
    let cookie = engine.cookie.insert(CookieConfig::default());
    cookie.name = "sid".to_owned();
    cookie.path = Some("/socket.io/".to_owned());
    cookie.domain = Some("example.com".to_owned());
    cookie.http_only = false;
    cookie.secure = true;
    cookie.same_site = Some(SameSite::Strict);
    cookie.max_age = Some(Duration::from_secs(3600));
    engine.cors = listed(&["http://a.example", "http://b.example"], true);
    engine.sessions_max = 5;
    engine.outbox_bytes_max = 2_000_000;
    engine.outbox_stall_max = Duration::from_millis(700);
    client.limits.attachments_max = 0;
    client.limits.attachment_bytes_max = 1_000_000;
    assert_eq!(from_variables(&variables).unwrap().config, expected);
}

#[test]
fn every_flag_says_the_same_as_its_variable() {
    for setting in settings() {
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
    for setting in settings() {
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
    assert_eq!(Config::default().server.engine.path, "/socket.io/");
    assert_eq!(path(&[], &[]).server.engine.path, "/file/");
    assert_eq!(path(&variable, &[]).server.engine.path, "/variable/");
    assert_eq!(path(&[], &flag).server.engine.path, "/flag/");
    let all = path(&variable, &flag);
    assert_eq!(all.server.engine.path, "/flag/");
    // What the others do not say stays as the file has it.
    assert_eq!(all.log.format, LogFormat::Json);
    assert_eq!(all.server.engine.session.ping_interval, Duration::from_secs(1));
}

#[test]
fn a_list_is_replaced_and_not_added_to() {
    let file = Scratch::new("listen = ['1.1.1.1:1']\ncors.origins = ['*']");
    let flags = [("--listen", vec!["3.3.3.3:3".to_owned()])];
    let variables = [("FANFARE_LISTEN", "2.2.2.2:2"), ("FANFARE_CORS_ORIGIN", "http://a.example")];
    let config = load(Some(&file.path), os(&variables), &flags).unwrap().config;
    assert_eq!(config.listen, [Address::Tcp("3.3.3.3:3".parse().unwrap())]);
    assert_eq!(config.server.engine.cors, listed(&["http://a.example"], false));
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
    assert_eq!(load(None, os(&variable), &[]).unwrap().config.server.engine.path, "/one/");
    assert_eq!(load(Some(&two.path), os(&variable), &[]).unwrap().config.server.engine.path, "/two/");
}

#[test]
fn rules_of_a_variable_or_flag_replace_those_of_the_root_namespace_only() {
    let file = Scratch::new(
        "[[namespace]]\nname = '/'\nrule = [{ on = 'a' }, { on = 'b' }]\n\
         [[namespace]]\nname = '/chat'\nrule = [{ on = 'say' }]",
    );
    let flags = [("--rule", vec!["c@others".to_owned()])];
    let config = load(Some(&file.path), os(&[("FANFARE_RULE", "d")]), &flags).unwrap().config;
    assert_eq!(config.policy.namespaces().len(), 2);
    let root = config.policy.namespace("/").unwrap();
    assert_eq!(["a", "b", "c", "d"].map(|event| root.find(event).is_some()), [false, false, true, false]);
    assert!(config.policy.namespace("/chat").unwrap().find("say").is_some());
}

#[test]
fn only_the_namespaces_of_the_file_exist() {
    let config = from_file("[[namespace]]\nname = '/chat'").unwrap().config;
    let chat = NamespaceName::try_from("/chat").unwrap();
    // Nobody wrote a rule, so every event is relayed.
    assert_eq!(config.policy, Policy::new([(chat, Rules::open())]));
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
    let rules = config.policy.namespace("/").unwrap();
    let room = |name: &str| Template::parse(name).unwrap();
    assert_eq!(rules.find("enter"), Some(&Rule { join: Some(room("a")), ..Rule::default() }));
    let to = Scope::Room { room: room("b"), except_sender: false };
    let moved = Relay { emit: Some(EventName::parse("moved").unwrap()), to, volatile: true, count: Count::Node };
    let expected = Rule { leave: Some(room("a")), join: Some(room("b")), relay: Some(moved), ..Rule::default() };
    assert_eq!(rules.find("move"), Some(&expected));
    let echo = Relay { emit: None, to: Scope::Sender, volatile: false, count: Count::Node };
    assert_eq!(rules.find("else"), Some(&Rule { relay: Some(echo), ..Rule::default() }));
}

#[test]
fn an_empty_cookie_table_sets_the_usual_cookie() {
    let config = from_file("[engine.cookie]").unwrap().config;
    assert_eq!(config.server.engine.cookie, Some(CookieConfig::default()));
}

#[test]
fn port_0_may_stand_twice_since_it_is_another_each_time() {
    let config = from_file("listen = ['127.0.0.1:0', '127.0.0.1:0']").unwrap().config;
    assert_eq!(config.listen.len(), 2);
}

#[test]
fn the_address_of_all_addresses_may_stand_beside_that_of_the_other_family() {
    for listen in ["['0.0.0.0:80', '[::]:80']", "['127.0.0.1:80', '[::1]:80']", "['0.0.0.0:80', '127.0.0.1:81']"] {
        assert_eq!(from_file(&format!("listen = {listen}")).unwrap().config.listen.len(), 2, "{listen}");
    }
}

#[test]
fn what_a_configuration_takes_to_read_grows_with_its_size_and_no_faster() {
    // Namespaces on lines of their own, and all on one line.
    let apart = |count: usize| (0..count).map(|n| format!("[[namespace]]\nname = '/{n}'\n")).collect::<String>();
    let along = |count: usize| {
        let tables: Vec<String> = (0..count).map(|n| format!("{{ name = '/{n}' }}")).collect();
        format!("namespace = [{}]", tables.join(", "))
    };
    // Origins and rules, which are lists that may have nothing twice.
    let lists = |count: usize| {
        let origins: Vec<String> = (0..count).map(|n| format!("'http://h{n}'")).collect();
        let rules: Vec<String> =
            (0..count).map(|n| format!("{{ on = 'e{n}', join = 'r{n}', to = {{ room = 'r{n}' }} }}")).collect();
        format!("cors.origins = [{}]\n[[namespace]]\nname = '/'\nrule = [{}]", origins.join(", "), rules.join(", "))
    };
    let took = |text: String| {
        let file = Scratch::new(&text);
        let from = std::time::Instant::now();
        load(Some(&file.path), [], &[]).unwrap();
        from.elapsed()
    };
    let kinds: [&dyn Fn(usize) -> String; 3] = [&apart, &along, &lists];
    for (kind, text) in kinds.iter().enumerate() {
        let (few, many) = (took(text(2_000)), took(text(32_000)));
        // Sixteen times as much; quadratic would be 256 times. The rest is for a busy machine.
        assert!(many < few * 80, "kind {kind}: {few:?}, then {many:?}");
    }
}

#[test]
fn the_outbox_grows_with_the_payload_unless_it_is_set() {
    let max = |file: &str| from_file(file).unwrap().config.server.engine.outbox_bytes_max;
    assert_eq!(max("engine.max_payload_bytes = 100_000_000"), 200_000_000);
    assert_eq!(max("engine.max_payload_bytes = 1000"), 16_777_216);
    assert_eq!(max("engine.max_payload_bytes = 100_000_000\nlimits.outbox_bytes_max = 5"), 5);
}

#[test]
fn a_client_may_send_twice_as_many_events_at_once_unless_it_is_said_otherwise() {
    let events = |file: &str| from_file(file).unwrap().config.limits.client.events;
    assert_eq!(events("limits.client.events_per_s = 5"), Rate::new(5, Some(10)));
    assert_eq!(events("limits.client.events_burst = 5"), Rate::new(1000, Some(5)));
    assert_eq!(events("limits.client.events_per_s = 0"), None);
}

#[test]
fn a_certificate_in_the_file_is_relative_to_the_file() {
    let folder = Scratch::new("");
    let name = |end: &str| folder.path.with_extension(end);
    fs::copy(certificate!(), name("pem")).unwrap();
    fs::copy(key!(), name("key")).unwrap();
    let base = |end: &str| name(end).file_name().unwrap().to_str().unwrap().to_owned();
    let loaded = from_file(&format!("[tls]\ncertificate = '{}'\nkey = '{}'", base("pem"), base("key")));
    assert_eq!(loaded.unwrap().config.tls.unwrap().key, name("key"));
    fs::remove_file(name("pem")).unwrap();
    fs::remove_file(name("key")).unwrap();
}

#[test]
fn a_client_dir_in_the_file_is_relative_to_the_file() {
    let folder = env::temp_dir();
    let file = Scratch::new("client_dir = '.'");
    let config = load(Some(&file.path), [], &[]).unwrap().config;
    assert_eq!(config.client_dir, Some(folder.join(".")));
}

/// The CORS settings of these origins.
fn listed(origins: &[&str], credentials: bool) -> Option<CorsConfig> {
    let origins = CorsOrigins::List(origins.iter().map(|origin| (*origin).to_owned()).collect());
    let mut cors = CorsConfig::new(origins);
    cors.credentials = credentials;
    Some(cors)
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
