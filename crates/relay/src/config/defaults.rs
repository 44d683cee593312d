//! A file to start from: everything that can be said, as it is by default.

use http::Uri;
use socketio::engineio::CookieConfig;

use super::Config;
use super::settings::{Setting, TakesEffect, settings};
use super::toml_text::Toml;
use super::unsaid::TLS_REREAD;
use crate::auth::config::WebhookConfig;
use crate::tls::TlsConfig;

/// The lines of the file. Uncommented or not, it says what holds without it.
pub(crate) fn defaults() -> Vec<String> {
    let (default, switched_on) = (Config::default(), switched_on());
    let mut lines: Vec<String> = HEAD.lines().map(str::to_owned).collect();
    let mut section = "";
    for setting in settings().filter(|setting| setting.key != RULES) {
        let (its, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
        if its != section {
            lines.extend([String::new(), header(its)]);
            section = its;
        }
        lines.push(String::new());
        lines.push(format!("# {}{}", setting.about, mark(setting.takes_effect)));
        lines.push(match example(setting.key) {
            Some(example) => format!("##{name} = {example}"),
            None => assigned(setting, name, &default, &switched_on),
        });
    }
    lines.extend(TAIL.lines().map(str::to_owned));
    lines
}

fn assigned(setting: &Setting, name: &str, default: &Config, switched_on: &Config) -> String {
    match (setting.show)(default) {
        Some(value) => format!("#{name} = {value}"),
        None => {
            let value = (setting.show)(switched_on).unwrap_or_else(|| Toml::text(""));
            format!("##{name} = {value}")
        }
    }
}

/// A section is there anyway, but where being there says something.
fn header(section: &str) -> String {
    match section {
        "engine.cookie" => format!("# A cookie with the session's id; none unless it is set.\n##[{section}]"),
        "auth.webhook" => {
            format!("# Asks your application who somebody is; nobody is asked unless it is set.\n##[{section}]")
        }
        _ => format!("[{section}]"),
    }
}

fn mark(takes_effect: TakesEffect) -> String {
    match takes_effect {
        TakesEffect::AtOnce => String::new(),
        other => format!(" (A change takes effect {other}.)"),
    }
}

/// What is not there by default, with its own defaults.
fn switched_on() -> Config {
    let mut config = Config::default();
    config.server.engine.cookie = Some(CookieConfig::default());
    config.auth.webhook = Some(WebhookConfig::new(Uri::from_static("http://127.0.0.1:8080/socket-auth")));
    let (certificate, key) = ("/etc/fanfare/fullchain.pem".into(), "/etc/fanfare/key.pem".into());
    let tls = TlsConfig { certificate, key, reread: TLS_REREAD };
    config.api.tls = Some(tls.clone());
    config.tls = Some(tls);
    config
}

/// What has no default, or another one on each machine.
fn example(key: &str) -> Option<&'static str> {
    EXAMPLES.iter().find(|(name, _)| *name == key).map(|(_, example)| *example)
}

const EXAMPLES: &[(&str, &str)] = &[
    ("client_dir", "\"/usr/share/fanfare/client\""),
    ("worker_threads", "4"),
    ("cluster.sentinel_username", "\"fanfare\""),
    ("cluster.sentinel_password", "\"…\""),
    ("cluster.name", "\"eu-1\""),
    ("cluster.ca", "\"/etc/fanfare/redis-ca.pem\""),
    ("cluster.client_certificate", "\"/etc/fanfare/redis-client.pem\""),
    ("cluster.client_key", "\"/etc/fanfare/redis-client.key\""),
    ("engine.cookie.domain", "\"example.com\""),
    ("engine.cookie.max_age_s", "3600"),
    ("limits.outbox_bytes_total_max", "1073741824"),
    ("errors.event", "\"relay_error\""),
    ("auth.renew_event", "\"auth:renew\""),
    ("auth.warn_event", "\"auth:expiring\""),
    ("auth.webhook.secret_env", "\"SOCKET_AUTH_SECRET\""),
    ("admin.username", "\"admin\""),
    ("admin.password_bcrypt", "\"$2b$12$mh2lZtIIyo8IRe9anZ941OvuWIPjKvRJ0o9B9d2N5tR7CM6iggKDe\""),
    ("admin.server_id", "\"eu-1\""),
    ("admin.dir", "\"/usr/share/fanfare/admin\""),
    ("ops.token_env", "\"FANFARE_OPS_TOKEN\""),
];

/// Not of the file: its rules are at the end.
const RULES: &str = "namespace.rule";

const HEAD: &str = "\
# Everything that fanfare can be told. docs/configuration.md says more of each.
#
# What is behind one # holds anyway. What is behind two is an example of what is not there by default.
# A change takes effect at once, by a reload, unless something else is said.";

const TAIL: &str = "
# Who signs tokens. One of jwks_url, jwks_file, public_key_file, secret_file and secret_env says where the keys are.
##[[auth.issuer]]
##iss = \"https://idp.example.com/\"
##jwks_url = \"https://idp.example.com/.well-known/jwks.json\"
##algorithms = [\"RS256\"]
##audience = [\"fanfare\"]
##leeway_s = 30

# Tokens for devices and scripts, by the SHA-256 of each.
##[[auth.token]]
##sha256 = \"d82b3a29d7c33c4b1bb8fd1c2d2b5dd7f1f7ec57bf2ba5ae4ad9e6c8a3d1f0aa\"
##claims = { sub = \"sensor-1\" }

# Who may use the HTTP API, and for what. `fanfare key` makes a key and prints these lines.
##[[api.key]]
##name = \"dashboard\"
##sha256 = \"d82b3a29d7c33c4b1bb8fd1c2d2b5dd7f1f7ec57bf2ba5ae4ad9e6c8a3d1f0aa\"
##may = [\"emit\", \"read\", \"move\", \"disconnect\"]
##namespaces = [\"/\"]
##events = [\"*\"]
##rooms = [\"account:*\"]

# The namespaces that exist, and what their events mean. By default there is one, where every event goes to everybody.
#[[namespace]]
#name = \"/\"
#auth = \"none\"
#
#[[namespace.rule]]
#on = \"*\"
#to = \"all\"";
