//! A member that hands what it is told to the handlers.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Context;
use std::time::{Duration, Instant};

use socketio_codec::Event;
use tokio::time::timeout;

use super::joined::Joined;
use super::queue::Queue;
use super::reply::Work;
use super::table::Table;
use crate::member::{DisconnectReason, Member};
use crate::panics::guarded_future;
use crate::socket::{AckSender, Socket};

/// One socket of a namespace made of handlers.
pub(super) struct Dispatcher<S> {
    table: Arc<Table<S>>,
    stage: Stage<S>,
    /// While a handler is not done.
    queue: Option<Box<Queue>>,
}

enum Stage<S> {
    /// It may join.
    Admitted(Box<S>),
    Joined(Joined<S>),
    Gone,
}

impl<S> Dispatcher<S> {
    pub(super) fn new(table: Arc<Table<S>>, state: S) -> Self {
        Self { table, stage: Stage::Admitted(Box::new(state)), queue: None }
    }

    fn begin(&mut self, work: Option<Work>) {
        self.queue = work.map(|work| Box::new(Queue::behind(work)));
    }
}

impl<S: Send + Sync + 'static> Member for Dispatcher<S> {
    fn connected(&mut self, socket: &Socket) {
        let Stage::Admitted(state) = std::mem::replace(&mut self.stage, Stage::Gone) else { return };
        let joined = Joined::new(socket.clone(), *state);
        self.stage = Stage::Joined(joined.clone());
        let work = self.table.connected.as_ref().and_then(|connected| connected(joined));
        self.begin(work);
    }

    fn event(&mut self, _: &Socket, event: Event, ack: Option<AckSender>) {
        let Stage::Joined(joined) = &self.stage else { return };
        if let Some(queue) = &mut self.queue {
            return queue.push(&event, ack, &self.table.limits);
        }
        let work = self.table.act(joined, event.raw_name(), event.arguments(), ack);
        self.begin(work);
    }

    fn poll(&mut self, _: &Socket, cx: &mut Context<'_>) {
        if let (Some(queue), Stage::Joined(joined)) = (&mut self.queue, &self.stage)
            && queue.poll(&self.table, joined, cx).is_ready()
        {
            self.queue = None;
        }
    }

    fn is_ready(&self) -> bool {
        self.queue.as_ref().is_none_or(|queue| !queue.is_full(&self.table.limits))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.queue.as_ref()?.deadline(&self.table.limits)
    }

    fn handle_timeout(&mut self, socket: &Socket, _: Instant) {
        if let Some(queue) = &mut self.queue {
            queue.give_up();
            socket.hang_up("handler_too_slow");
        }
    }

    fn keeps_rooms(&self) -> bool {
        true
    }

    fn disconnected(&mut self, _: &Socket, reason: DisconnectReason) {
        let Stage::Joined(joined) = std::mem::replace(&mut self.stage, Stage::Gone) else { return };
        let table = Arc::clone(&self.table);
        match self.queue.take() {
            Some(queue) => go_on(&joined.clone(), table.limits.finish_within, last(table, joined, queue, reason)),
            None => {
                if let Some(work) = leave(&table, &joined, reason) {
                    go_on(&joined, table.limits.finish_within, work);
                }
            }
        }
    }
}

/// Begins what is done when a socket has left.
fn leave<S>(table: &Table<S>, joined: &Joined<S>, reason: DisconnectReason) -> Option<Work> {
    table.disconnected.as_ref().and_then(|disconnected| disconnected(joined.clone(), reason))
}

/// What is left to be done for a socket that has left, to the end.
async fn last<S>(table: Arc<Table<S>>, joined: Joined<S>, mut queue: Box<Queue>, reason: DisconnectReason) {
    if reason == DisconnectReason::Panicked {
        queue.clear();
    }
    let rest = poll_fn(|cx| queue.poll(&table, &joined, cx));
    let reason = match guarded_future((joined.connection(), joined.namespace()), "event", rest).await {
        Ok(()) => reason,
        Err(_) => DisconnectReason::Panicked,
    };
    if let Some(work) = leave(&table, &joined, reason) {
        work.await;
    }
}

/// The session's task ends, so `work` gets one of its own.
fn go_on(socket: &Socket, within: Duration, work: impl Future<Output = ()> + Send + 'static) {
    let (socket, unfinished) = (socket.clone(), socket.reach().unfinished.one());
    tokio::spawn(async move {
        let (connection, namespace) = (socket.connection(), socket.namespace());
        if timeout(within, guarded_future((connection, namespace), "disconnected", work)).await.is_err() {
            tracing::debug!(connection, %namespace, "handlers go on for too long after the client: they are dropped");
        }
        drop(unfinished);
    });
}
