//! From a draft to a configuration: what its parts say together, and what only shows then.

use std::collections::BTreeSet;
use std::path::PathBuf;

use cluster::ConfigError;
use http::HeaderName;
use policy::{Auth, Policy, Rate, Rules};
use socketio::NamespaceName;
use socketio::engineio::{CorsConfig, CorsOrigins, EngineConfig, HeadersKept, SameSite};

use super::draft::{API_KEY, Draft, ISSUER, NamespaceDraft, Origins, TOKEN, WebhookDraft};
use super::effective::{Effective, lets_in, listed_rules, note_schemas, relays_all};
use super::namespaces::warnings;
use super::rule_names::{same_room, second_rule};
use super::settings::settings;
use super::{Address, Config, Loaded, Place, Problem, address};
use crate::admin::{AdminAuth, AdminConfig, FORWARDED, Mode, PAGE_PATH, SHOWN_HEADERS};
use crate::auth::config::{AuthConfig, WebhookConfig};
use crate::cluster::{ClusterConfig, Fleet};
use crate::tls::{Certificates, TlsConfig};

impl Draft {
    /// Puts the parts together.
    pub(crate) fn finish(mut self) -> Result<Loaded, Vec<Problem>> {
        let mut checks = Checks { warnings: std::mem::take(&mut self.warnings), ..Checks::default() };
        self.finish_cors(&mut checks);
        self.finish_listen(&mut checks);
        self.finish_tls(&mut checks);
        self.finish_cookie(&mut checks);
        self.finish_compression();
        self.finish_outbox(&mut checks);
        self.finish_outboxes(&mut checks);
        self.finish_client_limits(&mut checks);
        self.finish_client_dir(&mut checks);
        self.finish_namespaces(&mut checks);
        self.finish_auth(&mut checks);
        self.finish_cluster(&mut checks);
        self.finish_ops(&mut checks);
        self.finish_api(&mut checks);
        self.finish_admin(&mut checks);
        self.finish_drain(&mut checks);
        self.config.derive();
        if checks.errors.is_empty() {
            let effective = Effective::new(&self.config, self.notes);
            Ok(Loaded { config: self.config, warnings: checks.warnings, effective })
        } else {
            Err(checks.errors)
        }
    }

    fn finish_cors(&mut self, checks: &mut Checks) {
        let credentials = self.credentials;
        let origins = match std::mem::take(&mut self.origins) {
            Origins::None => {
                if credentials {
                    let message = "has no effect: cors.origins names none that may connect";
                    checks.warn(self.place("cors.credentials"), message);
                }
                None
            }
            Origins::Any if credentials => {
                let message = "expected cors.origins to be a list of origins: browsers refuse credentials for `*`";
                return checks.refuse(self.place("cors.credentials"), message);
            }
            Origins::Any => Some(CorsOrigins::Any),
            Origins::Listed(origins) => {
                for (origin, whose) in origins.iter().filter_map(|origin| Some((origin, origin.is_shared()?))) {
                    checks
                        .warn(self.place("cors.origins"), &format!("\"{}\" is the origin of {whose}", origin.as_str()));
                }
                Some(CorsOrigins::List(origins.iter().map(|origin| origin.as_str().to_owned()).collect()))
            }
        };
        self.config.server.engine.cors = origins.map(|origins| {
            let mut cors = CorsConfig::new(origins);
            cors.credentials = credentials;
            cors
        });
    }

    fn finish_ops(&mut self, checks: &mut Checks) {
        if self.config.ops.listen.is_empty() && self.config.ops.token.is_some() {
            checks.warn(self.place("ops.token_env"), "has no effect: ops.listen is empty");
        }
    }

    fn finish_drain(&mut self, checks: &mut Checks) {
        let drain = &self.config.drain;
        let phases = (drain.wait + drain.spread).as_secs();
        if drain.deadline.as_secs() < phases {
            let found = drain.deadline.as_secs();
            let message =
                format!("expected at least drain.wait_s and drain.spread_s together, {phases}, found {found}");
            checks.refuse(self.place("drain.deadline_s"), &message);
        }
    }

