//! What is done with what was heard.

use std::sync::Arc;
use std::time::Duration;

use cluster_proto::wire::{Message, Order, Question, Received, Refused};
use socketio::Target;

use super::answers;
use super::incoming::{Heard, Moving};
use super::news::News;
use super::programs;
use super::seldom::Seldom;
use super::shared::Shared;

/// Does what others say, in the order they say it. Of their questions, those are here that are to see what their senders said
/// before.
pub(crate) async fn hear_orders(shared: Arc<Shared>) {
    let refusals = Refusals::default();
    let mut turn = 0_u32;
    loop {
        turn = turn.wrapping_add(1);
        let mut heard = shared.orders.next().await;
        let (moving, at) = (heard.moving.take(), heard.at);
        // Until it is with the lanes.
        let _holding = heard.holding.take();
        // A mailbox takes what a peer says whatever it holds; so that it stays bounded, this waits, and the queue does.
        while shared.local.is_congested() {
            tokio::time::sleep(CONGESTED).await;
        }
        let (place, Some(received)) = (Arc::clone(&heard.place), read(&shared, heard, &refusals)) else { continue };
        let Received { message, from, .. } = received;
        match message {
            Message::Order(order) => obey(&shared, order, moving),
            Message::Request(request) => {
                if let Question::OneSocket { order, .. } = &request.question {
                    answers::one_socket(&shared, &place, order, (request.id.clone(), from));
                    settle(&shared, order, moving);
                } else {
                    answers::begin(&shared, place, request, from, at);
                }
            }
            // To what another asked on the channel that all share.
            Message::Response(_) => {}
            Message::ServerSideEmit(data) => {
                programs::tell(&shared, &place, &data, drop);
            }
            _ => {}
        }
        if turn.is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
    }
}

/// Has questions answered that depend on nothing that is not done yet. So they wait for no events, of which there may be more
/// than the lanes deliver in a while; behind what the lanes have already they are anyhow.
pub(crate) async fn hear_questions(shared: Arc<Shared>) {
    let refusals = Refusals::default();
    let mut turn = 0_u32;
    loop {
        turn = turn.wrapping_add(1);
        let heard = shared.questions.next().await;
        let (place, at) = (Arc::clone(&heard.place), heard.at);
        let Some(Received { message, from, .. }) = read(&shared, heard, &refusals) else { continue };
        match message {
            Message::Request(request) => match &request.question {
                // Written so that it looks like another: it loses its turn.
                Question::OneSocket { order, .. } => {
                    answers::one_socket(&shared, &place, order, (request.id.clone(), from));
                }
                _ => answers::begin(&shared, place, request, from, at),
            },
            Message::Order(order) => obey(&shared, order, None),
            Message::ServerSideEmit(data) => {
                programs::tell(&shared, &place, &data, drop);
            }
            _ => {}
        }
        if turn.is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
    }
}

fn obey(shared: &Arc<Shared>, order: Order, moving: Option<Moving>) {
    shared.apply(&order);
    settle(shared, &order, moving);
}

/// Sockets that were let into rooms are there when their lanes have got to it, which is not waited for: another question to all
/// lanes comes back behind it.
fn settle(shared: &Arc<Shared>, order: &Order, moving: Option<Moving>) {
    if let (Order::Join { target, .. }, Some(moving)) = (order, moving) {
        let (shared, nobody) = (Arc::clone(shared), Target::everyone(target.namespace().clone()).to(NOBODY));
        tokio::spawn(async move {
            shared.local.count(nobody).await;
            drop(moving);
            shared.joins.note();
        });
    }
}

/// Passes on what others answer. What they answer may be long: it is read here and not where the supervisor would wait for it.
pub(crate) async fn hear_answers(shared: Arc<Shared>) {
    let refusals = Refusals::default();
    loop {
        let heard = shared.answers.next().await;
        let bytes = heard.body.len();
        // It may have been answered while this waited.
        if shared.is_unasked(&heard.body) {
            continue;
        }
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
struct Refusals(Seldom);

impl Default for Refusals {
    fn default() -> Self {
        Self(Seldom::new(Duration::from_secs(1)))
    }
}

impl Refusals {
    fn log(&self, refused: Refused, namespace: &str) {
        if self.0.passes() {
            tracing::debug!(%refused, namespace, "a message of the cluster is dropped; others like it are counted");
        }
    }
}

/// A room that nobody is likely to be in. Who is, makes it only take longer.
const NOBODY: &str = "fanfare:nobody";
const CONGESTED: Duration = Duration::from_millis(1);
/// Messages until others may run.
const TURN: u32 = 64;
