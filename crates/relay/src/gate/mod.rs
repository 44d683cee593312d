//! Who may begin a connection now: by what all together may, and what one address may.

mod pace;
mod proxy_watch;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use policy::{AddressLimits, AddressRefusal, Addresses, Place};
use socketio::Verdict;
use socketio::engineio::{EngineConfig, TrustedProxies};

use crate::config::Limits;
use pace::Pace;
use proxy_watch::{Crowd, ProxyWatch};

/// Decides about handshakes. What is not limited costs nothing, and nothing here locks unless addresses are limited.
///
/// Who follows it goes on with what it has counted.
#[derive(Debug)]
pub(crate) struct Gate {
    pace: Option<(NonZeroU32, Arc<Pace>)>,
    addresses: Option<(AddressLimits, Arc<Mutex<Addresses>>)>,
    entries_max: usize,
    /// Where no proxy is trusted: otherwise there is nothing to find out.
    proxy_watch: Option<Arc<ProxyWatch>>,
}

/// Kept as long as the connection: counts it.
#[derive(Debug)]
struct Pass {
    gate: Arc<Gate>,
    place: Option<Place>,
    crowd: Option<Crowd>,
}

/// Why there is to be no connection now. Each is temporary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Busy {
    /// This address is to come back after this time.
    Address(Duration),
    /// Whoever it is is.
    Node(Duration),
}

impl Gate {
    pub(crate) fn new(limits: &Limits, engine: &EngineConfig, now: Instant) -> Arc<Self> {
        Self::build(limits, engine, now, None)
    }

    /// The one in the place of this. It has to [take over](Self::take_over) when it is in it.
    pub(crate) fn succeed(&self, limits: &Limits, engine: &EngineConfig, now: Instant) -> Arc<Self> {
        Self::build(limits, engine, now, Some(self))
    }

    fn build(limits: &Limits, engine: &EngineConfig, now: Instant, former: Option<&Self>) -> Arc<Self> {
        // As many as sessions have a place anyway, so that those who are connected take nobody's.
        let entries_max = ADDRESSES_MAX.saturating_add(engine.sessions_max);
        let Limits { address, node, .. } = *limits;
        let addresses = address.is_any().then(|| {
            // What is one address stays the same, or nobody finds what was counted.
            let kept = former.and_then(|former| former.addresses.as_ref());
            let kept = kept.filter(|(former, _)| former.ipv6_prefix == address.ipv6_prefix);
            let table = kept.map(|(_, table)| Arc::clone(table));
            (address, table.unwrap_or_else(|| Arc::new(Mutex::new(Addresses::new(address, entries_max)))))
        });
        let pace = node.handshakes_per_s.map(|per_s| {
            let kept = former.and_then(|former| former.pace.clone()).filter(|(former, _)| *former == per_s);
            kept.unwrap_or_else(|| (per_s, Arc::new(Pace::new(per_s, now))))
        });
        let is_proxy_trusted = engine.trusted_proxies != TrustedProxies::default();
        let proxy_watch = (!is_proxy_trusted).then(|| {
            let kept = former.and_then(|former| former.proxy_watch.clone());
            kept.unwrap_or_else(|| Arc::new(ProxyWatch::new(now)))
        });
        Arc::new(Self { pace, addresses, entries_max, proxy_watch })
    }

    /// Has its limits hold for what the one before it has counted.
    pub(crate) fn take_over(&self) {
        if let Some((limits, addresses)) = &self.addresses {
            addresses.lock().unwrap_or_else(PoisonError::into_inner).set_limits(*limits, self.entries_max);
        }
    }

    /// What a handshake from `address` is told. `down` is how long nobody can be let in, whoever it is.
    pub(crate) fn decide(self: &Arc<Self>, address: Option<IpAddr>, down: Option<Duration>, now: Instant) -> Verdict {
        if let Some(retry_after) = down {
            return Verdict::unavailable(retry_after);
        }
        match self.pass(address, now) {
            Ok(Some(pass)) => Verdict::accept().guarded_by(pass),
            Ok(None) => Verdict::accept(),
            Err(Busy::Address(retry_after)) => Verdict::too_many(retry_after),
            Err(Busy::Node(retry_after)) => Verdict::unavailable(retry_after),
        }
    }

    /// The address first: one that comes too fast takes nothing of what all have together.
    fn pass(self: &Arc<Self>, address: Option<IpAddr>, now: Instant) -> Result<Option<Pass>, Busy> {
        let place = match (&self.addresses, address) {
            (Some((_, addresses)), Some(address)) => {
                let entered = addresses.lock().unwrap_or_else(PoisonError::into_inner).enter(address, now);
                entered.map_err(|refusal| match refusal {
                    AddressRefusal::TooFast(wait) => Busy::Address(wait),
                    AddressRefusal::TooMany => Busy::Address(soon()),
                })?
            }
            _ => None,
        };
        let mut pass = Pass { gate: Arc::clone(self), place, crowd: None };
        if self.pace.as_ref().is_some_and(|(_, pace)| !pace.take(now)) {
            return Err(Busy::Node(soon()));
        }
        pass.crowd = self.proxy_watch.as_ref().map(|watch| watch.enter(address, now));
        Ok(Some(pass).filter(|pass| pass.place.is_some() || pass.crowd.is_some()))
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let (Some((_, addresses)), Some(place)) = (&self.gate.addresses, self.place.take()) {
            addresses.lock().unwrap_or_else(PoisonError::into_inner).leave(place);
        }
        if let (Some(watch), Some(crowd)) = (&self.gate.proxy_watch, self.crowd.take()) {
            watch.leave(crowd);
        }
    }
}

/// Not all of them at the same time.
fn soon() -> Duration {
    Duration::from_secs(rand::random_range(1..=5))
}

/// Some ten megabytes, and more than come within the seconds for which an address is remembered.
const ADDRESSES_MAX: usize = 100_000;

#[cfg(test)]
mod tests;
