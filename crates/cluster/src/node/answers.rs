//! Answers to what peers ask.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use cluster_proto::wire::{Answer, Emit, Order, Question, RemoteSocket, Request, Response};
use socketio::codec::{Arguments, Json};
use socketio::{Progress, Room, SocketId, SocketInfo, Target, Told};
use tokio::sync::OwnedSemaphorePermit;

use super::handshake;
use super::place::Place;
use super::programs;
use super::shared::Shared;

/// Answers as soon as the lanes have said what there is; nothing else waits for it. `at` is when it was asked.
pub(crate) fn begin(shared: &Arc<Shared>, place: Arc<Place>, request: Request, from: Option<String>, at: Instant) {
    let Request { id, question } = request;
    let asker = Asker { shared: Arc::clone(shared), place, id, from };
    match question {
        Question::EmitWithAck { emit, timeout } => return emit_with_ack(asker, emit, timeout),
        Question::ServerSideEmit(data) => return server_side(asker, &data),
        _ => {}
    }
    let places = if matches!(question, Question::Count(_)) { &shared.numbering } else { &shared.answering };
    let permit = Arc::clone(places).try_acquire_owned();
    let wake = Arc::clone(&shared.wake);
    let Some(permit) = permit.ok().filter(|_| asker.waits(at)) else {
        return shared.counters.unanswered.add(1);
    };
    tokio::spawn(async move {
        match question {
            Question::Count(target) => {
                let number = asker.shared.local.count(target).await;
                asker.answer(Answer::Clients(number as u64));
            }
            question => make(asker, question, at).await,
        }
        drop(permit);
        // Who leaves waits for it.
        wake.notify_one();
    });
}

/// Makes an answer that may be as large as all that is here. What is kept of a question while it waits is small; what is found
/// for it is not.
async fn make(asker: Asker, question: Question, at: Instant) {
    let shared = Arc::clone(&asker.shared);
    let _making = shared.making.acquire().await;
    shared.replies.place().await;
    if !asker.waits(at) {
        return shared.counters.unanswered.add(1);
    }
    let Some(found) = asker.find(question).await else { return shared.replies.lose() };
    // Long texts are written where nobody waits for the thread.
    let written = tokio::task::spawn_blocking(move || match found.described(&asker) {
        Some(answer) => asker.answer(answer),
        None => asker.shared.replies.lose(),
    });
    if written.await.is_err() {
        tracing::error!("an answer to another node made its task panic");
    }
}

