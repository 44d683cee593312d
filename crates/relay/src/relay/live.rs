//! What holds now, for everybody; and what held before, until the last client has moved over.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use policy::{Auth, EventName, Policy, Rules};
use socketio::NamespaceName;

use super::counts::{Counts, Taken};
use crate::auth::Authenticator;
use crate::auth::config::Renewal;
use crate::gate::Gate;

/// What holds now: one generation, which another one takes the place of at a reload.
#[derive(Debug)]
pub(crate) struct Live {
    current: RwLock<Arc<Generation>>,
    /// That of the current one, for those who ask at each event.
    number: AtomicU64,
}

/// What was read and built together. It never changes.
#[derive(Debug)]
pub(crate) struct Generation {
    number: u64,
    regimes: HashMap<NamespaceName, Arc<Regime>>,
    pub(crate) common: Arc<Common>,
    pub(crate) gate: Arc<Gate>,
    /// Whether nobody gets in anywhere of whom nothing is known. Where somebody may, it is only seen at a CONNECT who cannot.
    all_required: bool,
}

/// What of a generation holds in one namespace. A client keeps that by which it was judged last.
#[derive(Debug)]
pub(crate) struct Regime {
    number: u64,
    pub(crate) rules: Arc<Rules>,
    pub(crate) common: Arc<Common>,
    /// How many events each rule took.
    pub(super) taken: Taken,
}

/// What all namespaces have in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) authenticator: Authenticator,
    pub(crate) renewal: Renewal,
    /// What a client may give to be known by, as JSON; when it renews as when it connects.
    pub(crate) auth_bytes_max: usize,
    /// The event by which clients hear of refusals that they asked no acknowledgement for.
    pub(crate) errors_event: Option<EventName>,
    /// Of all generations.
    pub(crate) counts: Arc<Counts>,
    /// Since when sessions keep of their handshakes what is asked for now. Those from before may lack it.
    pub(crate) kept_since: SystemTime,
}

impl Live {
    pub(crate) fn new(first: Generation) -> Arc<Self> {
        let number = AtomicU64::new(first.number);
        Arc::new(Self { current: RwLock::new(Arc::new(first)), number })
    }

    /// The generation that holds now.
    pub(crate) fn current(&self) -> Arc<Generation> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether another generation holds by now than that of `regime`.
    pub(super) fn is_past(&self, regime: &Regime) -> bool {
        self.number.load(Ordering::Acquire) != regime.number
    }

    /// Has another generation hold from now on, and gives the former.
    pub(crate) fn swap(&self, next: Generation) -> Arc<Generation> {
        let next = Arc::new(next);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // While it is locked: who sees the number and asks for the generation finds this one, or a later one.
        self.number.store(next.number, Ordering::Release);
        std::mem::replace(&mut *current, next)
    }
}

impl Generation {
    /// The one with which a relay starts.
    pub(crate) fn first(policy: &Policy, common: Common, gate: Arc<Gate>) -> Self {
        Self::build(None, policy, common, gate)
    }

    /// The one behind this. Rules that are the same are shared.
    pub(crate) fn next(&self, policy: &Policy, common: Common, gate: Arc<Gate>) -> Self {
        Self::build(Some(self), policy, common, gate)
    }

    fn build(former: Option<&Self>, policy: &Policy, common: Common, gate: Arc<Gate>) -> Self {
        let (number, common) = (former.map_or(1, |former| former.number + 1), Arc::new(common));
        let regime = |(name, rules): (&NamespaceName, &Arc<Rules>)| {
            let kept = former.and_then(|former| Some(&former.regimes.get(name)?.rules)).filter(|kept| *kept == rules);
            let rules = Arc::clone(kept.unwrap_or(rules));
            let taken = common.counts.of(name, &rules);
            (name.clone(), Arc::new(Regime { number, rules, common: Arc::clone(&common), taken }))
        };
        let all_required = policy.namespaces().all(|(_, rules)| rules.auth() == Auth::Required);
        Self { number, regimes: policy.namespaces().map(regime).collect(), common, gate, all_required }
    }

    /// What holds in a namespace; `None` if it does not exist.
    pub(crate) fn regime(&self, namespace: &str) -> Option<&Arc<Regime>> {
        self.regimes.get(namespace)
    }

    /// The namespaces that exist.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.regimes.keys().map(NamespaceName::as_str).collect()
    }

    /// For how long nobody can be let in, whoever it is.
    pub(crate) fn is_down(&self) -> Option<std::time::Duration> {
        if self.all_required { self.common.authenticator.is_down() } else { None }
    }
}
