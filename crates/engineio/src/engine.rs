//! The server: what it shares, and how it opens sessions.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Once};
use std::time::Duration;

use engineio_proto::{CloseReason, Delivery, Encoded, Ledger, OutletBounds, Recipient, Sid, Transport, open_packet};
use http::{Request, Response, Uri};
use http_body::Body as HttpBody;
use rand::RngExt;
use tokio::sync::watch;

use crate::application::{Application, Handshake};
use crate::clock::{self, Ticks};
use crate::config::EngineConfig;
use crate::driver::{Driver, Start};
use crate::http::{Body, Compressor};
use crate::link::Link;
use crate::memory::Memory;
use crate::refusals::Refusals;
use crate::registry::Registry;
use crate::relief;
use crate::route::Step;
use crate::seats::{Seat, Seats};
use crate::tasks::Tasks;

/// An Engine.IO server: answers HTTP requests, and runs a task for each session.
///
/// It is cheap to clone. [`Engine::call`] is the whole service: mount it in any hyper server, or use
/// [`serve`](crate::serve). It must be called within a tokio runtime.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// What requests and sessions share.
pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    pub(crate) registry: Registry,
    pub(crate) refusals: Refusals,
    pub(crate) compressor: Compressor,
    /// One for all sessions, framed once.
    pub(crate) ping: Encoded,
    pub(crate) probe_pong: Encoded,
    pub(crate) noop: Encoded,
    pub(crate) close: Encoded,
    pub(crate) ticks: Ticks,
    pub(crate) application: Box<dyn Application>,
    pub(crate) tasks: Tasks,
    pub(crate) seats: Arc<Seats>,
    pub(crate) memory: Arc<Memory>,
    /// Whether the server goes away.
    pub(crate) closing: watch::Sender<bool>,
    /// Whether somebody looks after the memory of all outboxes; there is a runtime for that once a session opens.
    is_relieved: Once,
}

impl Engine {
    /// An engine that tells `application` about its sessions.
    pub fn new(config: EngineConfig, application: impl Application) -> Self {
        // A client gives up after both: neither a long interval nor a long time-out makes it patient.
        let patience = config.session.ping_interval.min(config.session.ping_timeout);
        let ticks = Ticks::new(clock::now(), patience);
        let memory = Memory::new(OutletBounds {
            bytes_max: config.outbox_bytes_max,
            answer_bytes_max: config.session.max_payload_bytes,
            ledger: Arc::new(Ledger::new(config.outbox_bytes_total_max)),
        });
        Self {
            shared: Arc::new(Shared {
                seats: Seats::new(config.sessions_max),
                memory: Arc::new(memory),
                compressor: Compressor::new(config.compressions_max),
                config,
                registry: Registry::default(),
                refusals: Refusals::default(),
                ping: Encoded::packet("2"),
                probe_pong: Encoded::packet("3probe"),
                noop: Encoded::packet("6"),
                close: Encoded::packet("1"),
                ticks,
                application: Box::new(application),
                tasks: Tasks::default(),
                closing: watch::Sender::new(false),
                is_relieved: Once::new(),
            }),
        }
    }

    /// Whether a request with this path is the engine's.
    pub fn owns(&self, path: &str) -> bool {
        path.starts_with(&self.shared.config.path)
    }

    /// Answers one request. A path that is not the engine's gets a 404.
    ///
    /// The request is understood, and its session opened or told, by the call itself; the future is only for the
    /// answer. So a request that came whole is handled even if its connection closes at once, unless the call itself is
    /// put into a future: hyper drops that unseen.
    pub fn call<B: HttpBody>(&self, request: Request<B>) -> impl Future<Output = Response<Body>> + use<B> {
        let shared = Arc::clone(&self.shared);
        // A poll waits for most of a client's life: neither its headers, with hyper's read buffer behind them, nor
        // anything else of the request shall wait with it.
        let (step, tail) = shared.begin(request);
        async move {
            let answer = match step {
                Ok(Step::Done(response)) => Ok(response),
                Ok(Step::Poll(poll)) => shared.answer_poll(poll).await,
                Ok(Step::Post(posting)) => Box::pin(posting.answer()).await,
                Ok(Step::Decide(undecided)) => Box::pin(shared.decide(*undecided)).await,
                Err(error) => Err(error),
            };
            shared.finish(answer, tail)
        }
    }

    /// The sessions open now.
    pub fn session_count(&self) -> usize {
        self.shared.registry.len()
    }

