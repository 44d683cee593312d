//! What the documentation says is so.

use super::*;

#[test]
fn the_docs_have_every_key_with_its_variable_and_flag() {
    let docs = docs();
    for setting in settings() {
        let row = docs.lines().find(|line| {
            line.starts_with(&format!("| `{}` |", setting.key)) && line.contains(&format!("`{}`", setting.variable))
        });
        let row = row.unwrap_or_else(|| panic!("no row for {} with {}", setting.key, setting.variable));
        let mark = format!("*Takes effect: {}.*", setting.takes_effect);
        let is_at_once = setting.takes_effect == TakesEffect::AtOnce;
        assert_eq!(row.matches("*Takes effect: ").count(), usize::from(!is_at_once), "{row}");
        assert!(is_at_once || row.contains(&mark), "{mark} in {row}");
        if let Some(flag) = setting.flag {
            assert!(row.contains(&format!("`{flag}`")), "{flag} in {row}");
        }
    }
    let auth = super::super::auth::ISSUER_KEYS.iter().chain(&super::super::auth::TOKEN_KEYS);
    let auth = auth.chain(&super::super::api::API_KEY_KEYS);
    for key in namespaces::NAMESPACE_KEYS.iter().chain(&namespaces::RULE_KEYS).chain(auth) {
        assert!(docs.contains(&format!("\n| `{key}` |")), "no row for {key}");
    }
    assert!(docs.contains(&format!("`{}`", environment::CONFIG)));
}

#[test]
fn the_defaults_in_the_docs_are_the_defaults() {
    let docs = docs();
    let defaults = blocks(&docs, "toml").into_iter().find(|block| block.starts_with("# defaults")).unwrap();
    assert_eq!(from_file(defaults).unwrap().config, Config::default());
    for setting in settings() {
        let (_, key) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
        let has_no_default = [
            "client_dir",
            "worker_threads",
            "outbox_bytes_total_max",
            "renew_event",
            "warn_event",
            "token_env",
            "username",
            "password_bcrypt",
            "server_id",
            "dir",
        ]
        .contains(&key)
            || [
                "engine.cookie",
                "auth.webhook",
                "errors",
                "tls.certificate",
                "tls.key",
                "api.tls",
                "cluster.sentinel",
                "cluster.name",
                "cluster.ca",
                "cluster.client",
            ]
            .iter()
            .any(|section| setting.key.starts_with(section));
        let is_there = defaults.lines().any(|line| line.starts_with(&format!("{key} = "))) || key == "rule";
        assert!(is_there || has_no_default, "{}", setting.key);
    }
}

#[test]
fn the_examples_in_the_docs_are_valid() {
    let docs = docs();
    let others = document("behind-a-proxy.md") + &document("deploying.md") + &document("cluster.md");
    for block in blocks(&docs, "toml").into_iter().chain(blocks(&others, "toml")) {
        let loaded = from_file(block).unwrap_or_else(|problems| panic!("{problems:?} in\n{block}"));
        assert_eq!(loaded.warnings, [], "in\n{block}");
    }
    for line in blocks(&docs, "text").into_iter().find(|block| block.starts_with("ON[")).unwrap().lines().skip(2) {
        let rule = line.split_whitespace().next().unwrap();
        from_variables(&[("FANFARE_RULE", rule)]).unwrap_or_else(|problems| panic!("{problems:?}"));
    }
}

#[test]
fn the_example_file_relays_both_applications() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/relay.toml");
    let Loaded { config, warnings, .. } = load(Some(&path), [], &[]).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.server.engine.cors, Some(CorsConfig::new(CorsOrigins::Any)));
    assert_eq!(config.listen, Config::default().listen);
    let rules = config.policy.namespace("/").unwrap();
    let relay = |event: &str| rules.find(event)?.relay.as_ref();
    assert_eq!(relay("update"), Some(&Relay { emit: None, to: Scope::All, volatile: false, count: Count::Node }));
    let emit = Some(EventName::parse("database-changed").unwrap());
    assert_eq!(relay("database-change"), Some(&Relay { emit, to: Scope::All, volatile: false, count: Count::Node }));
    assert_eq!(relay("anything-else"), None);
}

fn docs() -> String {
    document("configuration.md")
}

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

/// The code blocks of a language.
fn blocks<'a>(docs: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    docs.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}