    fn finish_listen(&mut self, checks: &mut Checks) {
        if let Some(message) = address::clash(&self.config.listen) {
            checks.refuse(self.place("listen"), &message);
        }
    }

    fn finish_tls(&mut self, checks: &mut Checks) {
        let pair = (self.certificate.take(), self.key.take());
        self.config.tls = self.read_tls("", pair, checks);
        if self.config.tls.is_some() && self.config.listen.iter().all(|address| matches!(address, Address::Unix(_))) {
            checks.warn(self.place("tls.certificate"), "has no effect: Unix sockets are without TLS");
        }
    }

    /// A certificate and its key, of the section `tls` or, with `api.` before it, of the API.
    fn read_tls(
        &mut self,
        before: &'static str,
        pair: (Option<PathBuf>, Option<PathBuf>),
        checks: &mut Checks,
    ) -> Option<TlsConfig> {
        let named = |key: &str| format!("{before}{key}");
        let (certificate, key) = match pair {
            (Some(certificate), Some(key)) => (certificate, key),
            (None, None) => return None,
            (Some(_), None) => {
                let message = format!("expected {before}tls.key beside it");
                checks.refuse(self.place(&named("tls.certificate")), &message);
                return None;
            }
            (None, Some(_)) => {
                let message = format!("expected {before}tls.certificate beside it");
                checks.refuse(self.place(&named("tls.key")), &message);
                return None;
            }
        };
        let tls = TlsConfig { certificate, key, reread: self.tls_reread };
        match Certificates::read(&tls) {
            Ok(certificates) => {
                if certificates.ends_soon() {
                    checks.warn(self.place(&named("tls.certificate")), "ends within a week");
                }
                certificates.with_files(|certificate, key| {
                    self.notes.contents(&named("tls.certificate"), certificate);
                    self.notes.contents(&named("tls.key"), key);
                });
            }
            Err(problem) => checks.refuse(self.place(&named(problem.key)), &problem.message),
        }
        Some(tls)
    }

    fn finish_api(&mut self, checks: &mut Checks) {
        let pair = (self.api_certificate.take(), self.api_key.take());
        self.config.api.tls = self.read_tls("api.", pair, checks);
        let (api, at) = (&self.config.api, self.place("api.listen"));
        if let Some(message) = address::clash(&api.listen) {
            checks.refuse(at.clone(), &message);
        }
        // Port 0 is another port each time.
        let is_fixed = |address: &&Address| !matches!(address, Address::Tcp(address) if address.port() == 0);
        let is_clients = |address: &&Address| self.config.listen.contains(address);
        if let Some(address) = api.listen.iter().filter(is_fixed).find(is_clients) {
            checks.refuse(at.clone(), &format!("expected an address where no clients are taken, found {address}"));
        }
        let with_ops = api.listen.iter().find(|address| api.is_beside_ops(address, &self.config.ops));
        if let (Some(address), Some(_)) = (with_ops, &api.tls) {
            let message = format!("expected addresses that ops.listen has not, for TLS, found {address}");
            checks.refuse(at.clone(), &message);
        }
        match (api.listen.is_empty(), api.keys.is_empty()) {
            (true, false) => checks.warn(self.place(API_KEY), "has no effect: api.listen is empty"),
            (false, true) => checks.warn(at, "answers nobody: there is no [[api.key]]"),
            _ => {}
        }
        if api.listen.is_empty() && api.tls.is_some() {
            checks.warn(self.place("api.tls.certificate"), "has no effect: api.listen is empty");
        }
    }

