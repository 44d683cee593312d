//! One configuration takes the place of another.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use socketio::{Server, ServerConfig};

use super::{Refused, Report, Why};
use crate::api::TermsNow;
use crate::bundle::read_bundle;
use crate::config::{Config, Held, Loaded, Problem, TakesEffect};
use crate::drain::Drain;
use crate::log;
use crate::ops::TokenNow;
use crate::relay::{Common, Entrance, Generation, Live};
use crate::tls::{Certificates, NewPair, TlsConfig};

/// The configuration that holds, and how there is another.
pub(crate) struct Replacing {
    load: Box<dyn Fn() -> Result<Loaded, Vec<Problem>> + Send>,
    config: Config,
    parts: Parts,
}

/// What follows the configuration while the relay runs.
pub(crate) struct Parts {
    pub(crate) server: Server,
    pub(crate) live: Arc<Live>,
    /// What is told of the configuration.
    pub(crate) held: Arc<Held>,
    pub(crate) drain: Arc<Drain>,
    pub(crate) certificates: Option<Arc<Certificates>>,
    pub(crate) token: Arc<TokenNow>,
    /// For whom the HTTP API does what.
    pub(crate) terms: Arc<TermsNow>,
    /// What the HTTP API shows, where that is TLS.
    pub(crate) api_certificates: Option<Arc<Certificates>>,
    pub(crate) filter: log::FilterNow,
    /// What of the server's settings the start found out.
    pub(crate) found: Box<dyn Fn(&mut ServerConfig) + Send>,
}

impl Replacing {
    pub(crate) fn new(
        load: impl Fn() -> Result<Loaded, Vec<Problem>> + Send + 'static,
        config: Config,
        parts: Parts,
    ) -> Self {
        Self { load: Box::new(load), config, parts }
    }

    /// Reads everything anew and builds everything, then has it hold. Blocks, within the runtime.
    ///
    /// # Errors
    /// What is wrong; then nothing has changed, and what was built is dropped.
    pub(crate) fn replace(&mut self) -> Result<Report, Refused> {
        let next = (self.load)().map_err(Refused::wrong)?;
        let changes = self.parts.held.get().changes(&next.effective);
        let at_restart = changes.iter().filter(|change| change.takes_effect == TakesEffect::AtRestart);
        let at_restart: Vec<String> = at_restart.map(|change| format!("{change}: needs a restart")).collect();
        if !at_restart.is_empty() {
            return Err(Refused::new(Why::NeedsRestart, at_restart));
        }
        let Parts { server, held, certificates, api_certificates, drain, token, terms, filter, .. } = &self.parts;
        let pair = pair(certificates.as_ref(), next.config.tls.as_ref(), "")?;
        let api_pair = self::pair(api_certificates.as_ref(), next.config.api.tls.as_ref(), "api.")?;
        let bundle = read_bundle(&next.config).map_err(|problem| Refused::wrong([problem]))?;
        let mut warnings: Vec<String> = next.warnings.iter().map(Problem::to_string).collect();
        if next.config != self.config {
            warnings.extend(not_kept(&self.config, &next.config));
            self.replace_generation(&next.config)?;
        }
        // From here on nothing fails.
        server.set_client_bundle(bundle);
        for (certificates, pair) in [(certificates, pair), (api_certificates, api_pair)] {
            if let (Some(certificates), Some(pair)) = (certificates, pair) {
                certificates.show(pair);
            }
        }
        drain.configure(next.config.drain.clone());
        token.set(next.config.ops.token.clone());
        terms.set(&next.config);
        filter.set(next.config.log.filter.clone());
        held.set(next.effective);
        self.config = next.config;
        Ok(Report { changes: changes.iter().map(ToString::to_string).collect(), warnings })
    }

    /// # Errors
    /// What of the server's settings cannot be another. Then nothing has changed.
    fn replace_generation(&self, next: &Config) -> Result<(), Refused> {
        let Parts { server, live, found, .. } = &self.parts;
        let (former, now) = (live.current(), tokio::time::Instant::now().into_std());
        let generation = succeeding(&former, &self.config, next, now);
        let mut server_config = next.server.clone();
        found(&mut server_config);
        server.reconfigure(server_config).map_err(|fixed| Refused::new(Why::NeedsRestart, [fixed]))?;

        generation.gate.take_over();
        let (before, after): (BTreeSet<&str>, BTreeSet<&str>) = (former.names(), names(next));
        live.swap(generation);
        for name in after.difference(&before) {
            if let Err(error) = server.add_namespace(name, Entrance { live: Arc::clone(live) }) {
                tracing::error!(namespace = name, %error, "a namespace that cannot be added");
            }
        }
        for name in before.difference(&after) {
            server.remove_namespace(name, next.drain.spread);
        }
        server.wake_members(WAKING);
        Ok(())
    }
}

/// The pair that is to be shown from now on, where one is shown. `before` is what its keys begin with.
///
/// # Errors
/// What is wrong with it.
fn pair(shown: Option<&Arc<Certificates>>, tls: Option<&TlsConfig>, before: &str) -> Result<Option<NewPair>, Refused> {
    let (Some(_), Some(tls)) = (shown, tls) else { return Ok(None) };
    NewPair::read(tls).map(Some).map_err(|problem| Refused::wrong([format!("{before}{problem}")]))
}

/// Everything that holds for clients, by another configuration.
fn succeeding(former: &Generation, held: &Config, next: &Config, now: Instant) -> Generation {
    let Common { authenticator, counts, kept_since, .. } = &*former.common;
    let kept = |config: &Config| (config.server.engine.headers_kept.clone(), config.server.engine.is_uri_kept);
    let common = Common {
        authenticator: authenticator.succeed(&next.auth),
        renewal: next.auth.renewal.clone(),
        auth_bytes_max: next.server.client.auth_bytes_max,
        errors_event: next.errors_event.clone(),
        counts: Arc::clone(counts),
        kept_since: if kept(held) == kept(next) { *kept_since } else { SystemTime::now() },
    };
    let gate = former.gate.succeed(&next.limits, &next.server.engine, now);
    former.next(&next.policy, common, gate)
}

fn names(config: &Config) -> BTreeSet<&str> {
    config.policy.namespaces().map(|(name, _)| name.as_str()).collect()
}

/// Of handshakes only those values are kept that rules asked for then.
fn not_kept(held: &Config, next: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, rules) in next.policy.namespaces() {
        let Some(former) = held.policy.namespace(name.as_str()) else { continue };
        let known: BTreeSet<&str> = former.queries().collect();
        let missing = rules.queries().filter(|query| !known.contains(query)).collect::<BTreeSet<_>>();
        warnings.extend(missing.into_iter().map(|query| {
            format!(
                "namespace \"{name}\" asks for handshake.query.{query}, which nobody who is connected has any more: \
                 to them it is missing until they come back"
            )
        }));
    }
    warnings.sort_unstable();
    warnings
}

/// Over what time those are looked at who do nothing themselves.
const WAKING: Duration = Duration::from_secs(1);
