//! Answers to what peers ask.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cluster_proto::wire::{Answer, Emit, Order, Question, RemoteSocket, Request, Response};
use socketio::codec::{Arguments, Json};
use socketio::{Progress, Room, SocketInfo, Target};

use super::handshake;
use super::place::Place;
use super::shared::Shared;

/// Answers as soon as the lanes have said what there is; nothing else waits for it.
pub(crate) fn begin(shared: &Arc<Shared>, place: Arc<Place>, request: Request, from: Option<String>) {
    let Request { id, question } = request;
    let asker = Asker { shared: Arc::clone(shared), place, id, from };
    match question {
        Question::EmitWithAck { emit, timeout } => return emit_with_ack(asker, emit, timeout),
        Question::ServerSideEmit(_) => {
            shared.counters.server_side.add(1);
            if shared.config.answers_server_side {
                let null = Arguments::serialize(&((),)).unwrap_or_default();
                asker.answer(Answer::ServerSide(null));
            }
            return;
        }
        _ => {}
    }
    let Ok(permit) = Arc::clone(&shared.answering).try_acquire_owned() else {
        return shared.counters.unanswered.add(1);
    };
    tokio::spawn(async move {
        // What is kept of a question while it waits is small; what is found for it is not.
        let making = asker.shared.making.acquire().await;
        if let Some(answer) = asker.find(question).await {
            asker.answer(answer);
        }
        drop(making);
        drop(permit);
    });
}

/// Does what is asked for one socket, in its turn; only who has it answers. `asker` is the question's id, and who it is of.
pub(crate) fn one_socket(shared: &Arc<Shared>, place: &Arc<Place>, order: &Order, asker: (String, Option<String>)) {
    let (id, from) = asker;
    let asker = Asker { shared: Arc::clone(shared), place: Arc::clone(place), id, from };
    // Asked before it is done: it may be to disconnect.
    let local = shared.local.clone();
    let target = order.target().clone();
    let mut found = Box::pin(async move { local.fetch_sockets(target).await });
    let found_at_once = found.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    shared.local.apply(order.command());
    let Ok(permit) = Arc::clone(&shared.answering).try_acquire_owned() else {
        return shared.counters.unanswered.add(1);
    };
    tokio::spawn(async move {
        let found = match found_at_once {
            Poll::Ready(found) => found,
            Poll::Pending => found.await,
        };
        if !found.is_empty() {
            asker.answer(Answer::Done);
        }
        drop(permit);
    });
}

/// Whoever asked.
struct Asker {
    shared: Arc<Shared>,
    place: Arc<Place>,
    id: String,
    from: Option<String>,
}

impl Asker {
    fn answer(&self, answer: Answer) {
        let response = Response { request_id: self.id.clone(), answer };
        let publication = self.place.answer(&response, self.from.as_deref(), self.shared.knows_listeners);
        publication.map(|publication| self.shared.publish(publication));
    }

    async fn find(&self, question: Question) -> Option<Answer> {
        let local = &self.shared.local;
        let everyone = || Target::everyone(self.place.namespace().clone());
        Some(match question {
            Question::AllSockets(target) => {
                let sockets = local.fetch_sockets(target).await;
                Answer::Ids(sockets.iter().map(|socket| socket.id.to_string()).collect())
            }
            Question::AllRooms => {
                let rooms = local.fetch_rooms(self.place.namespace().clone()).await.into_keys();
                let sockets = local.fetch_sockets(everyone()).await;
                Answer::Rooms(rooms.chain(sockets.iter().map(|socket| Room::from(socket.id.as_str()))).collect())
            }
            Question::Fetch(target) => {
                let sockets = local.fetch_sockets(target).await;
                let headers = &self.shared.config.handshake_headers;
                Answer::Sockets(sockets.iter().filter_map(|socket| described(socket, headers)).collect())
            }
            _ => return None,
        })
    }
}

/// Says at once how many are asked, then each of their answers.
fn emit_with_ack(asker: Asker, emit: Emit, timeout: Option<Duration>) {
    let within = timeout.unwrap_or(ACK_TIMEOUT).min(ACK_TIMEOUT_MAX);
    let asker = Arc::new(asker);
    let place = Arc::clone(&asker.shared.acknowledging).try_acquire_owned();
    let is_asked = place.is_ok_and(|place| {
        let follower = Arc::clone(&asker);
        let follow = move |progress| {
            // It is taken for as long as this is called.
            let _place = &place;
            match progress {
                Progress::Reached(sockets) => follower.answer(Answer::Clients(sockets as u64)),
                Progress::Answered(_, arguments) => follower.answer(Answer::Ack(first(arguments))),
                _ => {}
            }
        };
        let event = (emit.event.raw_name(), emit.event.arguments());
        asker.shared.local.emit_with_ack(emit.target.clone(), event, within, follow)
    });
    if !is_asked {
        asker.shared.counters.unanswered.add(1);
        // Too many are waited for: nobody is to wait for these.
        asker.answer(Answer::Clients(0));
        asker.shared.local.apply(emit.command(None, None));
    }
}

/// There is no more than one on the wire.
fn first(arguments: Arguments) -> Arguments {
    match arguments.len() {
        0 | 1 => arguments,
        // With bytes among them, which of them are the first value's is not to be seen in the text alone.
        _ if arguments.attachments().is_empty() => {
            arguments.raw(0).map(|value| Arguments::from_checked(value.to_owned().into(), 1)).unwrap_or_default()
        }
        _ => with_its_attachments(&arguments),
    }
}

/// The first value with its own attachments: those whose placeholders stand in it come first.
fn with_its_attachments(arguments: &Arguments) -> Arguments {
    let Some(value) = arguments.raw(0) else { return Arguments::default() };
    let text = format!("[{value}]");
    let all = arguments.attachments();
    (0..=all.len())
        .find_map(|count| {
            let attachments = all.get(..count)?.to_vec();
            Arguments::with_attachments(text.clone().into(), attachments).ok()
        })
        .unwrap_or_default()
}

fn described(socket: &SocketInfo, headers: &[String]) -> Option<RemoteSocket> {
    let own = Room::from(socket.id.as_str());
    Some(RemoteSocket {
        id: socket.id.to_string(),
        handshake: handshake::shown(&socket.handshake, headers)?,
        rooms: std::iter::once(own).chain(socket.rooms.iter().cloned()).collect(),
        data: Json::serialize(&serde_json::Map::new()).ok()?,
    })
}

/// As long as a reference server would have to wait for a client that never answers.
const ACK_TIMEOUT: Duration = Duration::from_secs(60);
/// A peer's flag is no reason to keep something for days.
const ACK_TIMEOUT_MAX: Duration = Duration::from_secs(600);
