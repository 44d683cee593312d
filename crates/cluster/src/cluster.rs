//! A node's part in a cluster, as a program holds it.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cluster_proto::connection::{Link, LinkConfig, Phase};
use cluster_proto::outgoing::{Loss, Outgoing, OutgoingConfig};
use cluster_proto::peers::{Peers, PeersConfig};
use cluster_proto::wire::{Mode, Uid};
use socketio::{Local, RoomWatch, ServerBuilder};
use tokio::sync::{mpsc, oneshot, watch};

use crate::config::{Adapter, ClusterConfig};
use crate::config_error::ConfigError;
use crate::link::{Connector, Topology, tls};
use crate::node::{self, News, RedisPeers, Rooms, Seen, Shared};
use crate::notice::Notice;
use crate::status::{Counts, Peer, Status};
use crate::supervisor::{self, Supervisor};

/// A node among Socket.IO servers over Redis. Cheap to clone.
///
/// It does nothing until a server [joins](Cluster::join) it.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    config: Arc<ClusterConfig>,
    connector: Connector,
    uid: Uid,
    rooms: Arc<Rooms>,
    seen: watch::Sender<Seen>,
    notices: mpsc::Sender<Notice>,
    unread: Mutex<Option<mpsc::Receiver<Notice>>>,
    shared: OnceLock<Arc<Shared>>,
}

/// What an operator wants to know, as it comes: [`Cluster::notices`].
#[derive(Debug)]
pub struct Notices(mpsc::Receiver<Notice>);

impl Notices {
    /// The next one. `None`: there will be none any more.
    pub async fn next(&mut self) -> Option<Notice> {
        self.0.recv().await
    }
}

impl Cluster {
    /// A node of this configuration. Files are read; nothing is connected yet.
    ///
    /// # Errors
    /// [`ConfigError`] says what is wrong with it.
    pub fn new(config: ClusterConfig) -> Result<Self, ConfigError> {
        if !(1..=PREFIX_LEN_MAX).contains(&config.prefix.len()) {
            return Err(ConfigError::Prefix);
        }
        let topology = Topology::parse(&config.redis)?.for_sentinels(config.sentinel_access()?);
        // What is not used is read all the same: a wrong file is a wrong configuration.
        let is_tls = topology.has_tls() || config.ca.is_some() || config.client_certificate.is_some();
        let tls = is_tls.then(|| tls::connector(&config)).transpose()?;
        let connector = Connector::new(topology, tls, rand::random::<u16>().into());
        let (notices, unread) = mpsc::channel(NOTICES_MAX);
        let is_ready = config.at_start == crate::AtStart::Alone;
        let seen = Seen { phase: Phase::Connecting, is_ready, is_up: false, failed: None };
        let rooms = Rooms::new(config.adapter == Adapter::Sharded(Mode::DynamicPrivate));
        let inner = Inner {
            config: Arc::new(config),
            connector,
            uid: Uid::from_random(rand::random()),
            rooms: Arc::new(rooms),
            seen: watch::Sender::new(seen),
            notices,
            unread: Mutex::new(Some(unread)),
            shared: OnceLock::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Has the server that is to be built be a node of it: [`peers`](Self::peers) and [`room_watch`](Self::room_watch).
    #[must_use]
    pub fn join(&self, builder: ServerBuilder) -> ServerBuilder {
        let builder = builder.peers(self.peers());
        match self.room_watch() {
            Some(watch) => builder.room_watch(watch),
            None => builder,
        }
    }

    /// What [`ServerBuilder::peers`] takes. When the server starts, so does the way to Redis.
    ///
    /// # Panics
    /// The second server that starts with it: a node is one server.
    pub fn peers(&self) -> impl FnOnce(Local) -> RedisPeers + Send + 'static {
        let inner = Arc::clone(&self.inner);
        move |local| inner.start(local)
    }

    /// What [`ServerBuilder::room_watch`] has to be given, if anything: where rooms have channels of their own.
    pub fn room_watch(&self) -> Option<Arc<dyn RoomWatch>> {
        match self.inner.config.adapter {
            Adapter::Classic | Adapter::Sharded(Mode::Static) => None,
            Adapter::Sharded(_) => Some(Arc::clone(&self.inner.rooms) as Arc<dyn RoomWatch>),
        }
    }

    /// In how many rooms others may have a socket of this node be, from now on.
    pub fn set_rooms_max(&self, rooms_max: usize) {
        if let Some(shared) = self.inner.shared.get() {
            shared.joins.set_rooms_max(rooms_max);
        }
    }

    /// How it is doing at the moment.
    pub fn status(&self) -> Status {
        let Seen { phase, is_ready, is_up, .. } = self.inner.seen.borrow().clone();
        let uid = self.inner.uid.to_string();
        let (peers, lag, counts) = self.inner.shared.get().map(|shared| read(shared)).unwrap_or_default();
        Status { uid, phase, is_ready, is_up, peers, lag, counts }
    }

    /// Whether the node may say that it is ready, as far as the cluster is concerned. Once it was, it is.
    pub fn is_ready(&self) -> bool {
        self.inner.seen.borrow().is_ready
    }

    /// What its operator calls it, if anything.
    pub fn name(&self) -> Option<&str> {
        self.inner.config.name.as_deref()
    }

    /// Whether it is one of the fleet now: what is said here is heard elsewhere, and the other way round.
    pub fn is_up(&self) -> bool {
        self.inner.seen.borrow().is_up
    }

    /// Waits until it is one of the fleet.
    pub async fn joined(&self) {
        // The sender lives in here.
        let _ = self.inner.seen.subscribe().wait_for(|seen| seen.is_up).await;
    }

    /// Waits until the node may say that [it is ready](Self::is_ready), also if that was a moment ago and it is apart again.
    pub async fn ready(&self) {
        let _ = self.inner.seen.subscribe().wait_for(|seen| seen.is_ready).await;
    }

    /// Waits until it is clear that the node cannot be one of the fleet, and gives the reason. With
    /// [`AtStart::Fail`](crate::AtStart::Fail) that is the first thing that goes wrong until it has joined; else, and from then
    /// on, only a fault of this crate is one.
    pub async fn failed(&self) -> String {
        let mut seen = self.inner.seen.subscribe();
        let failed = seen.wait_for(|seen| seen.failed.is_some()).await;
        failed.ok().and_then(|seen| seen.failed.clone()).unwrap_or_default()
    }

    /// What an operator wants to know, each thing once: for a log. `None`: somebody reads it already. If nobody does, or not in
    /// time, what comes later is lost.
    pub fn notices(&self) -> Option<Notices> {
        self.inner.unread.lock().unwrap_or_else(PoisonError::into_inner).take().map(Notices)
    }

    /// Leaves the fleet: is not counted any more, sends what there still is, says goodbye to the other Fanfare nodes, and
    /// closes its connections. In time whatever Redis does. For a server that has no clients any more, since they hear nothing
    /// of the others from then on.
    pub async fn leave(&self) {
        let Some(shared) = self.inner.shared.get() else { return };
        let (sender, left) = oneshot::channel();
        shared.tell(News::Leave(Some(sender)));
        // One that is gone has left.
        let _ = left.await;
    }
}

impl Inner {
    fn start(&self, local: Local) -> RedisPeers {
        let (config, now) = (&self.config, Instant::now());
        let outgoing = OutgoingConfig {
            bytes_max: config.outgoing_bytes_max,
            age_max: config.outgoing_age_max,
            ..OutgoingConfig::default()
        };
        let peers = PeersConfig {
            is_sharded: config.adapter.is_sharded(),
            on_gap: config.on_gap,
            reset_spread: config.reset_spread,
            ..PeersConfig::default()
        };
        let start = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64);
        let (sender, news) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(node::Parts {
            config: Arc::clone(config),
            uid: self.uid.clone(),
            local,
            outgoing: Outgoing::new(outgoing),
            peers: Peers::new(peers, self.uid.to_string(), config.name.clone(), start, now),
            rooms: Arc::clone(&self.rooms),
            news: sender,
            notices: self.notices.clone(),
            knows_listeners: !self.connector.is_cluster(),
        }));
        assert!(self.shared.set(Arc::clone(&shared)).is_ok(), "a node of a cluster is one server");
        let link = LinkConfig { at_start: config.at_start, ..LinkConfig::default() };
        let supervisor = Supervisor::new(supervisor::Parts {
            shared: Arc::clone(&shared),
            connector: self.connector.clone(),
            link: Link::new(link, rand::random(), now),
            seen: self.seen.clone(),
            news,
        });
        let running = tokio::spawn(supervisor.run());
        let (seen, ended) = (self.seen.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            if running.await.is_err() {
                ended.end();
                seen.send_modify(|seen| (seen.is_up, seen.failed) = (false, Some(PANICKED.to_owned())));
            }
        });
        RedisPeers { shared }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

