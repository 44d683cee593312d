//! One client's connection, between the engine and the application.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use engineio::proto::{CloseReason, Message, Recipient};
use engineio::{Handshake, Link};
use hub::{Allowance, Client, Connect, Expulsion, Incoming, SocketId, Target, Violation};
use rand::RngExt;
use socketio_codec::{Json, Namespace, Text};

use crate::handler::{Admission, ConnectRequest, DisconnectReason, Handler, Refusal};
use crate::inbox::Inbox;
use crate::server::Shared;
use crate::socket::Socket;

/// Owned by the session's task: turns messages into calls of the application's handlers.
pub(crate) struct Connection {
    shared: Arc<Shared>,
    link: Arc<Link>,
    handshake: Arc<Handshake>,
    client: Client,
    inbox: Arc<Inbox>,
    members: Vec<Member>,
    deciding: Vec<Deciding>,
    /// It was expelled from, and ends when the lane gets to it: what the client says until then is not heard.
    is_expelled: bool,
    /// That of all its sockets.
    lane: usize,
    /// What it may have on its way.
    allowance: Arc<Allowance>,
}

/// A namespace the client is in.
struct Member {
    socket: Socket,
    handler: Arc<dyn Handler>,
}

/// A namespace the client wants to be in, while the application thinks about it.
struct Deciding {
    asked: Asked,
    decision: Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>,
}

struct Asked {
    namespace: Namespace,
    /// With the query it may have had: a refusal repeats it.
    as_written: Namespace,
    auth: Option<Json>,
    handler: Arc<dyn Handler>,
}

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>, handshake: Handshake, link: Arc<Link>, now: Instant) -> Self {
        Self {
            client: Client::new(now, Arc::clone(&shared.client)),
            lane: shared.reach.hub.next_lane(),
            allowance: shared.reach.hub.allowance(),
            shared,
            link,
            handshake: Arc::new(handshake),
            inbox: Arc::default(),
            members: Vec::new(),
            deciding: Vec::new(),
            is_expelled: false,
        }
    }

    fn act(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Connect { namespace, as_written, auth } => self.ask(namespace, as_written, auth),
            Incoming::Event { socket, id, event, .. } => {
                if let Some(Member { socket, handler }) = self.member(socket) {
                    handler.event(socket, event, id.map(|id| socket.ack_sender(id)));
                }
            }
            Incoming::Ack { socket, namespace, id, arguments } => {
                self.shared.reach.acks.handle_ack(&namespace, id, socket, arguments);
            }
            Incoming::Disconnect { socket, .. } => self.leave(socket, DisconnectReason::Client),
            _ => {}
        }
    }

    fn ask(&mut self, namespace: Namespace, as_written: Namespace, auth: Option<Json>) {
        let Some(handler) = self.shared.namespaces.get(namespace.as_str()).cloned() else {
            return self.refuse(&namespace, &as_written, &Refusal::new("Invalid namespace"));
        };
        let request =
            ConnectRequest { handshake: Arc::clone(&self.handshake), namespace: namespace.clone(), auth: auth.clone() };
        let admission = handler.connect(request);
        let asked = Asked { namespace, as_written, auth, handler };
        match admission {
            Admission::Accept => self.decide(asked, Ok(())),
            Admission::Refuse(refusal) => self.decide(asked, Err(refusal)),
            Admission::Pending(decision) => self.deciding.push(Deciding { asked, decision }),
        }
    }

    fn decide(&mut self, asked: Asked, decision: Result<(), Refusal>) {
        match decision {
            Ok(()) => self.join(asked),
            Err(refusal) => self.refuse(&asked.namespace, &asked.as_written, &refusal),
        }
    }

    fn join(&mut self, asked: Asked) {
        let Asked { namespace, auth, handler, .. } = asked;
        let hub = &self.shared.reach.hub;
        let id = hub.socket_id(self.lane, || rand::rng().random());
        if !self.client.accept(&namespace, id) {
            return;
        }
        let connect = Connect {
            socket: id,
            namespace: namespace.clone(),
            recipient: Arc::clone(&self.link) as Arc<dyn Recipient>,
            owner: Arc::clone(&self.inbox) as Arc<dyn hub::Owner>,
        };
        hub.connect(connect, Some(&self.allowance));
        let (reach, allowance) = (Arc::clone(&self.shared.reach), Arc::clone(&self.allowance));
        let socket = Socket::new(reach, allowance, id, namespace, Arc::clone(&self.handshake), auth);
        self.members.push(Member { socket: socket.clone(), handler: Arc::clone(&handler) });
        handler.connected(&socket);
    }

    fn refuse(&mut self, namespace: &Namespace, as_written: &Namespace, refusal: &Refusal) {
        self.client.refuse(namespace);
        let refusal = (as_written, refusal.message.as_str(), refusal.data.as_ref());
        let recipient = Arc::clone(&self.link) as Arc<dyn Recipient>;
        self.shared.reach.hub.refuse(self.lane, recipient, refusal, Some(&self.allowance));
    }

    /// The socket is gone, for a reason other than an expulsion, of which the hub knows already.
    fn leave(&mut self, id: SocketId, reason: DisconnectReason) {
        self.shared.reach.hub.disconnect(id);
        self.forget(id, reason);
    }

    fn forget(&mut self, id: SocketId, reason: DisconnectReason) {
        self.shared.reach.acks.handle_disconnect(id);
        if let Some(index) = self.members.iter().position(|member| member.socket.id() == id) {
            let Member { socket, handler } = self.members.swap_remove(index);
            handler.disconnected(&socket, reason);
        }
    }

    /// A lane made a socket leave.
    fn expelled(&mut self, id: SocketId, expulsion: Expulsion) {
        self.client.left(id);
        self.forget(id, DisconnectReason::Server);
        if expulsion == Expulsion::Namespace {
            return;
        }
        self.is_expelled = true;
        self.deciding.clear();
        // The others are told as well, or the client would come back for them; and the connection ends behind that.
        let hub = &self.shared.reach.hub;
        for Member { socket, .. } in &self.members {
            hub.expel(Target::socket(socket.namespace().clone(), socket.id()), Expulsion::Namespace);
        }
        let recipient = Arc::clone(&self.link) as Arc<dyn Recipient>;
        hub.close(self.lane, recipient, CloseReason::Application("expelled"));
    }

    fn member(&self, id: SocketId) -> Option<&Member> {
        self.members.iter().find(|member| member.socket.id() == id)
    }

    fn violated(&self, violation: &Violation) -> CloseReason {
        tracing::debug!(address = ?self.handshake.address, %violation, "client broke the protocol");
        CloseReason::Application(violation.label())
    }
}