    fn finish_admin(&mut self, checks: &mut Checks) {
        let admin = &self.config.admin;
        for (key, message) in admin_mistakes(&self.config) {
            checks.refuse(self.place(key), &message);
        }
        if !admin.is_on() && *admin != AdminConfig::default() {
            let keys = settings().map(|setting| setting.key).filter(|key| key.starts_with("admin."));
            let said = keys.map(|key| self.place(key)).find(|place| *place != Place::Default);
            if let Some(place) = said.filter(|_| checks.errors.is_empty()) {
                checks.warn(place, "has no effect: there is no admin.username with an admin.password_bcrypt");
            }
        }
        if admin.is_on() && admin.mode == Mode::Development {
            // What is shown has to be kept until somebody looks.
            let engine = &mut self.config.server.engine;
            engine.is_uri_kept = true;
            keep_headers(engine, SHOWN_HEADERS.map(HeaderName::from_static));
        }
        if admin.auth == AdminAuth::None {
            keep_headers(&mut self.config.server.engine, FORWARDED.map(HeaderName::from_static));
        }
        let admin = &self.config.admin;
        if let Some(folder) = admin.dir.as_ref().filter(|folder| !folder.join("index.html").is_file()) {
            let message = format!(
                "has no index.html: the Admin UI is in the folder `ui/dist` of the npm package @socket.io/admin-ui, {} \
                 is another",
                folder.display()
            );
            checks.warn(self.place("admin.dir"), &message);
        }
    }

    fn finish_cookie(&mut self, checks: &mut Checks) {
        if let Some(cookie) = &self.cookie
            && cookie.same_site == Some(SameSite::None)
            && !cookie.secure
        {
            let message = "expected engine.cookie.secure = true beside \"none\": browsers drop the cookie otherwise";
            return checks.refuse(self.place("engine.cookie.same_site"), message);
        }
        self.config.server.engine.cookie = self.cookie.take();
    }

    fn finish_compression(&mut self) {
        self.config.server.engine.compression_threshold_bytes =
            self.compression.then_some(self.compression_threshold_bytes);
    }

    fn finish_outbox(&mut self, checks: &mut Checks) {
        let payload = self.config.server.engine.session.max_payload_bytes;
        self.config.server.engine.outbox_bytes_max = match self.outbox_bytes_max {
            Some(bytes) => {
                if bytes < payload {
                    let message = format!(
                        "is less than engine.max_payload_bytes ({payload}): a client that has not yet taken the \
                         largest message is closed by the next"
                    );
                    checks.warn(self.place("limits.outbox_bytes_max"), &message);
                }
                bytes
            }
            // Who allows larger messages means them to arrive, without having to know about this.
            None => EngineConfig::default().outbox_bytes_max.max(payload.saturating_mul(2)),
        };
    }

    fn finish_outboxes(&mut self, checks: &mut Checks) {
        let Some(total) = self.outbox_bytes_total_max else {
            return; // The default stays: a part of the machine's memory.
        };
        let one = self.config.server.engine.outbox_bytes_max;
        if total < one {
            let message = format!(
                "is less than limits.outbox_bytes_max ({one}): a client alone is closed before it has as much waiting"
            );
            checks.warn(self.place("limits.outbox_bytes_total_max"), &message);
        }
        self.config.server.engine.outbox_bytes_total_max = total;
    }

    fn finish_client_limits(&mut self, checks: &mut Checks) {
        let (per_s, burst) = (self.client_events_per_s, self.client_events_burst);
        if per_s == 0 && burst.is_some() {
            let message = "has no effect: limits.client.events_per_s = 0 is no limit";
            checks.warn(self.place("limits.client.events_burst"), message);
        }
        self.config.limits.client.events = Rate::new(per_s, burst);
    }

    fn finish_client_dir(&mut self, checks: &mut Checks) {
        if let Some(folder) = &self.config.client_dir
            && !folder.join("socket.io.js").is_file()
        {
            let message = "has no socket.io.js: the bundle is in the folder `dist` of the npm package \
                 socket.io-client (or `client-dist` of socket.io)";
            checks.warn(self.place("client_dir"), message);
        }
    }