fn read(shared: &Shared) -> (Vec<Peer>, Option<std::time::Duration>, Counts) {
    let now = Instant::now();
    let outgoing = shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner).counts();
    let replies = shared.replies.lock().counts();
    let (peers, lag, mut counts) = {
        let machine = shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let view = |peer: cluster_proto::peers::PeerView<'_>| Peer {
            uid: peer.uid.to_owned(),
            name: peer.name.map(str::to_owned),
            is_late: peer.is_late,
            silence: peer.silence,
            missed: peer.missed,
            surplus: peer.surplus,
        };
        let mut peers: Vec<_> = machine.peers(now).map(view).collect();
        peers.sort_unstable_by(|a, b| a.uid.cmp(&b.uid));
        let counts = Counts {
            missed: machine.missed(),
            missed_unnamed: machine.missed_unnamed(),
            surplus: machine.surplus(),
            peers_ignored: machine.ignored(),
            ..Counts::default()
        };
        (peers, machine.lag(now), counts)
    };
    let counters = &shared.counters;
    let too_many = replies.lost[Loss::TooMuch as usize];
    let lost = Loss::ALL.iter().zip(outgoing.lost).zip(replies.lost).map(|((loss, of_events), of_replies)| {
        (loss.name(), of_events + if *loss == Loss::TooMuch { 0 } else { of_replies })
    });
    let here = [
        ("incoming", counters.dropped.get()),
        ("requests", counters.unanswered.get()),
        ("answers", too_many + shared.replies.too_large()),
        ("rooms", shared.joins.refused()),
    ];
    counts = Counts {
        published: outgoing.published + replies.published,
        received: counters.received.get(),
        unwanted: counters.unwanted.get(),
        dropped: lost.chain(here).collect(),
        malformed: counters.malformed(),
        reconnects: counters.reconnects.get(),
        server_side: counters.server_side.get(),
        left_out: counters.left_out.get(),
        ..counts
    };
    (peers, lag, counts)
}

const PANICKED: &str = "the task that speaks with redis panicked";
const PREFIX_LEN_MAX: usize = 256;
/// More than one reads in a while of trouble.
const NOTICES_MAX: usize = 1024;
