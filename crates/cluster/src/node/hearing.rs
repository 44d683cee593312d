//! What is done with what was heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cluster_proto::wire::{Message, Order, Question, Received, Refused};
use socketio::Target;

use super::answers;
use super::incoming::{Heard, Moving};
use super::news::News;
use super::shared::Shared;

/// Does what others say, in the order they say it, and has their questions answered.
pub(crate) async fn hear_orders(shared: Arc<Shared>) {
    let refusals = Refusals::default();
    let mut turn = 0_u32;
    loop {
        turn = turn.wrapping_add(1);
        let mut heard = shared.orders.next().await;
        let moving = heard.moving.take();
        // A mailbox takes what a peer says whatever it holds; so that it stays bounded, this waits, and the queue does.
        while shared.local.is_congested() {
            tokio::time::sleep(CONGESTED).await;
        }
        let (place, Some(received)) = (Arc::clone(&heard.place), read(&shared, heard, &refusals)) else { continue };
        let Received { message, from, .. } = received;
        match message {
            Message::Order(order) => {
                shared.local.apply(order.command());
                settle(&shared, &order, moving);
            }
            Message::Request(request) => {
                if let Question::OneSocket { order, .. } = &request.question {
                    answers::one_socket(&shared, &place, order, (request.id.clone(), from));
                    settle(&shared, order, moving);
                } else {
                    answers::begin(&shared, place, request, from);
                }
            }
            // To what another asked on the channel that all share.
            Message::Response(_) => {}
            // Nobody's program is run by it.
            Message::ServerSideEmit(_) => shared.counters.server_side.add(1),
            _ => {}
        }
        if turn.is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
    }
}

/// Sockets that were let into rooms are there when their lanes have got to it, which is not waited for: another question to all
/// lanes comes back behind it.
fn settle(shared: &Arc<Shared>, order: &Order, moving: Option<Moving>) {
    if let (Order::Join { target, .. }, Some(moving)) = (order, moving) {
        let (local, nobody) = (shared.local.clone(), Target::everyone(target.namespace().clone()).to(NOBODY));
        tokio::spawn(async move {
            local.fetch_sockets(nobody).await;
            drop(moving);
        });
    }
}

/// Passes on what others answer. What they answer may be long: it is read here and not where the supervisor would wait for it.
pub(crate) async fn hear_answers(shared: Arc<Shared>) {
    let refusals = Refusals::default();
    loop {
        let heard = shared.answers.next().await;
        let bytes = heard.body.len();
        let Some(Received { message, from, .. }) = read(&shared, heard, &refusals) else { continue };
        if let Message::Response(response) = message {
            shared.tell(News::Answered { from, response, bytes });
        }
        tokio::task::yield_now().await;
    }
}

fn read(shared: &Shared, heard: Heard, refusals: &Refusals) -> Option<Received> {
    let Heard { place, channel, body, .. } = heard;
    match place.read(&channel, body, &shared.bounds) {
        Ok(received) => {
            let received = received?;
            shared.counters.left_out.add(received.left_out);
            Some(received)
        }
        Err(refused) => {
            shared.counters.refused(refused);
            refusals.log(refused, &place.name);
            None
        }
    }
}

/// So that whoever floods the fleet with nonsense does not flood the log.
struct Refusals {
    began: Instant,
    /// The second, since then, in which one was logged last.
    last: AtomicU64,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(u64::MAX) }
    }
}

impl Refusals {
    fn log(&self, refused: Refused, namespace: &str) {
        let second = self.began.elapsed().as_secs();
        if self.last.swap(second, Ordering::Relaxed) != second {
            tracing::debug!(%refused, namespace, "a message of the cluster is dropped; others like it are counted");
        }
    }
}

/// A room that nobody is likely to be in. Who is, makes it only take longer.
const NOBODY: &str = "fanfare:nobody";
const CONGESTED: Duration = Duration::from_millis(1);
/// Messages until others may run.
const TURN: u32 = 64;
