//! The sharded adapter, for Redis 7 (section 3 of the protocol's page).

mod channels;
mod message;

pub use channels::{Mode, ShardedOrigin};

use bytes::Bytes;
use hub::{Command, Expulsion, Target};
use socketio_codec::{Arguments, Namespace};

use crate::wire::bounds::Bounds;
use crate::wire::glance::{self, Glance};
use crate::wire::message::{EmitRef, Received, Response, Sought};
use crate::wire::opts;
use crate::wire::outgoing::Outgoing;
use crate::wire::reader::Reader;
use crate::wire::refused::Refused;
use crate::wire::uid::Uid;
use channels::Channels;
use message::{Body, Outer};

/// This node in one namespace of a sharded fleet: its channels, what it hears there and what it says.
///
/// ```
/// use fanfare_cluster_proto::wire::{Mode, Sharded, Uid};
/// use hub::{Command, Target};
/// use socketio_codec::Namespace;
///
/// let uid = Uid::parse("a6185c21924bd6ed").expect("it is one");
/// let sharded = Sharded::new("socket.io", Namespace::ROOT, uid, Mode::Dynamic);
/// assert_eq!(sharded.subscriptions(), ["socket.io#/#", "socket.io#/#a6185c21924bd6ed#"]);
/// assert_eq!(sharded.room_channel("news", false).as_deref(), Some("socket.io#/#news#"));
///
/// let news = Target::everyone(Namespace::ROOT).to("news");
/// let told = sharded.tell(&Command::Join { target: news, rooms: vec!["r8".into()] }).expect("all are to know it");
/// assert_eq!(told.channel, "socket.io#/#");
/// assert_eq!(
///     &told.body[..],
///     br#"{"type":4,"data":{"opts":{"rooms":["news"],"except":[]},"rooms":["r8"]},"uid":"a6185c21924bd6ed","nsp":"/"}"#
/// );
/// ```
#[derive(Debug, Clone)]
pub struct Sharded {
    namespace: Namespace,
    uid: Uid,
    mode: Mode,
    channels: Channels,
    /// How each of our messages ends.
    endings: [Bytes; 2],
}

