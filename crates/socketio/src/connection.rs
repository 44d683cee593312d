//! One client's connection, between the engine and the application.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use engineio::proto::{CloseReason, Message, Recipient};
use engineio::{Handshake, Link};
use hub::{Allowance, Client, Connect, Direction, Expulsion, Incoming, Room, SocketId, Target, Violation};
use rand::RngExt;
use socketio_codec::{AckId, Event, Json, Namespace as NamespaceName, Text};

use crate::inbox::{Inbox, News};
use crate::member::{DisconnectReason, Member};
use crate::namespace::{Admission, ConnectRequest, Refusal};
use crate::panics::{Panicked, guarded};
use crate::shared::Shared;
use crate::socket::Socket;
use crate::transport_now::TransportNow;

/// Owned by the session's task: turns messages into calls of the application's members.
pub(crate) struct Connection {
    shared: Arc<Shared>,
    link: Arc<Link>,
    client: Client,
    inbox: Arc<Inbox>,
    joined: Vec<Joined>,
    deciding: Vec<Deciding>,
    /// When a client that cannot be served now is sent away.
    leave_at: Option<Instant>,
    /// It was expelled from, and ends when the lane gets to it: what the client says until then is not heard.
    is_expelled: bool,
    /// The client has not been read for a while since it was last looked at what is due from it.
    was_held_back: bool,
    /// That of all its sockets. In what the flags leave of a word, so that it takes no memory.
    lane: u32,
    /// What it may have on its way.
    allowance: Arc<Allowance>,
}

/// A namespace the client is in.
struct Joined {
    socket: Socket,
    member: Box<dyn Member>,
    /// It is told why it is disconnected.
    has_panicked: bool,
    /// Its namespace is there while somebody is in it.
    is_patterned: bool,
}

impl Joined {
    /// Lets the application do something, and notes whether it panicked.
    fn call<T>(&mut self, call: &'static str, run: impl FnOnce(&mut dyn Member, &Socket) -> T) -> Result<T, Panicked> {
        let Self { socket, member, has_panicked, .. } = self;
        let done = guarded(socket.connection(), socket.namespace(), call, || run(&mut **member, socket));
        *has_panicked |= done.is_err();
        done
    }
}

/// A namespace the client wants to be in, while the application thinks about it.
struct Deciding {
    asked: Asked,
    decision: Pin<Box<dyn Future<Output = Admission> + Send>>,
}

