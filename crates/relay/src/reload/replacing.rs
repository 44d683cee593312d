//! One configuration takes the place of another.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use cluster::Cluster;
use policy::AddressLimits;
use socketio::{Server, ServerConfig};

use super::{Refused, Report, Why};
use crate::admin::{Admin, Development};
use crate::api::TermsNow;
use crate::bundle::{read_bundle, read_page};
use crate::config::{Config, Effective, Held, Loaded, Problem, TakesEffect};
use crate::descriptors;
use crate::drain::Drain;
use crate::log;
use crate::ops::TokenNow;
use crate::relay::{Common, Entrance, Generation, Live};
use crate::tls::{Certificates, NewPair, TlsConfig};

/// The configuration that holds, and how there is another.
pub(crate) struct Replacing {
    load: Box<Load>,
    config: Config,
    parts: Parts,
}

/// Reads everything.
type Load = dyn Fn() -> Result<Loaded, Vec<Problem>> + Send;

/// What follows the configuration while the relay runs.
pub(crate) struct Parts {
    pub(crate) server: Server,
    pub(crate) cluster: Option<Cluster>,
    pub(crate) live: Arc<Live>,
    pub(crate) admin: Arc<Admin>,
    /// For namespaces that are added.
    pub(crate) development: Arc<Development>,
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
        let next = settled(&*self.load, &self.parts.held.get())?;
        let changes = self.parts.held.get().changes(&next.effective);
        let at_restart = changes.iter().filter(|change| change.takes_effect == TakesEffect::AtRestart);
        let at_restart: Vec<String> = at_restart.map(|change| format!("{change}: needs a restart")).collect();
        if !at_restart.is_empty() {
            return Err(Refused::new(Why::NeedsRestart, at_restart));
        }
        let Parts { server, cluster, held, certificates, api_certificates, drain, token, terms, filter, admin, .. } =
            &self.parts;
        let pair = pair(certificates.as_ref(), next.config.tls.as_ref(), "")?;
        let api_pair = self::pair(api_certificates.as_ref(), next.config.api.tls.as_ref(), "api.")?;
        let bundle = read_bundle(&next.config).map_err(|problem| Refused::wrong([problem]))?;
        let page = read_page(&next.config).map_err(|problem| Refused::wrong([problem]))?;
        if let Some(clash) = admin.clash(&next.config) {
            return Err(Refused::new(Why::NeedsRestart, [format!("{clash}: needs a restart")]));
        }
        let mut warnings: Vec<String> = next.warnings.iter().map(Problem::to_string).collect();
        if next.config != self.config {
            warnings.extend(not_kept(&self.config, &next.config));
            warnings.extend(out_of_reach(&self.config, &next.config));
            warnings.extend(uncounted(&self.config.limits.address, &next.config.limits.address).map(str::to_owned));
            self.replace_generation(&next.config)?;
        }
        // From here on nothing fails.
        server.set_client_bundle(bundle);
        admin.set(&next.config, page);
        for (certificates, pair) in [(certificates, pair), (api_certificates, api_pair)] {
            if let (Some(certificates), Some(pair)) = (certificates, pair) {
                certificates.show(pair);
            }
        }
        if let Some(cluster) = cluster {
            cluster.set_rooms_max(next.config.limits.client.rooms_max);
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
        let Parts { server, live, found, development, .. } = &self.parts;
        let mut server_config = next.server.clone();
        found(&mut server_config);
        server.reconfigure(server_config).map_err(|fixed| Refused::new(Why::NeedsRestart, [fixed]))?;

        // Behind that: since when more is kept of handshakes is to be no earlier than it is.
        let (former, now) = (live.current(), tokio::time::Instant::now().into_std());
        let generation = succeeding(&former, &self.config, next, now);
        generation.gate.take_over();
        let (before, after): (BTreeSet<&str>, BTreeSet<&str>) = (former.names(), names(next));
        live.swap(generation);
        for name in after.difference(&before) {
            if let Err(error) =
                server.add_namespace(name, Entrance { live: Arc::clone(live), development: Arc::clone(development) })
            {
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

/// More sessions than there may be files.
fn out_of_reach(held: &Config, next: &Config) -> Option<String> {
    let [before, after] = [held, next].map(|config| config.server.engine.sessions_max);
    let limit = descriptors::too_few_for(after).filter(|_| before != after)?;
    Some(format!(
        "limits.sessions_max: {after} cannot be reached, with {limit} open files at most: that needs a restart"
    ))
}

/// Of a connection that is not counted nobody keeps the address. So where connections are counted from now on, it is without those
/// there are; and so where other bits of an address count.
fn uncounted(held: &AddressLimits, next: &AddressLimits) -> Option<&'static str> {
    next.connections_max?;
    let is_anew = held.connections_max.is_none() || held.ipv6_prefix != next.ipv6_prefix;
    is_anew.then_some(
        "limits.address.connections_max: who is connected now does not count: an address may have as many besides",
    )
}

/// Over what time those are looked at who do nothing themselves.
const WAKING: Duration = Duration::from_secs(1);

/// What is read twice in a row, where it is another than what holds: a file may be about to be written, and half of one may
/// be right in itself, without the line that asks for a token. Blocks meanwhile.
fn settled(load: &Load, held: &Effective) -> Result<Loaded, Refused> {
    let mut read = load().map_err(Refused::wrong)?;
    if held.changes(&read.effective).is_empty() {
        return Ok(read);
    }
    for _ in 0..READINGS_MAX {
        thread::sleep(BETWEEN_READINGS);
        let again = load().map_err(Refused::wrong)?;
        if read.effective.changes(&again.effective).is_empty() {
            return Ok(again);
        }
        read = again;
    }
    Err(Refused::wrong(["it changes while it is read"]))
}

/// Longer than a program pauses that writes a file.
const BETWEEN_READINGS: Duration = Duration::from_millis(100);
const READINGS_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::config;

    fn saying(events_per_s: &str) -> Loaded {
        let variable = ("FANFARE_CLIENT_EVENTS_PER_S".into(), events_per_s.into());
        config::load(None, [variable], &[]).unwrap()
    }

    /// What is read each time, and how often it was read.
    fn read(texts: &'static [&'static str]) -> (Result<Loaded, Refused>, usize) {
        let turn = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&turn);
        let load = move || {
            let turn = count.fetch_add(1, Ordering::SeqCst);
            Ok(saying(texts[turn % texts.len()]))
        };
        (settled(&load, &saying("1").effective), turn.load(Ordering::SeqCst))
    }

    #[test]
    fn where_connections_are_counted_anew_it_is_told_that_those_there_are_do_not_count() {
        let limits = |connections_max, ipv6_prefix| {
            let mut limits = AddressLimits::default();
            (limits.connections_max, limits.ipv6_prefix) = (NonZeroU32::new(connections_max), ipv6_prefix);
            limits
        };
        for (held, next, is_told) in [
            (limits(0, 64), limits(2, 64), true),
            (limits(2, 64), limits(2, 56), true),
            (limits(2, 64), limits(3, 64), false),
            (limits(2, 64), limits(0, 56), false),
            (limits(0, 64), limits(0, 56), false),
        ] {
            assert_eq!(uncounted(&held, &next).is_some(), is_told, "{held:?} {next:?}");
        }
    }

    #[test]
    fn what_is_another_is_read_until_it_is_the_same_twice() {
        assert_eq!(read(&["1"]).1, 1, "nothing is new");
        let (settled, times) = read(&["2", "3", "3", "4"]);
        assert_eq!((settled.unwrap().config, times), (saying("3").config, 3));
        assert_eq!(read(&["2", "3"]).0.unwrap_err().why, Why::Wrong, "it never ends");
    }
}