    fn finish_namespaces(&mut self, checks: &mut Checks) {
        let mut namespaces = std::mem::take(&mut self.namespaces);
        self.finish_root_rules(&mut namespaces, checks);
        if namespaces.is_empty() {
            let (rules, place) = (Rules::default(), Place::Default);
            namespaces.push(NamespaceDraft { name: NamespaceName::ROOT, auth: None, rules, place });
        }
        let exists = |name: &NamespaceName| namespaces.iter().any(|namespace| namespace.name == *name);
        if let Some(other) = self.auth_required.iter().find(|name| !exists(name)) {
            let message = format!("expected namespaces that exist, found \"{other}\"");
            checks.refuse(self.place("auth.required"), &message);
        }
        let no_rules = namespaces.iter().all(|namespace| namespace.rules.is_empty());
        let knows_nobody = self.config.auth.is_empty() && self.webhook.is_none();
        let required_at = self.place("auth.required");
        for NamespaceDraft { name, auth, rules, place } in &mut namespaces {
            if no_rules {
                rules.relay_all();
                relays_all(name.as_str(), &mut self.notes);
            } else if rules.is_empty() {
                // Relaying everything and refusing everything are both plausible; guessing is not.
                let message = format!(
                    "expected at least one [[namespace.rule]] for \"{name}\", since there are rules elsewhere; \
                     one with on = \"*\" relays every event"
                );
                checks.refuse(place.clone(), &message);
            }
            let required = if self.auth_required.contains(name) { Auth::Required } else { Auth::None };
            rules.set_auth(auth.unwrap_or(required));
            if auth.is_none() {
                lets_in(name.as_str(), required, &mut self.notes);
            }
            if rules.auth() != Auth::None && knows_nobody {
                let place = if auth.is_some() { place.clone() } else { required_at.clone() };
                let message = format!(
                    "expected an [[auth.issuer]], an [[auth.token]] or an [auth.webhook] somewhere: nobody could be \
                     known in \"{name}\""
                );
                checks.refuse(place, &message);
            }
            rules.set_client(self.config.limits.client);
            self.config.server.engine.is_uri_kept |= rules.queries().next().is_some();
            for message in warnings::of(name, rules) {
                checks.warn(place.clone(), &message);
            }
        }
        self.config.policy = Policy::new(namespaces.into_iter().map(|namespace| (namespace.name, namespace.rules)));
        note_schemas(&self.config.policy, &mut self.notes);
    }

    /// Puts the rules of a variable or a flag in the place of those of the file; all else of the namespace stays.
    fn finish_root_rules(&mut self, namespaces: &mut Vec<NamespaceDraft>, checks: &mut Checks) {
        let Some(rules) = self.root_rules.take() else { return };
        let place = self.place("namespace.rule");
        listed_rules(&rules, &place, &mut self.notes);
        match namespaces.iter_mut().find(|namespace| namespace.name.is_root()) {
            Some(root) => {
                if let Err(on) = root.rules.replace_rules(rules) {
                    checks.refuse(place.clone(), &second_rule(&on));
                }
                root.place = place.clone();
            }
            None => {
                let name = NamespaceName::ROOT;
                namespaces.push(NamespaceDraft { name, auth: None, rules, place: place.clone() });
            }
        }
        let root = namespaces.iter().find(|namespace| namespace.name.is_root());
        if let Some(both) = root.and_then(|root| root.rules.overlap()) {
            checks.refuse(place, &same_room(both));
        }
    }

    fn finish_auth(&mut self, checks: &mut Checks) {
        if let Some(WebhookDraft { url, config }) = self.webhook.take() {
            let Some(url) = url else {
                let others = ["secret_env", "headers", "timeout_ms", "concurrency", "cache_s"];
                let places = others.map(|key| self.place(&format!("auth.webhook.{key}")));
                let place = places.into_iter().find(|place| *place != Place::Default).unwrap_or(Place::Default);
                return checks.refuse(place, "expected auth.webhook.url beside it");
            };
            self.config.auth.webhook = Some(WebhookConfig { url, ..config });
        }
        self.check_renewal(checks);
        let auth = &self.config.auth;
        if auth.is_empty() {
            return;
        }
        if self.config.policy.namespaces().all(|(_, rules)| rules.auth() == Auth::None) {
            let places = [ISSUER, TOKEN, "auth.webhook.url"].map(|key| self.place(key));
            let place = places.into_iter().find(|place| *place != Place::Default).unwrap_or(Place::Default);
            checks.warn(
                place,
                "has no effect: no namespace asks who somebody is, by auth.required or an auth of its own",
            );
        }
        // What is read when a client connects to a namespace has to be kept until then.
        let engine = &mut self.config.server.engine;
        engine.is_uri_kept |= auth.needs_query();
        let headers: BTreeSet<&str> = auth.headers().map(HeaderName::as_str).collect();
        if !headers.is_empty() {
            let headers = headers.into_iter().filter_map(|name| HeaderName::try_from(name).ok());
            engine.headers_kept = HeadersKept::Only(headers.collect());
        }
    }