impl engineio::Connection for Connection {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.allowance.poll_ready(cx)
    }

    fn handle_message(&mut self, message: Message, now: Instant) -> Result<(), CloseReason> {
        if self.is_expelled {
            return Ok(());
        }
        let incoming = match message {
            Message::Text(text) => match Text::try_from(text) {
                Ok(text) => self.client.handle_text(now, text),
                // The engine checked it.
                Err(_) => return Err(CloseReason::ParseError),
            },
            Message::Binary(data) => self.client.handle_binary(now, data),
        };
        match incoming {
            Ok(Some(incoming)) => self.act(incoming),
            Ok(None) => {}
            Err(violation) => return Err(self.violated(&violation)),
        }
        Ok(())
    }

    fn poll_work(&mut self, cx: &mut Context<'_>, _: Instant) -> Poll<Result<(), CloseReason>> {
        for (id, expulsion) in self.inbox.take(cx) {
            self.expelled(id, expulsion);
        }
        let mut index = 0;
        while let Some(deciding) = self.deciding.get_mut(index) {
            match deciding.decision.as_mut().poll(cx) {
                Poll::Pending => index += 1,
                Poll::Ready(decision) => {
                    let Deciding { asked, .. } = self.deciding.swap_remove(index);
                    self.decide(asked, decision);
                }
            }
        }
        Poll::Pending
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.client.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), CloseReason> {
        self.client.handle_timeout(now).map_err(|violation| self.violated(&violation))
    }

    fn handle_close(&mut self, reason: CloseReason) {
        self.shared.count_close(reason);
        // A connection that was expelled from is closed behind the last of these.
        for (id, _) in self.inbox.take_last() {
            self.forget(id, DisconnectReason::Server);
        }
        while let Some(member) = self.members.first() {
            self.leave(member.socket.id(), DisconnectReason::Closed(reason));
        }
    }
}

/// There are members left only when a handler has panicked while it was told that another one left.
impl Drop for Connection {
    fn drop(&mut self) {
        for Member { socket, .. } in self.members.drain(..) {
            self.shared.reach.hub.disconnect(socket.id());
            self.shared.reach.acks.handle_disconnect(socket.id());
        }
    }
}