struct Asked {
    namespace: NamespaceName,
    /// What it is to be there.
    socket: SocketId,
    /// With the query it may have had: a refusal repeats it.
    as_written: NamespaceName,
    /// It is named by a pattern.
    is_patterned: bool,
}

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>, handshake: Handshake, link: Arc<Link>, now: Instant) -> Self {
        Self {
            client: Client::new(now, shared.client()),
            lane: shared.reach.hub.next_lane() as u32,
            allowance: shared.reach.hub.allowance(),
            shared,
            link,
            inbox: Arc::new(Inbox::new(handshake)),
            joined: Vec::new(),
            deciding: Vec::new(),
            leave_at: None,
            is_expelled: false,
            was_held_back: false,
        }
    }

    fn act(&mut self, incoming: Incoming, now: Instant) -> Result<(), CloseReason> {
        match incoming {
            Incoming::Connect { namespace, as_written, auth } => {
                let socket = self.shared.reach.hub.socket_id(self.lane as usize, || rand::rng().random());
                self.ask(Asked { namespace, socket, as_written, is_patterned: false }, auth, now)?;
            }
            Incoming::Refused { as_written, why } => self.tell_refusal(&as_written, &Refusal::new(why.to_string())),
            Incoming::Event { socket, id, event, .. } => self.hear(socket, event, id)?,
            Incoming::Ack { socket, namespace, id, arguments } => {
                self.shared.reach.acks.handle_ack(&namespace, id, socket, arguments);
            }
            Incoming::Disconnect { socket, .. } => self.leave(socket, DisconnectReason::Client)?,
            _ => {}
        }
        Ok(())
    }

    fn hear(&mut self, id: SocketId, event: Event, ack: Option<AckId>) -> Result<(), Panicked> {
        let Some(joined) = self.joined.iter_mut().find(|joined| joined.socket.id() == id) else {
            return Ok(());
        };
        let ack = ack.map(|ack| joined.socket.ack_sender(ack));
        joined.call("event", |member, socket| member.event(socket, event, ack))
    }

    fn ask(&mut self, mut asked: Asked, auth: Option<Json>, now: Instant) -> Result<(), CloseReason> {
        let Some((namespace, pattern)) = self.shared.directory.find(&asked.namespace) else {
            return self.refuse(&asked, &Refusal::new(INVALID_NAMESPACE), now);
        };
        asked.is_patterned = pattern.is_some();
        let (handshake, name) = (Arc::clone(self.inbox.handshake()), asked.namespace.clone());
        let connection = handshake.connection;
        let transport = TransportNow::new(handshake.transport, Arc::clone(&self.link));
        let (socket, reach) = (asked.socket, Arc::clone(&self.shared.reach));
        let request = ConnectRequest { handshake, namespace: name, socket, auth, transport, reach, pattern };
        let admission = guarded(connection, &asked.namespace, "connect", || namespace.connect(request))?;
        self.decide(asked, admission, now)
    }

    fn decide(&mut self, asked: Asked, admission: Admission, now: Instant) -> Result<(), CloseReason> {
        match admission {
            Admission::Accept(member) => self.join(asked, member, now),
            Admission::Refuse(Refusal { hold: Some(hold), .. }) => self.hold(hold, now),
            Admission::Refuse(refusal) => self.refuse(&asked, &refusal, now),
            Admission::TryLater { hold } => self.hold(hold, now),
            Admission::Pending(decision) => {
                self.deciding.push(Deciding { asked, decision });
                Ok(())
            }
        }
    }

    fn join(&mut self, asked: Asked, member: Box<dyn Member>, now: Instant) -> Result<(), CloseReason> {
        let namespace = &asked.namespace;
        let hub = &self.shared.reach.hub;
        let id = asked.socket;
        if asked.is_patterned {
            // Before its rooms are there: the peers are to know whose they are.
            self.shared.entered(namespace);
        }
        let connect = || {
            if !self.client.accept(namespace, id) {
                return;
            }
            let connect = Connect {
                socket: id,
                namespace: namespace.clone(),
                recipient: Arc::clone(&self.link) as Arc<dyn Recipient>,
                owner: Arc::clone(&self.inbox) as Arc<dyn hub::Owner>,
            };
            hub.connect(connect, Some(&self.allowance));
        };
        if !self.shared.directory.while_there(namespace, connect) {
            // It was removed while the application thought.
            if asked.is_patterned {
                self.shared.left(namespace);
            }
            return self.refuse(&asked, &Refusal::new(INVALID_NAMESPACE), now);
        }
        let (reach, allowance) = (Arc::clone(&self.shared.reach), Arc::clone(&self.allowance));
        let noted = member.keeps_rooms().then(Arc::default);
        let socket = Socket::new(reach, allowance, (self.inbox.handshake().connection, id, asked.namespace), noted);
        if self.joined.is_empty() {
            // Most are in one namespace: a vector that grows by itself begins with room for four.
            self.joined.reserve_exact(1);
        }
        self.joined.push(Joined { socket, member, has_panicked: false, is_patterned: asked.is_patterned });
        match self.joined.last_mut() {
            Some(joined) => joined.call("connected", |member, socket| member.connected(socket)),
            None => Ok(()),
        }
        .map_err(CloseReason::from)
    }

    fn refuse(&mut self, asked: &Asked, refusal: &Refusal, now: Instant) -> Result<(), CloseReason> {
        self.client.refuse(now, &asked.namespace).map_err(|violation| self.violated(&violation))?;
        self.tell_refusal(&asked.as_written, refusal);
        Ok(())
    }

    fn tell_refusal(&self, as_written: &NamespaceName, refusal: &Refusal) {
        let refusal = (as_written, refusal.message.as_str(), refusal.data.as_ref());
        let recipient = Arc::clone(&self.link) as Arc<dyn Recipient>;
        self.shared.reach.hub.refuse(self.lane as usize, recipient, refusal, Some(&self.allowance));
    }

    /// The client is told nothing, and has to wait: to its CONNECT there is no answer from which it would come back.
    fn hold(&mut self, hold: Duration, now: Instant) -> Result<(), CloseReason> {
        if hold.is_zero() {
            return Err(CloseReason::Unavailable);
        }
        let until = now.checked_add(hold.min(self.shared.client().connect_timeout));
        self.leave_at = self.leave_at.into_iter().chain(until).min();
        Ok(())
    }

    /// The socket is gone, for a reason other than an expulsion, of which the hub knows already.
    fn leave(&mut self, id: SocketId, reason: DisconnectReason) -> Result<(), Panicked> {
        self.shared.reach.hub.disconnect(id);
        self.forget(id, reason)
    }

    fn forget(&mut self, id: SocketId, reason: DisconnectReason) -> Result<(), Panicked> {
        self.shared.reach.acks.handle_disconnect(id);
        let Some(index) = self.joined.iter().position(|joined| joined.socket.id() == id) else {
            return Ok(());
        };
        let Joined { socket, mut member, has_panicked, is_patterned } = self.joined.swap_remove(index);
        socket.end();
        if is_patterned {
            self.shared.left(socket.namespace());
        }
        let reason = if has_panicked { DisconnectReason::Panicked } else { reason };
        guarded(socket.connection(), socket.namespace(), "disconnected", || {
            member.disconnected(&socket, reason);
            drop(member);
        })
    }

    /// A lane made a socket leave.
    fn expelled(&mut self, id: SocketId, expulsion: Expulsion) -> Result<(), CloseReason> {
        if let Expulsion::Transport(why) = expulsion {
            return Err(CloseReason::Dropped(why));
        }
        self.client.left(id);
        let told = self.forget(id, DisconnectReason::Server);
        if expulsion == Expulsion::Namespace {
            return Ok(told?);
        }
        self.is_expelled = true;
        self.deciding.clear();
        // The others are told as well, or the client would come back for them; and the connection ends behind that. A
        // panic does not change that.
        let hub = &self.shared.reach.hub;
        for Joined { socket, .. } in &self.joined {
            hub.expel(Target::socket(socket.namespace().clone(), socket.id()), Expulsion::Namespace);
        }
        let recipient = Arc::clone(&self.link) as Arc<dyn Recipient>;
        hub.close(self.lane as usize, recipient, CloseReason::Application("expelled"));
        Ok(())
    }

    /// A lane moved a socket.
    fn moved(&mut self, id: SocketId, direction: Direction, rooms: &[Room]) -> Result<(), Panicked> {
        let Some(moved) = self.joined.iter_mut().find(|joined| joined.socket.id() == id) else {
            return Ok(());
        };
        if let Some(noted) = moved.socket.noted() {
            noted.note(direction, rooms);
        }
        let (joined, left) = match direction {
            Direction::Join => (rooms, &[][..]),
            Direction::Leave => (&[][..], rooms),
        };
        moved.call("moved", |member, socket| member.moved(socket, joined, left))
    }

    fn violated(&self, violation: &Violation) -> CloseReason {
        let Handshake { connection, address, .. } = &**self.inbox.handshake();
        let address = address.map(tracing::field::display);
        tracing::debug!(connection, address, %violation, "client broke the protocol");
        CloseReason::Violation(violation.label())
    }

    /// Asks for the decisions that are due.
    fn poll_decisions(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<(), CloseReason> {
        let mut index = 0;
        while let Some(Deciding { asked, decision }) = self.deciding.get_mut(index) {
            match guarded(self.inbox.handshake().connection, &asked.namespace, "connect", || {
                decision.as_mut().poll(cx)
            })? {
                Poll::Pending => index += 1,
                // A decision that leads to another one is asked again at the end.
                Poll::Ready(admission) => {
                    let Deciding { asked, .. } = self.deciding.swap_remove(index);
                    if self.deciding.is_empty() {
                        // Mostly for good.
                        self.deciding = Vec::new();
                    }
                    self.decide(asked, admission, now)?;
                }
            }
        }
        Ok(())
    }

    fn poll_members(&mut self, cx: &mut Context<'_>) -> Result<(), Panicked> {
        self.joined.iter_mut().try_for_each(|joined| joined.call("poll", |member, socket| member.poll(socket, cx)))
    }

    /// Lets the members do what they have to do by now.
    fn time_members_out(&mut self, now: Instant) -> Result<(), Panicked> {
        let mut due =
            self.joined.iter_mut().filter(|joined| joined.member.poll_timeout().is_some_and(|due| due <= now));
        due.try_for_each(|joined| joined.call("handle_timeout", |member, socket| member.handle_timeout(socket, now)))
    }
}

