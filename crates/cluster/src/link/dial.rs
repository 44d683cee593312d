//! From addresses to single servers that are ready for commands, and to the map of a Redis Cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::{PushInfo, cmd};
use tokio_rustls::TlsConnector;

use super::address::{Access, Endpoint, Place, Topology};
use super::patience::{Patience, first, none_of};
use super::sentinel;
use super::server::{Ended, Server};
use super::slots::Slots;

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(super) topology: Arc<Topology>,
    tls: Option<TlsConnector>,
    /// Which of several masters is taken where any will do: others take others.
    pub(super) choice: usize,
    /// Which of several sentinels or seeds is asked first: the one that answered last, or the one behind those that did not.
    /// To hear and to speak each for itself, so that neither skips what only the other asked.
    turns: Arc<[AtomicUsize; 2]>,
}

/// What connections are for.
#[derive(Clone)]
pub(crate) enum Purpose {
    /// To hear, on the master of each channel if they are sharded.
    Hear { is_sharded: bool, hear: Arc<dyn Fn(PushInfo) + Send + Sync> },
    /// To publish, and to count on all masters.
    Speak,
}

impl Connector {
    pub(crate) fn new(topology: Topology, tls: Option<TlsConnector>, choice: usize) -> Self {
        Self { topology: Arc::new(topology), tls, choice, turns: Arc::default() }
    }

    /// Whether there are several masters.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(&*self.topology, Topology::Cluster(_))
    }

    /// The master that a sentinel names. A sentinel that names one that is no master, or is silent, is as good as none.
    pub(super) async fn follow(
        &self,
        sentinel: &Endpoint,
        service: &str,
        access: &Arc<Access>,
        patience: Patience,
        purpose: &Purpose,
        ended: &Ended,
    ) -> Result<Server, String> {
        let asked = sentinel::master(sentinel, service, access, self.tls.as_ref());
        let master = patience.wait(asked, sentinel).await?;
        let taken = async {
            let server = self.open(&master, purpose, ended).await?;
            sentinel::is_master(&server).await.map_err(|why| format!("{master}: {why}"))?;
            Ok(server)
        };
        patience.wait(taken, &master).await
    }

    /// The map of the cluster, by the first seed that knows it.
    pub(super) async fn slots(&self, purpose: &Purpose, time: Duration) -> Result<Charted, String> {
        let Topology::Cluster(seeds) = &*self.topology else { return Err("it is no cluster".to_owned()) };
        let patience = Patience::new(time);
        let ask = |seed| async move {
            let map = patience.wait(self.slots_of(seed), seed).await?;
            Ok(Charted { map, seed: Endpoint::clone(seed) })
        };
        self.in_turn(purpose, patience, seeds, ask).await
    }

    async fn slots_of(&self, seed: &Endpoint) -> Result<Slots, String> {
        let server = Server::connect_to_ask(seed, self.tls.as_ref()).await?;
        let mut question = cmd("CLUSTER");
        question.arg("SLOTS");
        let reply = server.ask(question).await.map_err(|error| format!("{seed}: {error}"))?;
        let host = match &seed.place {
            Place::Tcp { host, .. } => host.as_str(),
            Place::Unix(_) => "",
        };
        Slots::read(&reply, host).ok_or_else(|| format!("{seed}: it is part of no cluster that has slots"))
    }

    /// Asks one after the other and does not wait long for any. Where many are silent, the next attempt goes on behind them.
    pub(super) async fn in_turn<'a, T, F: Future<Output = Result<T, String>>>(
        &self,
        purpose: &Purpose,
        patience: Patience,
        endpoints: &'a [Endpoint],
        ask: impl Fn(&'a Endpoint) -> F,
    ) -> Result<T, String> {
        let [hears, speaks] = &*self.turns;
        let turn_of = if matches!(purpose, Purpose::Speak) { speaks } else { hears };
        let from = turn_of.load(Ordering::Relaxed);
        // When the time is over for those that were asked, there is none for the others.
        let turns = (from..from.saturating_add(endpoints.len())).take_while(|_| !patience.is_over());
        let attempts = turns.map(|turn| {
            turn_of.store(turn.wrapping_add(1), Ordering::Relaxed);
            let ask = &ask;
            async move {
                let endpoint = endpoints.get(turn % endpoints.len()).ok_or("none is named")?;
                let answer = ask(endpoint).await?;
                turn_of.store(turn, Ordering::Relaxed);
                Ok(answer)
            }
        });
        first(attempts).await.map_err(none_of)
    }

    pub(super) async fn open(&self, endpoint: &Endpoint, purpose: &Purpose, ended: &Ended) -> Result<Server, String> {
        let hear = match purpose {
            Purpose::Speak => None,
            Purpose::Hear { hear, .. } => {
                let hear = Arc::clone(hear);
                let boxed: super::server::Hear = Box::new(move |push| hear(push));
                Some(boxed)
            }
        };
        Server::connect(endpoint, self.tls.as_ref(), hear, Arc::clone(ended)).await
    }
}

/// A map of a cluster, and who drew it: the others are come to as this one.
pub(super) struct Charted {
    pub(super) map: Slots,
    seed: Endpoint,
}

impl Charted {
    pub(super) fn endpoint(&self, master: usize) -> Endpoint {
        match self.map.masters().get(master) {
            Some((host, port)) => self.seed.sibling(host, *port),
            None => self.seed.clone(),
        }
    }
}

/// Of the three seconds that a connection may take.
pub(super) const TIME_MAX: Duration = Duration::from_millis(2700);
/// Of these, for the map of a cluster.
pub(super) const TIME_MAX_SEEDS: Duration = Duration::from_millis(1500);
