//! For programs that send more than there is room for.

use std::future::{Future, poll_fn};
use std::sync::Arc;

use hub::Waiter;
use socketio_codec::EventName;
use tokio::sync::oneshot;

use crate::arguments::ToArguments;
use crate::broadcast::{Broadcast, EmitError, Later, Outcome};

impl Broadcast {
    /// Ready when no part of the server is so far behind that it should be sent more.
    ///
    /// Emitting never waits, and never refuses. A program that emits as fast as it can, from a file or a queue, asks
    /// before each event; clients are held back in the same way, by not being read.
    ///
    /// ```no_run
    /// # async fn example(server: &fanfare_socketio::Server, lines: Vec<String>) -> Result<(), Box<dyn std::error::Error>> {
    /// let everyone = server.of("/")?;
    /// for line in lines {
    ///     everyone.ready().await;
    ///     everyone.clone().emit("line", line)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn ready(&self) -> impl Future<Output = ()> + Send + use<> {
        let reach = Arc::clone(self.reach());
        let mut waiter = Waiter::default();
        async move { poll_fn(|cx| reach.hub.poll_relieved(cx, &mut waiter)).await }
    }

    /// Emits an event, and says what became of it: to how many it was queued, and who went without.
    ///
    /// The event is sent before this returns; the future is only for the outcome.
    ///
    /// # Errors
    /// [`EmitError`] as for [`emit`](Broadcast::emit).
    pub fn emit_counted(self, name: &str, arguments: impl ToArguments) -> Result<Later<Outcome>, EmitError> {
        let name = EventName::new(name)?;
        let arguments = arguments.to_arguments()?;
        let (sender, receiver) = oneshot::channel();
        self.relay_counted(&name, &arguments, move |outcome| {
            // Nobody waits any more: then nobody misses it.
            let _ = sender.send(outcome);
        });
        Ok(Box::pin(async move { receiver.await.unwrap_or_default() }))
    }
}
