//! What holds, and what is other in another configuration.

use super::*;
use crate::config::effective::{Change, page};
use crate::config::toml_text::Toml;

#[test]
fn nothing_said_is_every_default_from_nowhere() {
    let lines = from_file("").unwrap().effective.lines();
    assert!(lines.iter().all(|line| line.from == "default"), "{lines:?}");
    let value = |key: &str| shown(&lines, key);
    assert_eq!(value("listen"), r#"["127.0.0.1:3000", "[::1]:3000"]"#);
    assert_eq!(value("engine.ping_interval_ms"), "25000");
    assert_eq!(value("limits.client.over"), r#""slow""#);
    assert_eq!(value(r#"namespace."/".rule."*".to"#), r#""all""#);
    assert!(lines.iter().all(|line| line.key != "client_dir" && !line.key.starts_with("engine.cookie")));
}

#[test]
fn it_is_said_where_each_setting_comes_from() {
    let file = Scratch::new("path = '/x/'\n\n[log]\nformat = 'json'\n[[namespace]]\nname = '/'\nrule = [{ on = 'a' }]");
    let flags = [("--rule", vec!["b@others".to_owned()])];
    let loaded = load(Some(&file.path), os(&[("FANFARE_PING_INTERVAL_MS", "1000")]), &flags).unwrap();
    let lines = loaded.effective.lines();
    let from = |key: &str| lines.iter().find(|line| line.key == key).unwrap().from.clone();
    let at = |line: usize| format!("{}:{line}", file.path.display());
    assert_eq!(from("path"), at(1));
    assert_eq!(from("log.format"), at(4));
    assert_eq!(from("engine.ping_interval_ms"), "FANFARE_PING_INTERVAL_MS");
    assert_eq!(from(r#"namespace."/".rule."b".to"#), "--rule");
    assert_eq!(from("log.filter"), "default");
    assert!(lines.iter().all(|line| !line.key.contains(r#"rule."a""#)), "it is replaced");
}

#[test]
fn each_setting_that_is_changed_alone_is_the_only_change() {
    for (key, file, beside) in samples() {
        // A variable of ours that nobody names is a slip.
        let token = (key == "ops.token_env").then_some(("FANFARE_OPS_TOKEN", "sesame"));
        let secrets: Vec<_> = token.into_iter().chain([HOOK_SECRET]).collect();
        let before = load(Some(&Scratch::new(&beside).path), os(&[HOOK_SECRET]), &[]).unwrap();
        let after = load(Some(&Scratch::new(&file).path), os(&secrets), &[]).unwrap();
        assert_ne!(before.config, after.config, "{key}");
        let changes = before.effective.changes(&after.effective);
        let keys: Vec<&str> = changes.iter().map(|change| &*change.key).collect();
        // A cookie has a name as soon as anything is said of it.
        let expected = match key {
            _ if key.starts_with("engine.cookie.") && key != "engine.cookie.name" => vec!["engine.cookie.name", key],
            _ => vec![key],
        };
        assert_eq!(keys, expected, "{changes:?}");
        assert_eq!(after.effective.changes(&before.effective).len(), changes.len(), "{key}");
        assert_eq!(after.effective.changes(&after.effective), []);
        let setting = settings().find(|setting| setting.key == key).unwrap();
        assert_eq!(changes[changes.len() - 1].takes_effect, setting.takes_effect, "{key}");
    }
}

/// Of each setting but those that switch TLS on, a file with it and one without, which has all that it needs.
fn samples() -> Vec<(&'static str, String, String)> {
    let mut samples = Vec::new();
    for (key, in_file, _) in SAMPLES {
        let beside = match *key {
            "namespace.rule" | "tls.certificate" | "tls.key" | "api.tls.certificate" | "api.tls.key" => continue,
            // Neither is without the other, and the page does not have both.
            "admin.username" | "admin.password_bcrypt" => continue,
            "tls.reread_ms" => format!("tls.certificate = '{}'\ntls.key = '{}'\n", certificate!(), key!()),
            "admin.mode" => "admin.auth = 'none'\n".to_owned(),
            "cors.credentials" => "cors.origins = ['http://a.example']\n".to_owned(),
            "auth.required" => "auth.webhook.url = 'http://a/'\n".to_owned(),
            key if needs_webhook(key) => "auth.webhook.url = 'http://a/'\n".to_owned(),
            _ => String::new(),
        };
        samples.push((*key, format!("{beside}{key} = {in_file}"), beside));
    }
    samples
}

#[test]
fn tls_is_switched_at_a_restart_and_its_files_are_exchanged_at_once() {
    let files = Files::new(&["one.pem", "one.key", "again.pem"]);
    for (name, of) in [("one.pem", "one.pem"), ("one.key", "one.key"), ("again.pem", "one.pem")] {
        fs::copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/tls")).join(of), files.path(name)).unwrap();
    }
    let tls = |certificate: &str| {
        format!(
            "[tls]\ncertificate = '{}'\nkey = '{}'",
            files.path(certificate).display(),
            files.path("one.key").display()
        )
    };
    let without = from_file("").unwrap().effective;
    let with = from_file(&tls("one.pem")).unwrap().effective;
    for (old, new) in [(&without, &with), (&with, &without)] {
        let changes = old.changes(new);
        let restart: Vec<_> = changes.iter().map(|change| (&*change.key, change.takes_effect)).collect();
        assert_eq!(restart, [("tls.certificate", TakesEffect::AtRestart), ("tls.key", TakesEffect::AtRestart)]);
    }
    let renamed = with.changes(&from_file(&tls("again.pem")).unwrap().effective);
    assert_eq!(renamed.len(), 1);
    assert_eq!(renamed[0].takes_effect, TakesEffect::AtOnce);
    let text = fs::read_to_string(files.path("one.pem")).unwrap();
    fs::write(files.path("one.pem"), format!("\n{text}")).unwrap();
    let renewed = with.changes(&from_file(&tls("one.pem")).unwrap().effective);
    assert_eq!(told(&renewed), ["tls.certificate: (changed)"]);
    assert_eq!(renewed[0].takes_effect, TakesEffect::AtOnce);
}

#[test]
fn a_change_is_told_with_what_it_was_and_is() {
    for (old, new, expected) in [
        (
            "limits.client.events_per_s = 1000",
            "limits.client.events_per_s = 500",
            "limits.client.events_per_s: 1000 -> 500",
        ),
        ("", "log.filter = 'warn'", r#"log.filter: "info" -> "warn""#),
        ("", "errors.event = 'oops'", r#"errors.event: none -> "oops""#),
        ("errors.event = 'oops'", "", r#"errors.event: "oops" -> none"#),
        ("", "cors.origins = ['http://b', 'http://a']", r#"cors.origins: [] -> ["http://a", "http://b"]"#),
        ("", "engine.cookie = {}", r#"engine.cookie.name: none -> "io""#),
    ] {
        let changes = changed(old, new);
        assert_eq!(told(&changes)[0], expected);
    }
}

#[test]
fn formatting_order_and_what_is_the_default_anyway_are_no_change() {
    for (one, other) in [
        ("path = '/a/'\nlog.format = 'json'", "# x\n[log]\nformat = \"json\"   # y\n[engine]\n[cors]\n"),
        ("engine.ping_interval_ms = 25_000", ""),
        ("listen = ['127.0.0.1:1', '127.0.0.1:2']", "listen = ['127.0.0.1:2', '127.0.0.1:1']"),
        ("cors.origins = ['http://A:80', 'http://b']", "cors.origins = ['http://b', 'http://a']"),
        ("limits.client.events_burst = 2000", ""),
        ("namespace = [{ name = '/' }]", ""),
        (
            "[[namespace]]\nname = '/a'\nrule = [{ on = 'x', when = { claims.r = ['p', 'q'] } }, { on = 'y' }]\n\
             [[namespace]]\nname = '/b'\nrule = [{ on = 'z', to = { room = 'r', except_sender = false }, join = 'r' }]",
            "[[namespace]]\nname = '/b'\nauth = 'none'\n[[namespace.rule]]\njoin = 'r'\non = 'z'\nto.room = 'r'\n\
             [[namespace]]\nname = '/a'\nrule = [{ on = 'y', to = 'all', volatile = false, args_min = 0 },\n\
             { on = 'x', binary = 'allow', when.claims.r = ['q', 'p'] }]",
        ),
        (
            "[[namespace]]\nname = '/'\nrule = [{ on = 'x', rate = { per_s = 5 } }]",
            "[[namespace]]\nname = '/'\nrule = [{ on = 'x', rate = { over = 'slow', burst = 10, per_s = 5 } }]",
        ),
    ] {
        let (one, other) = (one.replace("path = '/a/'\n", ""), other);
        assert_eq!(told(&changed(&one, other)), Vec::<String>::new(), "{one}\n{other}");
    }
}

#[test]
fn rules_are_changed_by_name_and_each_key_by_itself() {
    let with = |rule: &str| {
        format!("[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\n[[namespace.rule]]\non = 'b'\n{rule}")
    };
    let to = r#"namespace."/".rule."b"."#;
    for (said, key, value) in [
        ("to = 'others'", "to", r#""all" -> "others""#),
        ("to = { room = 'r:{args.0}', except_sender = true }\njoin = 'r:{args.0}'", "join", r#"none -> "r:{args.0}""#),
        ("emit = 'c'", "emit", r#"none -> "c""#),
        ("volatile = true", "volatile", "none -> true"),
        ("when.claims.role = 'x'", "when", r#"none -> { claims = { role = "x" } }"#),
        ("args_max = 2", "args_max", "none -> 2"),
        ("bytes_max = 2", "bytes_max", "none -> 2"),
        ("binary = 'refuse'", "binary", r#"none -> "refuse""#),
        ("rate = { per_s = 3 }", "rate.per_s", "none -> 3"),
    ] {
        assert_eq!(told(&changed(&with(""), &with(said)))[0], format!("{to}{key}: {value}"));
    }
    let gone = changed(&with(""), "[[namespace]]\nname = '/'\nrule = [{ on = 'a' }]");
    assert_eq!(told(&gone), [format!("{to}to: \"all\" -> none")]);
    let there = changed(&with(""), &format!("{}\n[[namespace]]\nname = '/n'\nrule = [{{ on = 'x' }}]", with("")));
    let expected = [r#"namespace."/n".auth: none -> "none""#, r#"namespace."/n".rule."x".to: none -> "all""#];
    assert_eq!(told(&there), expected);
    let auth = "auth.webhook.url = 'http://a/'\n";
    let required = changed(auth, &format!("{auth}auth.required = ['/']"));
    assert_eq!(told(&required), [r#"auth.required: [] -> ["/"]"#], "what follows from it is not said again");
}

#[test]
fn what_is_behind_a_name_counts_and_is_never_told() {
    let files = Files::new(&["schema.json", "secret", "keys.pem"]);
    let text = format!(
        "[[namespace]]\nname = '/'\nauth = 'required'\nrule = [{{ on = 'a', schema = ['{}'] }}]\n\
         [[auth.issuer]]\niss = 'one'\nalgorithms = ['HS256']\naudience = ['*']\nsecret_env = 'ISSUER_SECRET'\n\
         [[auth.issuer]]\niss = 'two'\nalgorithms = ['HS256']\naudience = ['*']\nsecret_file = '{}'\n\
         [auth.webhook]\nurl = 'http://a/?key=sesame-url'\nsecret_env = 'HOOK_SECRET'\n\
         [[auth.token]]\nsha256 = '{}'\nclaims = {{ sub = 'sensor' }}\n\
         [ops]\nlisten = ['127.0.0.1:0']\ntoken_env = 'OPS'",
        files.path("schema.json").display(),
        files.path("secret").display(),
        "ab".repeat(32),
    );
    let long = |name: &str| format!("sesame-{name}-0123456789abcdef0123456789abcdef");
    let read = |changed: &str| {
        let content = |name: &str| if name == changed { format!("{}x", long(name)) } else { long(name) };
        fs::write(files.path("secret"), content("file")).unwrap();
        let schema = if changed == "schema" { "{\"type\":\"string\"}" } else { "{}" };
        fs::write(files.path("schema.json"), schema).unwrap();
        let variables = [("ISSUER_SECRET", content("env")), ("HOOK_SECRET", content("hook")), ("OPS", content("ops"))];
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
        let text = if changed == "url" { text.replace("sesame-url", "sesame-other") } else { text.clone() };
        load(Some(&Scratch::new(&text).path), os(&variables), &[]).unwrap().effective
    };
    let before = read("");
    for (changed, key) in [
        ("schema", r#"namespace."/".rule."a".schema"#),
        ("env", r#"auth.issuer."one".secret_env"#),
        ("file", r#"auth.issuer."two".secret_file"#),
        ("hook", "auth.webhook.secret_env"),
        ("url", "auth.webhook.url"),
        ("ops", "ops.token_env"),
    ] {
        assert_eq!(told(&before.changes(&read(changed))), [format!("{key}: (changed)")]);
    }
    let all = serde_json::to_string(&before.lines()).unwrap() + &page(&before).join("\n") + &format!("{before:?}");
    for secret in ["sesame", &"ab".repeat(5)] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

#[test]
fn the_page_is_a_file_that_says_the_same() {
    let files = Files::new(&["schema.json", "secret"]);
    fs::write(files.path("schema.json"), "{}").unwrap();
    fs::write(files.path("secret"), "0".repeat(64)).unwrap();
    let issuer = format!(
        "[[auth.issuer]]\niss = 'i \"x\"'\nalgorithms = ['HS256']\naudience = ['b', 'a']\nleeway_s = 3\nsecret_file = '{}'\n",
        files.path("secret").display()
    );
    let mut all: String = samples()
        .into_iter()
        // Without the password, which is not printed, the user would be refused.
        .filter(|(key, ..)| !key.starts_with("cluster.sentinel_"))
        .filter(|(key, ..)| !key.starts_with("tls.") && !key.starts_with("auth.webhook.") && *key != "admin.auth")
        .map(|(key, file, _)| {
            format!("{}\n", file.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap())
        })
        .collect();
    all += &format!("auth.webhook = {{ url = 'http://a/', secret_env = 'HOOK_SECRET' }}\n{issuer}");
    all += &format!(
        "[[namespace]]\nname = '/'\nrooms = ['user:{{claims.sub}}']\njoin = {{ on = 'j', allow = ['doc:*'] }}\nleave = {{ on = 'l' }}\n\
         [[namespace.rule]]\non = '*'\nwhen = {{ claims.\"a.b\".c = [1, true, 'x'] }}\nrate = {{ per_s = 1, over = 'drop' }}\n\
         schema = ['{}']\nto = {{ room = 'doc:{{args.0}}', except_sender = true }}\nrequire_member = true\n\
         [[namespace]]\nname = '/b'\nauth = 'optional'\nrule = [{{ on = 'a\"\\u0000', join = 'r:{{handshake.query.x}}' }}]",
        files.path("schema.json").display(),
    ).replace("'a\"\\u0000'", "\"a\\\"\\u001f\"");
    for text in [String::new(), all] {
        let secrets = [HOOK_SECRET, ("FANFARE_OPS_TOKEN", "sesame")];
        let secrets = if text.is_empty() { &secrets[..0] } else { &secrets[..] };
        let loaded = load(Some(&Scratch::new(&text).path), os(secrets), &[]).unwrap();
        let printed = page(&loaded.effective).join("\n");
        let again = load(Some(&Scratch::new(&printed).path), os(secrets), &[]);
        let again = again.unwrap_or_else(|problems| panic!("{problems:?} in\n{printed}"));
        assert_eq!(told(&loaded.effective.changes(&again.effective)), Vec::<String>::new(), "in\n{printed}");
        // Of the sets in the other file the order is another.
        assert!(!text.is_empty() || loaded.config == again.config, "in\n{printed}");
    }
}

fn changed(old: &str, new: &str) -> Vec<Change> {
    from_file(old).unwrap().effective.changes(&from_file(new).unwrap().effective)
}

fn told(changes: &[Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

fn shown<'a>(lines: &'a [Line], key: &str) -> &'a str {
    lines.iter().find(|line| line.key == key).and_then(|line| line.value.as_ref()).map_or("", Toml::as_str)
}

/// Files that go when it is dropped.
struct Files(Vec<PathBuf>);

impl Files {
    fn new(names: &[&str]) -> Self {
        let marker = Scratch::new("");
        let stem = marker.path.with_extension("");
        Self(names.iter().map(|name| PathBuf::from(format!("{}-{name}", stem.display()))).collect())
    }

    fn path(&self, name: &str) -> &Path {
        self.0.iter().find(|path| path.to_string_lossy().ends_with(&format!("-{name}"))).unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

#[test]
fn the_file_to_start_from_says_what_holds_anyway_and_has_every_setting() {
    let lines: Vec<String> =
        crate::config::defaults().iter().flat_map(|line| line.lines()).map(str::to_owned).collect();
    let is_said = |line: &str| !line.starts_with("# ") && line != "#";
    let text = |strip: usize| -> String {
        let uncommented = |line: &String| {
            let marks = line.len() - line.trim_start_matches('#').len();
            let is_taken = is_said(line) && marks <= strip;
            format!("{}\n", if is_taken { line.trim_start_matches('#') } else { line })
        };
        lines.iter().map(uncommented).collect()
    };
    for strip in [0, 1] {
        let loaded = from_file(&text(strip)).unwrap_or_else(|problems| panic!("{problems:?} in\n{}", text(strip)));
        assert_eq!(loaded.config, Config::default(), "{strip}");
        assert_eq!(loaded.warnings, []);
    }
    // The examples as well: there is no such certificate, but all of it is right by itself.
    let all = text(2).replace("/etc/fanfare/fullchain.pem", certificate!()).replace("/etc/fanfare/key.pem", key!());
    let all = all.replace("/usr/share/fanfare/client", "/").replace("/usr/share/fanfare/admin", "/");
    let variables = [("SOCKET_AUTH_SECRET", "0123456789abcdef"), ("FANFARE_OPS_TOKEN", "sesame")];
    let loaded =
        load(Some(&Scratch::new(&all).path), os(&variables), &[]).unwrap_or_else(|problems| panic!("{problems:?}"));
    for line in loaded.effective.lines() {
        assert!(line.from != "default", "{} has a line", line.key);
    }
    for setting in settings().filter(|setting| setting.key != "namespace.rule") {
        assert!(loaded.effective.lines().iter().any(|line| line.key == setting.key), "{}", setting.key);
    }
}
