//! From an address to servers that are ready for commands.

use std::sync::Arc;

use redis::{PushInfo, cmd};
use tokio_rustls::TlsConnector;

use super::address::{Endpoint, Place, Topology};
use super::patience::in_time;
use super::server::Server;
use super::servers::{Servers, is_replica};
use super::slots::Slots;

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    topology: Arc<Topology>,
    tls: Option<TlsConnector>,
    /// Which of several masters is taken where any will do: others take others.
    choice: usize,
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
        Self { topology: Arc::new(topology), tls, choice }
    }

    /// Whether there are several masters.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(&*self.topology, Topology::Cluster(_))
    }

    /// Connects. `ended` is called, perhaps often, when one of the connections ends by itself.
    pub(crate) async fn connect(
        &self,
        purpose: Purpose,
        ended: impl Fn() + Clone + Send + 'static,
    ) -> Result<Servers, String> {
        match &*self.topology {
            Topology::One(endpoint) => Ok(Servers::one(self.open(endpoint, &purpose, ended).await?, false)),
            Topology::Sentinel { sentinels, service, access } => {
                let tls = self.tls.as_ref();
                let master = super::sentinel::master(sentinels, service, access, tls).await?;
                let server = self.open(&master, &purpose, ended).await?;
                is_master(&server).await.map_err(|error| format!("{master}: {error}"))?;
                Ok(Servers::one(server, true))
            }
            Topology::Cluster(seeds) => self.cluster(seeds, purpose, ended).await,
        }
    }

    async fn cluster(
        &self,
        seeds: &[Endpoint],
        purpose: Purpose,
        ended: impl Fn() + Clone + Send + 'static,
    ) -> Result<Servers, String> {
        let (seed, slots) = self.slots(seeds).await?;
        let main = self.choice % slots.masters.len();
        let are_all = !matches!(purpose, Purpose::Hear { is_sharded: false, .. });
        let mut servers = Vec::new();
        for (index, (host, port)) in slots.masters.iter().enumerate() {
            if are_all || index == main {
                let endpoint = seed.sibling(host, *port);
                servers.push(self.open(&endpoint, &purpose, ended.clone()).await?);
            }
        }
        Ok(match are_all {
            true => Servers::several(servers, main, slots),
            false => match servers.pop() {
                Some(server) => Servers::one(server, true),
                None => return Err("the cluster has no master".to_owned()),
            },
        })
    }

    /// The map of the cluster, by the first that knows it.
    async fn slots<'a>(&self, seeds: &'a [Endpoint]) -> Result<(&'a Endpoint, Slots), String> {
        let mut last = "no server was asked".to_owned();
        for seed in seeds {
            match in_time(self.slots_of(seed), seed).await {
                Ok(slots) => return Ok((seed, slots)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn slots_of(&self, seed: &Endpoint) -> Result<Slots, String> {
        let server = Server::connect(seed, self.tls.as_ref(), None, || {}).await?;
        let mut question = cmd("CLUSTER");
        question.arg("SLOTS");
        let reply = server.ask(question).await.map_err(|error| format!("{seed}: {error}"))?;
        let host = match &seed.place {
            Place::Tcp { host, .. } => host.as_str(),
            Place::Unix(_) => "",
        };
        Slots::read(&reply, host).ok_or_else(|| format!("{seed}: it is part of no cluster that has slots"))
    }

    async fn open(
        &self,
        endpoint: &Endpoint,
        purpose: &Purpose,
        ended: impl Fn() + Send + 'static,
    ) -> Result<Server, String> {
        let hear = match purpose {
            Purpose::Speak => None,
            Purpose::Hear { hear, .. } => {
                let hear = Arc::clone(hear);
                let boxed: super::server::Hear = Box::new(move |push| hear(push));
                Some(boxed)
            }
        };
        Server::connect(endpoint, self.tls.as_ref(), hear, ended).await
    }
}

/// A sentinel may not know yet.
async fn is_master(server: &Server) -> Result<(), String> {
    match server.ask(cmd("ROLE")).await {
        Ok(role) if is_replica(&role) => Err("it is no master".to_owned()),
        // Who may not ask believes.
        _ => Ok(()),
    }
}