    fn finish_cluster(&mut self, checks: &mut Checks) {
        let cluster = &self.config.cluster;
        if !cluster.is_on() {
            let keys = settings().map(|setting| setting.key).filter(|key| key.starts_with("cluster."));
            let said = keys.map(|key| self.place(key)).find(|place| *place != Place::Default);
            if let Some(place) = said.filter(|_| self.place("cluster.redis") == Place::Default) {
                checks.warn(place, "has no effect: cluster.redis names no redis");
            }
            return;
        }
        match (&cluster.client_certificate, &cluster.client_key) {
            (Some(_), None) => {
                return checks
                    .refuse(self.place("cluster.client_certificate"), "expected cluster.client_key beside it");
            }
            (None, Some(_)) => {
                return checks
                    .refuse(self.place("cluster.client_key"), "expected cluster.client_certificate beside it");
            }
            _ => {}
        }
        if cluster.sentinel_username.is_some() && cluster.sentinel_password.is_none() {
            let message = "expected cluster.sentinel_password beside it";
            return checks.refuse(self.place("cluster.sentinel_username"), message);
        }
        for (key, why) in self.idle_in_cluster() {
            checks.warn(self.place(key), why);
        }
        if let Err(error) = cluster.node(self.config.server.client.limits, self.config.limits.client.rooms_max) {
            return checks.refuse(self.place(key_of(&error, cluster)), &error.to_string());
        }
        // What is shown to the fleet has to be kept until it asks.
        let shown = cluster.handshake_headers.iter().filter_map(|name| HeaderName::try_from(name.as_str()).ok());
        keep_headers(&mut self.config.server.engine, shown);
    }

    /// What is said of the cluster and means nothing in this one.
    fn idle_in_cluster(&self) -> Vec<(&'static str, &'static str)> {
        let cluster = &self.config.cluster;
        let is_classic = cluster.adapter == Fleet::Classic;
        let idle = [
            ("cluster.sentinel_username", !cluster.has_sentinels(), NO_SENTINELS),
            ("cluster.sentinel_password", !cluster.has_sentinels(), NO_SENTINELS),
            ("cluster.mode", is_classic, "has no effect: cluster.adapter is not \"sharded\""),
            ("cluster.parser", !is_classic, "has no effect: the sharded adapter has no choice"),
            ("cluster.ca", !cluster.has_tls(), "has no effect: no address in cluster.redis is by TLS (rediss://)"),
            ("cluster.client_certificate", !cluster.has_tls(), "has no effect: no address in cluster.redis is by TLS"),
        ];
        let is_said = |key| self.place(key) != Place::Default;
        idle.into_iter().filter(|(key, is_idle, _)| *is_idle && is_said(key)).map(|(key, _, why)| (key, why)).collect()
    }

    /// What is said of renewals, beside the rest.
    fn check_renewal(&self, checks: &mut Checks) {
        let AuthConfig { token_from, webhook, renewal, .. } = &self.config.auth;
        let Some(event) = &renewal.renew_event else { return };
        let event = event.as_str();
        if let Some((name, _)) = self.config.policy.namespaces().find(|(_, rules)| rules.has(event)) {
            let message = format!("expected an event that nothing else is about, found {event:?}, as in \"{name}\"");
            checks.refuse(self.place("auth.renew_event"), &message);
        }
        if webhook.is_none() && token_from.iter().all(|source| source.auth_path().is_none()) {
            let message = "has no effect: an event has no headers, so auth.token_from needs an auth.NAME too";
            checks.warn(self.place("auth.renew_event"), message);
        }
    }

    /// Where a setting was written last.
    fn place(&self, key: &str) -> Place {
        self.notes.place_of(key)
    }
}

const NO_SENTINELS: &str = "has no effect: no address in cluster.redis names sentinels (redis+sentinel://)";