impl Sharded {
    /// `prefix` is Node's option `channelPrefix`, `socket.io` by default.
    pub fn new(prefix: &str, namespace: Namespace, uid: Uid, mode: Mode) -> Self {
        let channels = Channels::new(prefix, namespace.as_str(), uid.as_str());
        let endings = message::endings(uid.as_str(), namespace.as_str());
        Self { namespace, uid, mode, channels, endings }
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// What to `SSUBSCRIBE` from the beginning, one command each: what goes to all, and what goes to us.
    pub fn subscriptions(&self) -> [&str; 2] {
        [&self.channels.all, &self.channels.own]
    }

    /// The channel whose subscribers are counted (`PUBSUB SHARDNUMSUB`).
    pub fn counted_channel(&self) -> &str {
        &self.channels.all
    }

    /// What to `SSUBSCRIBE` while somebody here is in `room`; `None` if its events come on the channel of all. `is_own`: the
    /// room is a socket's own.
    pub fn room_channel(&self, room: &str, is_own: bool) -> Option<String> {
        let has_one = match self.mode {
            Mode::Dynamic => !is_own,
            Mode::Static => false,
            Mode::DynamicPrivate => true,
        };
        has_one.then(|| self.channels.of_room(room))
    }

    /// What a channel is for; `None` if it is none of ours.
    pub fn origin<'a>(&self, channel: &'a [u8]) -> Option<ShardedOrigin<'a>> {
        self.channels.origin(channel)
    }

    /// The room of a channel. Who is subscribed to one is in the room, or has just left it.
    pub fn room_of<'a>(&self, channel: &'a [u8]) -> Option<&'a str> {
        match self.origin(channel)? {
            ShardedOrigin::Room(room) => Some(room),
            ShardedOrigin::All | ShardedOrigin::Own => None,
        }
    }

    /// Whether we said it ourselves, by its last bytes.
    pub fn is_own(&self, body: &[u8]) -> bool {
        self.endings.iter().any(|ending| body.ends_with(ending))
    }

    /// What of a message to all is seen without reading it.
    pub fn glance<'a>(&self, body: &'a [u8]) -> Glance<'a> {
        glance::sharded(body)
    }

    /// Reads a message. `None` is one that is not for us: our own, or of another namespace.
    pub fn read(&self, origin: ShardedOrigin<'_>, body: Bytes, bounds: &Bounds) -> Result<Option<Received>, Refused> {
        if self.is_own(&body) {
            return Ok(None);
        }
        let room = match origin {
            ShardedOrigin::Room(room) => Some(room),
            ShardedOrigin::All | ShardedOrigin::Own => None,
        };
        // Bytes come in MessagePack only: what looks like a `Buffer` here is somebody's object.
        let mut reader = Reader::new(body, false);
        let outer = Outer { namespace: &self.namespace, uid: self.uid.as_str(), room };
        let Some((message, from)) = message::read(&mut reader, outer, bounds)? else { return Ok(None) };
        Ok(Some(Received { message, from, left_out: reader.left_out() }))
    }

    /// What the other nodes are to be told of a command; `None` if it is not for them.
    ///
    /// Of an event its id is not written: to have acknowledgements of the others, [ask](Self::ask). Hanging up
    /// ([`Expulsion::Transport`]) is not known to them.
    pub fn tell(&self, command: &Command<'_>) -> Option<Outgoing> {
        let body = match command {
            Command::Emit { .. } => return EmitRef::of(command).map(|emit| self.emit(emit)),
            Command::Join { target, rooms } => Body::Join { target, rooms },
            Command::Leave { target, rooms } => Body::Leave { target, rooms },
            Command::Expel { from: Expulsion::Transport(_), .. } => return None,
            Command::Expel { target, from } => Body::Expel { target, closes: *from == Expulsion::Connection },
            _ => return None,
        };
        Some(self.say(self.channels.all.clone(), body))
    }

    /// An event.
    pub fn emit(&self, emit: EmitRef<'_>) -> Outgoing {
        let channel = self.event_channel(emit.target);
        self.say(channel, Body::Emit { emit, ack: None })
    }

    /// A question; `None` for one that there is not in this protocol ([`Sought::AllRooms`]).
    pub fn ask(&self, id: &str, sought: Sought<'_>) -> Option<Outgoing> {
        let body = match sought {
            Sought::AllRooms => return None,
            Sought::Fetch(target) => Body::Fetch { target, id, counts: false },
            Sought::Count(target) => Body::Fetch { target, id, counts: true },
            Sought::ServerSideEmit(data) => Body::ServerSide { data, id: Some(id) },
            Sought::EmitWithAck { emit, timeout } => Body::Emit { emit, ack: Some((id, timeout)) },
        };
        Some(self.say(self.channels.all.clone(), body))
    }

    /// `serverSideEmit` without answers; its name is the first value.
    pub fn server_side_emit(&self, data: &Arguments) -> Outgoing {
        self.say(self.channels.all.clone(), Body::ServerSide { data, id: None })
    }

    /// An answer to the node of that uid; `None` for one that there is not in this protocol.
    pub fn answer(&self, response: &Response, asker: &str) -> Option<Outgoing> {
        let channel = self.channels.of_room(asker);
        message::answer(response).map(|body| self.say(channel, body))
    }

    /// Where an event goes: by the rule of Node, which takes a name of 20 characters for a socket's id.
    fn event_channel(&self, target: &Target) -> String {
        let room = opts::only_room(target).filter(|room| match self.mode {
            Mode::Dynamic => room.encode_utf16().count() != hub::SocketId::LEN,
            Mode::Static => false,
            Mode::DynamicPrivate => true,
        });
        room.map_or_else(|| self.channels.all.clone(), |room| self.channels.of_room(room))
    }

    fn say(&self, channel: String, body: Body<'_>) -> Outgoing {
        let outer = Outer { namespace: &self.namespace, uid: self.uid.as_str(), room: None };
        let (body, left_out) = message::write(outer, body);
        Outgoing { channel, body, left_out }
    }
}