/// Does what is asked for one socket, in its turn; only who has it answers. `asker` is the question's id, and who it is of.
pub(crate) fn one_socket(shared: &Arc<Shared>, place: &Arc<Place>, order: &Order, asker: (String, Option<String>)) {
    let (id, from) = asker;
    let asker = Asker { shared: Arc::clone(shared), place: Arc::clone(place), id, from };
    // Asked before it is done: it may be to disconnect.
    let local = shared.local.clone();
    let target = order.target().clone();
    let mut found = Box::pin(async move { local.count(target).await });
    let found_at_once = found.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    shared.apply(order);
    let Ok(permit) = Arc::clone(&shared.answering).try_acquire_owned() else {
        return shared.counters.unanswered.add(1);
    };
    tokio::spawn(async move {
        let found = match found_at_once {
            Poll::Ready(found) => found,
            Poll::Pending => found.await,
        };
        if found > 0 {
            asker.answer(Answer::Done);
        }
        drop(permit);
        asker.shared.wake.notify_one();
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
        if let Some(publication) = publication {
            self.shared.reply(publication);
        }
    }

    /// Whether whoever asked still waits, as far as that can be known.
    fn waits(&self, since: Instant) -> bool {
        since.elapsed() < self.shared.config.request_timeout
    }

    /// `None`: it is more than an answer may be.
    async fn find(&self, question: Question) -> Option<Found> {
        let (local, bytes_max) = (&self.shared.local, self.shared.replies.answer_bytes_max());
        let everyone = || Target::everyone(self.place.namespace().clone());
        Some(match question {
            Question::AllSockets(target) => Found::Ids(local.fetch_ids(target, bytes_max).await?),
            Question::AllRooms => {
                let rooms = local.fetch_rooms(self.place.namespace().clone(), bytes_max).await?;
                Found::Rooms(rooms, local.fetch_ids(everyone(), bytes_max).await?)
            }
            Question::Fetch(target) => Found::Sockets(local.fetch_sockets(target, bytes_max).await?),
            // The others are answered elsewhere.
            _ => Found::Ids(Vec::new()),
        })
    }
}

/// What is here, before anything is written of it.
enum Found {
    Ids(Vec<SocketId>),
    Rooms(BTreeMap<Room, usize>, Vec<SocketId>),
    Sockets(Vec<SocketInfo>),
}

impl Found {
    /// `None`: it is more than an answer may be.
    fn described(self, asker: &Asker) -> Option<Answer> {
        Some(match self {
            Self::Ids(ids) => Answer::Ids(ids.iter().map(ToString::to_string).collect()),
            Self::Rooms(rooms, ids) => {
                Answer::Rooms(rooms.into_keys().chain(ids.into_iter().map(Room::from)).collect())
            }
            Self::Sockets(sockets) => {
                let headers = &asker.shared.config.handshake_headers;
                let mut left = asker.shared.replies.answer_bytes_max();
                let mut all = Vec::with_capacity(sockets.len());
                for socket in sockets {
                    let Some(socket) = described(&socket, headers) else { continue };
                    left = left.checked_sub(len_of(&socket))?;
                    all.push(socket);
                }
                Answer::Sockets(all)
            }
        })
    }
}

/// About what it takes where it is written.
fn len_of(socket: &RemoteSocket) -> usize {
    let rooms: usize = socket.rooms.iter().map(|room| room.as_str().len() + 3).sum();
    socket.id.len() + socket.handshake.as_str().len() + rooms + FRAME_LEN
}

/// Has the program answer. Whoever is subscribed is waited for: where it has nothing for it, the answer is `null`.
fn server_side(asker: Asker, data: &Arguments) {
    let asker = Arc::new(asker);
    let nothing = || Answer::ServerSide(one(Arguments::default()));
    let Ok(place) = Arc::clone(&asker.shared.telling).try_acquire_owned() else {
        asker.shared.counters.unanswered.add(1);
        return asker.answer(nothing());
    };
    let answering = Arc::clone(&asker);
    let answer = move |given| {
        answering.answer(Answer::ServerSide(one(given)));
        drop(place);
        // Who leaves waits for it.
        answering.shared.wake.notify_one();
    };
    if programs::tell(&asker.shared, &asker.place, data, answer) != Told::Begun {
        asker.answer(nothing());
        asker.shared.wake.notify_one();
    }
}

/// The first value. Of none, what Node servers write for it.
fn one(arguments: Arguments) -> Arguments {
    match arguments.is_empty() {
        true => Arguments::serialize(&((),)).unwrap_or_default(),
        false => first(arguments),
    }
}

/// Says at once how many are asked, then each of their answers.
fn emit_with_ack(asker: Asker, emit: Emit, timeout: Option<Duration>) {
    let asker = Arc::new(asker);
    let (within, long) = time_for(&asker.shared, timeout);
    let place = Arc::clone(&asker.shared.acknowledging).try_acquire_owned();
    let is_asked = place.is_ok_and(|place| {
        let follower = Arc::clone(&asker);
        let follow = move |progress| {
            // They are taken for as long as this is called.
            let (_place, _long) = (&place, &long);
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
        // Too many are waited for. Whoever asked is not told that nobody has it, but nothing, as by a node that is frozen.
        asker.shared.counters.unanswered.add(1);
        asker.shared.local.apply(emit.command(None, None));
    }
}

/// How long answers are waited for. For more than a minute only those of some events are, so that who asks for it does not take
/// all places for long.
fn time_for(shared: &Shared, timeout: Option<Duration>) -> (Duration, Option<OwnedSemaphorePermit>) {
    let within = timeout.unwrap_or(ACK_TIMEOUT).min(ACK_TIMEOUT_MAX);
    if within <= ACK_TIMEOUT {
        return (within, None);
    }
    match Arc::clone(&shared.acknowledging_long).try_acquire_owned() {
        Ok(long) => (within, Some(long)),
        Err(_) => (ACK_TIMEOUT, None),
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

/// What stands in an answer around what a socket has.
const FRAME_LEN: usize = 48;
/// As long as a reference server would have to wait for a client that never answers.
const ACK_TIMEOUT: Duration = Duration::from_secs(60);
/// A peer's flag is no reason to keep something for days.
const ACK_TIMEOUT_MAX: Duration = Duration::from_secs(600);
