//! How a session begins.

use std::sync::{Arc, LazyLock};

use engineio_proto::{CloseReason, Delivery, Recipient, Sid, Transport, open_packet};
use http::{HeaderMap, Uri};
use rand::RngExt;

use crate::application::Handshake;
use crate::config::EngineConfig;
use crate::session::driver::{Driver, Opened, Start, Who};
use crate::session::link::Link;
use crate::session::relief;
use crate::session::seats::Seat;
use crate::settings::Settings;
use crate::shared::Shared;

/// Opens a session and starts its task. It keeps to what its client is told here, whatever holds later.
pub(crate) fn open(
    shared: &Arc<Shared>,
    handshake: Handshake,
    start: Start,
    upgrades: &[Transport],
    seat: Seat,
    settings: &Settings,
) -> Sid {
    shared.is_relieved.call_once(|| {
        tokio::spawn(relief::run(Arc::downgrade(shared), Arc::clone(&shared.memory)));
    });
    let sid = new_sid();
    let link = Arc::new(Link::new(Arc::clone(&shared.memory), Arc::clone(&settings.bounds)));
    link.queue(&open_packet(&sid, upgrades, &settings.config.session), Delivery::Reliable);
    let who = Who { connection: handshake.connection, address: handshake.address };
    let handshake = keep(&settings.config, handshake);
    // Before the session is entered anywhere: should the application panic, nothing is left of it.
    let connection = shared.application.open(handshake, Arc::clone(&link));
    shared.registry.insert(sid, Arc::clone(&link), start.transport());
    if shared.is_closing() {
        // It slipped in behind `close_all`.
        link.close(CloseReason::Shutdown);
    }
    let opened = Opened { sid, who, link, connection, seat };
    let driver = Box::new(Driver::new(Arc::clone(shared), opened, start, settings));
    tokio::spawn(driver.run());
    sid
}

/// The handshake in memory of its own: as it came, it would keep hyper's whole read buffer.
fn keep(config: &EngineConfig, handshake: Handshake) -> Handshake {
    // Empty ones, which are large, are the same for all.
    static NO_URI: LazyLock<Arc<Uri>> = LazyLock::new(Arc::default);
    static NO_HEADERS: LazyLock<Arc<HeaderMap>> = LazyLock::new(Arc::default);
    let uri = match config.is_uri_kept {
        true => Arc::new(handshake.uri.to_string().parse().unwrap_or_default()),
        false => Arc::clone(&NO_URI),
    };
    let headers = config.headers_kept.pick(&handshake.headers);
    let headers = if headers.is_empty() { Arc::clone(&NO_HEADERS) } else { Arc::new(headers) };
    let extensions = config.extensions_kept.pick(handshake.extensions);
    Handshake { headers, uri, extensions, ..handshake }
}

/// A secret that nobody guesses: 120 bits of a generator made for cryptography, which the system seeds.
fn new_sid() -> Sid {
    Sid::from_random(rand::rng().random())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use http::Request;

    use super::*;
    use crate::Verdict;
    use crate::config::HeadersKept;
    use crate::{Application, Engine, NoPeerAddr};

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
            let request = Request::get(&uri).extension(NoPeerAddr).header("x-a", "b").body(String::new()).unwrap();
            assert_eq!(engine.call(request).await.status(), 200);
            assert_eq!(told.recv().unwrap(), kept);
        }
    }
}
