//! From what an operator says of Redis to the servers of one side of the link.

use super::address::Topology;
use super::dial::{Connector, Purpose, TIME_MAX, TIME_MAX_SEEDS};
use super::mending::Mender;
use super::patience::{Patience, all, first, none_of};
use super::server::Ended;
use super::servers::Servers;

impl Connector {
    /// Connects. `ended` is called, perhaps often, when one of the connections ends by itself.
    pub(crate) async fn connect(&self, purpose: Purpose, ended: Ended) -> Result<Servers, String> {
        match &*self.topology {
            Topology::One(endpoint) => {
                let opened = self.open(endpoint, &purpose, &ended);
                Ok(Servers::one(Patience::new(TIME_MAX).wait(opened, endpoint).await?, false))
            }
            Topology::Sentinel { sentinels, service, access } => {
                let patience = Patience::new(TIME_MAX);
                let follow = |sentinel| self.follow(sentinel, service, access, patience, &purpose, &ended);
                Ok(Servers::one(self.in_turn(&purpose, patience, sentinels, follow).await?, true))
            }
            Topology::Cluster(_) => self.cluster(purpose, ended).await,
        }
    }

    /// Of a Redis Cluster those that are needed, and of these those that are there: one to hear at if nothing is sharded, else all.
    async fn cluster(&self, purpose: Purpose, ended: Ended) -> Result<Servers, String> {
        let slots = self.slots(&purpose, TIME_MAX_SEEDS).await?;
        let patience = Patience::new(TIME_MAX - TIME_MAX_SEEDS);
        let masters = slots.map.masters().len();
        let open = |index| {
            let (slots, purpose, ended) = (&slots, &purpose, &ended);
            async move {
                let endpoint = slots.endpoint(index);
                patience.wait(self.open(&endpoint, purpose, ended), &endpoint).await
            }
        };
        let from = self.choice % masters;
        if let Purpose::Hear { is_sharded: false, .. } = purpose {
            let server = first((from..from + masters).map(|index| open(index % masters))).await.map_err(none_of)?;
            return Ok(Servers::one(server, true));
        }
        let mut errors = Vec::new();
        let opened = all((0..masters).map(open)).await;
        let servers: Vec<_> =
            opened.into_iter().map(|server| server.map_err(|error| errors.push(error)).ok()).collect();
        if servers.iter().all(Option::is_none) {
            return Err(none_of(errors));
        }
        Ok(Servers::several(servers, from, Mender::new(self.clone(), purpose, ended, slots)))
    }
}