    /// How many requests have been refused so far, by cause: the label of the
    /// [`RequestError`](engineio_proto::RequestError), or `full`, `too_many`, `unavailable`, `too_large`, `body_timeout`,
    /// `method_not_allowed`.
    pub fn refusal_counts(&self) -> BTreeMap<&'static str, u64> {
        self.shared.refusals.counts()
    }

    /// The bytes that wait for all clients together; what several wait for counts once.
    pub fn outbox_bytes(&self) -> usize {
        self.shared.memory.ledger().bytes()
    }

    /// Ends every session so that its client reconnects, here or elsewhere, and opens no more.
    ///
    /// The connections just end, as if the process had died: no close packet, no close frame, and no answer for a poll
    /// that waits. Official clients come back from either; to some others an orderly close is final.
    pub fn close(&self) {
        self.shared.closing.send_replace(true);
        self.shared.registry.close_all(CloseReason::Shutdown);
    }

    /// Waits until every session's task has ended.
    pub async fn drained(&self) {
        self.shared.tasks.idle().await;
    }
}

impl Shared {
    /// How much earlier than the others a session is first pinged: up to a tenth of the time a client gives us, so that
    /// the pings of a crowd that came at once spread out; and a little at least, so that a ping, which may be late by a
    /// tick, does not make the session outlive what the client was told.
    pub(crate) fn jitter(&self) -> Duration {
        let session = &self.config.session;
        let most = session.ping_interval.min(session.ping_timeout) / 10;
        most.mul_f32(rand::rng().random_range(0.25..1.0))
    }

    /// Opens a session and starts its task.
    pub(crate) fn open(
        self: &Arc<Self>,
        handshake: Handshake,
        start: Start,
        upgrades: &[Transport],
        seat: Seat,
    ) -> Sid {
        self.is_relieved.call_once(|| {
            tokio::spawn(relief::run(Arc::downgrade(self), Arc::clone(&self.memory)));
        });
        let sid = new_sid();
        let link = Arc::new(Link::new(Arc::clone(&self.memory)));
        link.queue(&open_packet(&sid, upgrades, &self.config.session), Delivery::Reliable);
        let address = handshake.address;
        let handshake = self.keep(handshake);
        // Before the session is entered anywhere: should the application panic, nothing is left of it.
        let connection = self.application.open(handshake, Arc::clone(&link));
        self.registry.insert(sid, Arc::clone(&link), start.transport());
        if self.is_closing() {
            // It slipped in behind `close_all`.
            link.close(CloseReason::Shutdown);
        }
        let driver = Box::new(Driver::new(Arc::clone(self), sid, address, link, connection, start, seat));
        tokio::spawn(driver.run(self.tasks.begin()));
        sid
    }

    /// The handshake in memory of its own: as it came, it would keep hyper's whole read buffer.
    fn keep(&self, handshake: Handshake) -> Handshake {
        let Handshake { address, headers, uri, time } = handshake;
        let uri = match self.config.is_uri_kept {
            true => uri.to_string().parse().unwrap_or_default(),
            false => Uri::default(),
        };
        Handshake { address, headers: self.config.headers_kept.pick(&headers), uri, time }
    }

    /// Whether the server goes away.
    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.memory.wake_up();
    }
}

/// A secret that nobody guesses: 120 bits of a generator made for cryptography, which the system seeds.
fn new_sid() -> Sid {
    Sid::from_random(rand::rng().random())
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::Verdict;
    use crate::config::HeadersKept;

    #[test]
    fn a_hundred_thousand_session_ids_are_all_different() {
        let sids: HashSet<Sid> = std::iter::repeat_with(new_sid).take(100_000).collect();
        assert_eq!(sids.len(), 100_000);
    }

    /// Tells how much of the opening request it was given to keep.
    struct Keeper(std::sync::mpsc::Sender<(usize, usize)>);

    impl Application for Keeper {
        fn accept(&self, handshake: &Handshake) -> Verdict {
            assert!(handshake.uri.query().unwrap().len() > 10_000 && handshake.headers.len() == 1);
            Verdict::accept()
        }

        fn open(&self, handshake: Handshake, _: Arc<Link>) -> Box<dyn crate::Connection> {
            self.0.send((handshake.uri.to_string().len(), handshake.headers.len())).unwrap();
            Box::new(Deaf)
        }
    }

    struct Deaf;

    impl crate::Connection for Deaf {
        fn handle_message(&mut self, _: engineio_proto::Message, _: std::time::Instant) -> Result<(), CloseReason> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn of_the_opening_request_is_kept_what_was_asked_for() {
        let uri = format!("/engine.io/?EIO=4&transport=polling&x={}", "x".repeat(10_000));
        for (is_uri_kept, headers_kept, kept) in
            [(true, HeadersKept::All, (uri.len(), 1)), (false, HeadersKept::None, (1, 0))]
        {
            let (teller, told) = std::sync::mpsc::channel();
            let config = EngineConfig { is_uri_kept, headers_kept, ..EngineConfig::default() };
            let engine = Engine::new(config, Keeper(teller));
            let request = Request::get(&uri).header("x-a", "b").body(String::new()).unwrap();
            assert_eq!(engine.call(request).await.status(), 200);
            assert_eq!(told.recv().unwrap(), kept);
        }
    }
}
