//! The classic adapter: `@socket.io/redis-adapter`, and every emitter (sections 2 and 4 of the protocol's page).

mod channels;
mod event;
mod peek;
mod request;
mod response;

pub use channels::ClassicOrigin;
pub use peek::peek_uid;

use bytes::Bytes;
use hub::Command;
use socketio_codec::Namespace;

use crate::wire::bounds::Bounds;
use crate::wire::glance::{self, Glance};
use crate::wire::message::{EmitRef, Format, Message, Received, Response, Sought};
use crate::wire::opts;
use crate::wire::outgoing::Outgoing;
use crate::wire::reader::Reader;
use crate::wire::refused::Refused;
use crate::wire::uid::Uid;
use crate::wire::writer::Writer;
use channels::Channels;

/// This node in one namespace of a classic fleet: its channels, what it hears there and what it says.
///
/// ```
/// use fanfare_cluster_proto::wire::{Bounds, Classic, Format, Message, Uid};
/// use socketio_codec::Namespace;
///
/// let uid = Uid::from_random([7; 15]);
/// let classic = Classic::new("socket.io", Namespace::ROOT, uid, Format::Msgpack);
/// assert_eq!(classic.pattern(), "socket.io#/#*");
///
/// // An emitter speaks: is the room's name one that somebody here is in?
/// let channel = b"socket.io#/#news#";
/// assert_eq!(classic.room_of(channel), Some("news"));
/// let origin = classic.origin(channel).expect("it is one of ours");
///
/// let body = br#"["emitter",{"type":2,"data":["x"],"nsp":"/"},{"rooms":["news"]}]"#;
/// let received = classic.read(origin, body[..].into(), &Bounds::default())?.expect("it is for us");
/// let Message::Order(order) = received.message else { panic!() };
/// assert_eq!(order.target().rooms(), ["news".into()]);
/// # Ok::<(), fanfare_cluster_proto::wire::Refused>(())
/// ```
#[derive(Debug, Clone)]
pub struct Classic {
    namespace: Namespace,
    uid: Uid,
    format: Format,
    channels: Channels,
}

impl Classic {
    /// `prefix` is Node's option `key`, `socket.io` by default.
    pub fn new(prefix: &str, namespace: Namespace, uid: Uid, format: Format) -> Self {
        let channels = Channels::new(prefix, namespace.as_str(), uid.as_str());
        Self { namespace, uid, format, channels }
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// What to `PSUBSCRIBE`: the channels of events. In a namespace's name what means something in a pattern is escaped.
    pub fn pattern(&self) -> &str {
        &self.channels.pattern
    }

    /// What to `SUBSCRIBE`, in one command: requests, answers, answers to us alone. Who subscribes the first is counted, and
    /// has to answer.
    pub fn subscriptions(&self) -> [&str; 3] {
        [&self.channels.requests, &self.channels.responses, &self.channels.own_responses]
    }

    /// The channel whose subscribers are counted (`PUBSUB NUMSUB`).
    pub fn counted_channel(&self) -> &str {
        &self.channels.requests
    }

    /// What a channel is for; `None` if it is none of ours, however much it resembles one.
    pub fn origin<'a>(&self, channel: &'a [u8]) -> Option<ClassicOrigin<'a>> {
        self.channels.origin(channel)
    }

    /// The room of a channel of events. A message for a room that nobody here is in need not be read.
    pub fn room_of<'a>(&self, channel: &'a [u8]) -> Option<&'a str> {
        match self.origin(channel)? {
            ClassicOrigin::Events { room } => room,
            ClassicOrigin::Requests | ClassicOrigin::Responses => None,
        }
    }

    /// Whether we said it ourselves, by its first bytes.
    pub fn is_own(&self, body: &[u8]) -> bool {
        peek_uid(body) == Some(self.uid.as_str())
    }

    /// What of a request is seen without reading it.
    pub fn glance<'a>(&self, body: &'a [u8]) -> Glance<'a> {
        glance::classic(body)
    }

    /// Reads a message. `None` is one that is not for us: our own, or of another namespace.
    pub fn read(&self, origin: ClassicOrigin<'_>, body: Bytes, bounds: &Bounds) -> Result<Option<Received>, Refused> {
        if self.is_own(&body) {
            return Ok(None);
        }
        let mut reader = Reader::new(body, true);
        let read = match origin {
            ClassicOrigin::Events { room } => event::read(&mut reader, self.ours(), room, bounds)?,
            ClassicOrigin::Requests => request::read(&mut reader, self.ours(), bounds)?,
            ClassicOrigin::Responses => {
                let response = response::read(&mut reader, bounds)?;
                Some((Message::Response(response), None))
            }
        };
        let Some((message, from)) = read else { return Ok(None) };
        Ok(Some(Received { message, from, left_out: reader.left_out() }))
    }

    /// What the other nodes are to be told of a command; `None` if it is not for them.
    ///
    /// Of an event its id is not written: to have acknowledgements of the others, [ask](Self::ask). Hanging up
    /// ([`Expulsion::Transport`](hub::Expulsion::Transport)) is not known to them.
    pub fn tell(&self, command: &Command<'_>) -> Option<Outgoing> {
        if let Some(emit) = EmitRef::of(command) {
            return Some(self.emit(emit));
        }
        let mut writer = Writer::new(Format::Json);
        request::write_order(&mut writer, self.uid.as_str(), command)?;
        Some(outgoing(self.channels.requests.clone(), writer))
    }

    /// An event.
    pub fn emit(&self, emit: EmitRef<'_>) -> Outgoing {
        let mut writer = Writer::new(self.format);
        event::write(&mut writer, self.ours(), emit);
        outgoing(self.channels.events(opts::only_room(emit.target)), writer)
    }

    /// A question. Its id is to be drawn at random, and to be unknown to whoever does not hear the question.
    pub fn ask(&self, id: &str, sought: Sought<'_>) -> Outgoing {
        let format = match sought {
            Sought::EmitWithAck { .. } => self.format,
            _ => Format::Json,
        };
        let mut writer = Writer::new(format);
        request::write_question(&mut writer, self.ours(), id, sought);
        outgoing(self.channels.requests.clone(), writer)
    }

    /// `serverSideEmit` without answers; its name is the first value.
    pub fn server_side_emit(&self, data: &socketio_codec::Arguments) -> Outgoing {
        let mut writer = Writer::new(Format::Json);
        request::write_server_side(&mut writer, self.uid.as_str(), None, data);
        outgoing(self.channels.requests.clone(), writer)
    }

    /// An answer; to `asker` alone, if it is said. An asker that does not listen there hears nothing: on one server
    /// `PUBLISH` then says 0. What applications answer always goes to all, as Node servers do it.
    pub fn answer(&self, response: &Response, asker: Option<&str>) -> Outgoing {
        let format = response::format(&response.answer, self.format);
        let mut writer = Writer::new(format);
        response::write(&mut writer, response);
        let asker = asker.filter(|_| !response::is_for_all(&response.answer));
        outgoing(self.channels.answers(asker), writer)
    }

    fn ours(&self) -> Ours<'_> {
        Ours { namespace: &self.namespace, uid: self.uid.as_str() }
    }
}

/// Who reads and writes.
#[derive(Clone, Copy)]
struct Ours<'a> {
    namespace: &'a Namespace,
    uid: &'a str,
}

fn outgoing(channel: String, writer: Writer) -> Outgoing {
    let (body, left_out) = writer.finish();
    Outgoing { channel, body, left_out }
}