/// The setting that is wrong.
fn key_of(error: &ConfigError, cluster: &ClusterConfig) -> &'static str {
    let is = |file: &Option<PathBuf>, path: &PathBuf| file.as_ref() == Some(path);
    match error {
        ConfigError::Prefix => "cluster.prefix",
        ConfigError::File { path, .. } if is(&cluster.ca, path) => "cluster.ca",
        ConfigError::File { path, .. } if is(&cluster.client_key, path) => "cluster.client_key",
        ConfigError::File { .. } => "cluster.client_certificate",
        ConfigError::Tls { setting: "ca", .. } => "cluster.ca",
        ConfigError::Tls { setting: "client_certificate", .. } => "cluster.client_certificate",
        ConfigError::Tls { setting: "client_key", .. } => "cluster.client_key",
        _ => "cluster.redis",
    }
}

/// What of `[admin]` cannot be, by its setting.
fn admin_mistakes(config: &Config) -> Vec<(&'static str, String)> {
    let (admin, engine) = (&config.admin, &config.server.engine);
    let mut mistakes = Vec::new();
    let mut refuse = |is_wrong: bool, key: &'static str, message: &str| {
        if is_wrong {
            mistakes.push((key, message.to_owned()));
        }
    };
    let (has_name, has_password) = (admin.username.is_some(), admin.password.is_some());
    match admin.auth {
        AdminAuth::Password => {
            refuse(has_name && !has_password, "admin.username", "expected admin.password_bcrypt beside it");
            refuse(has_password && !has_name, "admin.password_bcrypt", "expected admin.username beside it");
        }
        AdminAuth::None => {
            refuse(has_name || has_password, "admin.auth", "expected \"password\", since there is one");
            let is_ours = config.listen.iter().all(Address::is_loopback);
            refuse(
                !is_ours,
                "admin.auth",
                "expected a password, or listen with addresses of this machine only, such as 127.0.0.1:3000",
            );
            // Whoever is behind one is not on this machine.
            let is_proxied = !engine.trusted_proxies.is_empty() || !config.proxies.is_empty();
            refuse(is_proxied, "admin.auth", "expected a password, since there are trusted proxies");
            // A browser on this machine reaches the relay, whosever page it shows.
            let lets_any_page_in = match engine.cors.as_ref().map(|cors| &cors.origins) {
                Some(CorsOrigins::Any) => true,
                // What a page shows in a frame without an origin of its own.
                Some(CorsOrigins::List(origins)) => origins.iter().any(|origin| origin == "null"),
                _ => false,
            };
            let message = "expected a password, or cors.origins with a list, without null: any page would be one";
            refuse(lets_any_page_in, "admin.auth", message);
            let message = "expected a password, or cors.enforce: any page would be one";
            refuse(!engine.origin.is_enforced, "admin.auth", message);
        }
    }
    let is_clients = admin.is_on() && config.policy.namespace(admin.namespace.as_str()).is_some();
    refuse(is_clients, "admin.namespace", "expected a namespace that clients do not have");
    let is_taken = admin.dir.is_some() && format!("{PAGE_PATH}/").starts_with(engine.path.as_str());
    refuse(is_taken, "admin.dir", "expected another path for Socket.IO: the page is served at /admin/");
    mistakes
}

/// Keeps these too of each handshake.
fn keep_headers(engine: &mut EngineConfig, more: impl IntoIterator<Item = HeaderName>) {
    let names = match &engine.headers_kept {
        HeadersKept::All => return,
        HeadersKept::Only(names) => together(names.iter().cloned().chain(more)),
        _ => together(more.into_iter()),
    };
    if !names.is_empty() {
        engine.headers_kept = HeadersKept::Only(names);
    }
}

/// Each once.
fn together(names: impl Iterator<Item = HeaderName>) -> Vec<HeaderName> {
    let mut names: Vec<HeaderName> = names.collect();
    names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    names.dedup();
    names
}

/// What the whole shows that its parts do not.
#[derive(Default)]
struct Checks {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Checks {
    fn refuse(&mut self, place: Place, message: &str) {
        self.errors.push(Problem { place, message: message.to_owned() });
    }

    fn warn(&mut self, place: Place, message: &str) {
        self.warnings.push(Problem { place, message: message.to_owned() });
    }
}
