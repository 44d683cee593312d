//! From the engine's sessions to connections.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use engineio::{Application, Handshake, Link, Verdict};

use crate::closes::EndWatch;
use crate::connection::Connection;
use crate::shared::Shared;

/// What a program says to a handshake.
pub(crate) type OnHandshake = Box<dyn Fn(&Handshake) -> Verdict + Send + Sync>;

/// The engine's application: opens a connection for each session.
pub(crate) struct Sessions {
    pub(crate) shared: Arc<Shared>,
    pub(crate) on_handshake: Option<OnHandshake>,
}

impl Application for Sessions {
    fn accept(&self, handshake: &Handshake) -> Verdict {
        // Here, where all extensions are: what is kept of them is the program's to say.
        if let Some(watch) = handshake.extensions.get::<EndWatch>() {
            self.shared.closes.tell(handshake.connection, watch);
        }
        let Some(on_handshake) = &self.on_handshake else {
            return Verdict::accept();
        };
        match catch_unwind(AssertUnwindSafe(|| on_handshake(handshake))) {
            Ok(Verdict::Pending(decision)) => Verdict::pending(guarded(decision)),
            Ok(verdict) => verdict,
            Err(_) => panicked(),
        }
    }

    fn open(&self, handshake: Handshake, link: Arc<Link>) -> Box<dyn engineio::Connection> {
        let now = tokio::time::Instant::now().into_std();
        Box::new(Connection::new(Arc::clone(&self.shared), handshake, link, now))
    }
}

/// The same decision, which does not take its HTTP connection with it if it panics.
async fn guarded(mut decision: Pin<Box<dyn Future<Output = Verdict> + Send>>) -> Verdict {
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| decision.as_mut().poll(cx))) {
        Ok(poll) => poll,
        Err(_) => Poll::Ready(panicked()),
    })
    .await
}

/// Our fault, and perhaps over soon.
fn panicked() -> Verdict {
    tracing::error!("the application panicked at a handshake: it is answered 503");
    Verdict::unavailable(RETRY_AFTER)
}

/// Clients that heed it come back about as fast as those that do not: their own pauses grow to five seconds.
const RETRY_AFTER: Duration = Duration::from_secs(5);