impl engineio::Connection for Connection {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let readiness = match self.joined.iter().all(|joined| joined.member.is_ready()) {
            true => self.allowance.poll_ready(cx),
            // It is asked again when one has been polled, or its time has come.
            false => Poll::Pending,
        };
        self.was_held_back |= readiness.is_pending();
        readiness
    }

    fn handle_message(&mut self, message: Message, now: Instant) -> Result<(), CloseReason> {
        if self.is_expelled {
            return Ok(());
        }
        // All that exist may be joined, also those that were added since it came.
        self.client.allow_namespaces(self.shared.directory.len());
        let incoming = match message {
            // The transport has checked it: that is what the engine's type says.
            Message::Text(text) => self.client.handle_text(now, Text::from_checked(text.into_bytes())),
            Message::Binary(data) => self.client.handle_binary(now, data),
        };
        match incoming {
            Ok(Some(incoming)) => self.act(incoming, now),
            Ok(None) => Ok(()),
            Err(violation) => Err(self.violated(&violation)),
        }
    }

    fn poll_work(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Result<(), CloseReason>> {
        for (id, news) in self.inbox.take(cx) {
            let told = match news {
                News::Expelled(expulsion) => self.expelled(id, expulsion),
                News::Moved(direction, rooms) => self.moved(id, direction, &rooms).map_err(CloseReason::from),
            };
            if let Err(reason) = told {
                return Poll::Ready(Err(reason));
            }
        }
        match self.poll_decisions(cx, now).and_then(|()| Ok(self.poll_members(cx)?)) {
            Ok(()) => Poll::Pending,
            Err(reason) => Poll::Ready(Err(reason)),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let members = self.joined.iter().filter_map(|joined| joined.member.poll_timeout());
        members.chain(self.leave_at).chain(self.client.poll_timeout()).min()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), CloseReason> {
        if self.leave_at.is_some_and(|leave_at| leave_at <= now) {
            return Err(CloseReason::Unavailable);
        }
        self.time_members_out(now)?;
        if std::mem::take(&mut self.was_held_back) {
            self.client.excuse_silence(now);
        }
        self.client.handle_timeout(now).map_err(|violation| self.violated(&violation))
    }

    fn handle_close(&mut self, reason: CloseReason) {
        self.shared.closes.count(self.inbox.handshake().connection, reason);
        // A connection that was expelled from is closed behind the last of these.
        for (id, news) in self.inbox.take_last() {
            if matches!(news, News::Expelled(Expulsion::Namespace | Expulsion::Connection)) {
                let _ = self.forget(id, DisconnectReason::Server);
            }
        }
        while let Some(joined) = self.joined.first() {
            // One that panics is logged, and the others are told all the same.
            let _ = self.leave(joined.socket.id(), DisconnectReason::Closed(reason));
        }
    }
}

/// There are sockets left only when the engine's own task has panicked.
impl Drop for Connection {
    fn drop(&mut self) {
        for Joined { socket, is_patterned, .. } in self.joined.drain(..) {
            socket.end();
            if is_patterned {
                self.shared.left(socket.namespace());
            }
            self.shared.reach.hub.disconnect(socket.id());
            self.shared.reach.acks.handle_disconnect(socket.id());
        }
    }
}

impl From<Panicked> for CloseReason {
    fn from(_: Panicked) -> Self {
        Self::Internal
    }
}

/// The reference's word for a namespace that does not exist.
const INVALID_NAMESPACE: &str = "Invalid namespace";
