//! The machine with its WebSocket and its clock.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use engineio_proto::Utf8;
use futures_util::{SinkExt, StreamExt};
use socketio_codec::{AckId, Arguments, EventName};
use tokio::time::{Sleep, sleep_until};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::dial::{Dialer, WebSocket, tls};
use crate::failure::Failure;
use crate::frame::Frame;
use crate::happening::{EmitError, End, Happening};
use crate::machine::{Action, Machine};
use crate::options::Options;

/// A Socket.IO client of one namespace.
///
/// It has no task of its own: all that it does it does within [`next`](Self::next) and [`close`](Self::close). So whoever
/// has one calls `next` again and again; who does not for longer than the server's `pingTimeout` is taken for dead there,
/// and comes back with the next call. What is not read does not pile up: it stays in the network until then.
///
/// Dropping it drops the connection; `close` says goodbye.
pub struct Client {
    machine: Machine,
    link: Link,
    dialer: Arc<Dialer>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// The connection, as far as there is one.
enum Link {
    None,
    Dialing(Pin<Box<dyn Future<Output = Result<Box<WebSocket>, Failure>> + Send>>),
    Open(Box<WebSocket>),
}

/// What ended the waiting.
enum Wake {
    Dialed(Result<Box<WebSocket>, Failure>),
    Received(Message),
    Closed(Failure),
    TimedOut,
}

impl Client {
    /// A client that begins to connect when [`next`](Self::next) is called.
    ///
    /// # Errors
    /// If the server is to be asked by TLS and the system has no certificates to know one by: install `ca-certificates`,
    /// or name a file by `SSL_CERT_FILE`.
    pub fn new(options: Options) -> Result<Self, NoCertificates> {
        let Options { server, headers, machine: config } = options;
        let tls = if server.is_secure { Some(tls().ok_or(NoCertificates)?) } else { None };
        let dialer = Dialer { server, headers, message_bytes_max: config.message_bytes_max, tls };
        let machine = Machine::new(config, rand::random(), Instant::now());
        Ok(Self { machine, link: Link::None, dialer: Arc::new(dialer), timer: None })
    }

    /// A client that is connected.
    ///
    /// # Errors
    /// How it ended instead. [`Reconnect::first_attempts_max`](crate::Reconnect::first_attempts_max) says how often it is
    /// tried.
    pub async fn connect(options: Options) -> Result<Self, ConnectError> {
        let mut client = Self::new(options).map_err(|NoCertificates| ConnectError::NoCertificates)?;
        loop {
            match client.next().await {
                Some(Happening::Connected { .. }) => return Ok(client),
                Some(Happening::Ended(end)) => return Err(ConnectError::Ended(end)),
                // Another attempt.
                Some(_) => {}
                None => unreachable!("the end was said before"),
            }
        }
    }

    /// Waits for what happens next; `None` after [`Happening::Ended`].
    ///
    /// Nothing is lost if the future is dropped and this called again, as `tokio::select!` does.
    pub async fn next(&mut self) -> Option<Happening> {
        loop {
            self.act();
            if let Some(happening) = self.machine.poll_happening() {
                return Some(happening);
            }
            self.machine.poll_timeout()?;
            let wake = poll_fn(|cx| self.poll_wake(cx)).await;
            self.handle(wake);
        }
    }

    /// Emits an event: hands it to the client, which sends it within [`next`](Self::next) or [`close`](Self::close).
    ///
    /// # Errors
    /// Why not. What is refused is not sent later.
    pub fn emit(&mut self, name: &EventName, arguments: &Arguments) -> Result<(), EmitError> {
        self.machine.emit(name, arguments)
    }

    /// Emits an event that the server is to acknowledge within a time: [`Happening::Answered`] has the id that this gives.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn emit_with_ack(
        &mut self,
        name: &EventName,
        arguments: &Arguments,
        timeout: Duration,
    ) -> Result<AckId, EmitError> {
        self.machine.emit_with_ack(Instant::now(), name, arguments, timeout)
    }

    /// Acknowledges an event that came with an id.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn acknowledge(&mut self, id: AckId, arguments: &Arguments) -> Result<(), EmitError> {
        self.machine.acknowledge(id, arguments)
    }

    /// Sends what waits, makes sure that the server has read it
    /// (within [`Options::close_timeout`]), and leaves (within 2 s more). What comes meanwhile is dropped.
    pub async fn close(mut self) -> End {
        self.machine.close(Instant::now());
        loop {
            match self.next().await {
                Some(Happening::Ended(end)) => return end,
                Some(_) => {}
                // It had ended before.
                None => return End::Closed { is_heard: false },
            }
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            self.link = match action {
                Action::Dial => Link::Dialing(Box::pin(Arc::clone(&self.dialer).dial())),
                Action::HangUp => Link::None,
            };
        }
    }

    fn handle(&mut self, wake: Wake) {
        let now = Instant::now();
        match wake {
            Wake::Dialed(Ok(websocket)) => {
                self.link = Link::Open(websocket);
                self.machine.handle_dialed();
            }
            Wake::Dialed(Err(why)) => {
                self.link = Link::None;
                self.machine.handle_dial_failed(now, why);
            }
            Wake::Received(Message::Text(text)) => self.machine.handle_text(now, &Utf8::from_checked(text.into())),
            Wake::Received(Message::Binary(bytes)) => self.machine.handle_binary(now, bytes),
            Wake::Received(Message::Pong(data)) => self.machine.handle_pong(now, &data),
            Wake::Received(Message::Close(frame)) => {
                let (code, reason) = frame.map(|frame| (frame.code.into(), frame.reason.to_string())).unzip();
                let why = Failure::Closed { code, reason: reason.unwrap_or_default() };
                self.machine.handle_closed(now, why);
            }
            // tungstenite answers pings itself.
            Wake::Received(Message::Ping(_) | Message::Frame(_)) => self.machine.handle_other(now),
            Wake::Closed(why) => self.machine.handle_closed(now, why),
            Wake::TimedOut => {}
        }
        // Also behind a message: a server that never pauses is no reason to wait for ever.
        if self.machine.poll_timeout().is_some_and(|at| at <= now) {
            self.machine.handle_timeout(now);
        }
    }

    /// What has arrived goes before the time.
    fn poll_wake(&mut self, cx: &mut Context<'_>) -> Poll<Wake> {
        let io = match &mut self.link {
            Link::None => Poll::Pending,
            Link::Dialing(dial) => dial.as_mut().poll(cx).map(Wake::Dialed),
            Link::Open(websocket) => match poll_send(websocket, &mut self.machine, cx) {
                Ok(()) => poll_receive(websocket, cx),
                // What the server said before it went is still to be read.
                Err(error) => match poll_receive(websocket, cx) {
                    Poll::Ready(Wake::Received(message)) => Poll::Ready(Wake::Received(message)),
                    _ => Poll::Ready(Wake::Closed(failure(&error))),
                },
            },
        };
        if io.is_ready() { io } else { self.poll_time(cx) }
    }

    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<Wake> {
        let Some(at) = self.machine.poll_timeout() else {
            return Poll::Pending;
        };
        // Not left to the timer alone: where what comes takes the task's whole turn, again and again, and is never a message, the
        // runtime has the timer wait for the next one.
        if at <= Instant::now() {
            return Poll::Ready(Wake::TimedOut);
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at.into())));
        if timer.deadline() != at.into() {
            timer.as_mut().reset(at.into());
        }
        timer.as_mut().poll(cx).map(|()| Wake::TimedOut)
    }
}

/// Sends what the WebSocket takes.
fn poll_send(websocket: &mut WebSocket, machine: &mut Machine, cx: &mut Context<'_>) -> Result<(), Error> {
    loop {
        match websocket.poll_ready_unpin(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Pending => return Ok(()),
        }
        let Some(frame) = machine.poll_frame() else {
            break;
        };
        websocket.start_send_unpin(message(frame))?;
    }
    match websocket.poll_flush_unpin(cx) {
        Poll::Ready(Err(error)) => Err(error),
        Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
    }
}

fn poll_receive(websocket: &mut WebSocket, cx: &mut Context<'_>) -> Poll<Wake> {
    websocket.poll_next_unpin(cx).map(|received| match received {
        Some(Ok(message)) => Wake::Received(message),
        Some(Err(error)) => Wake::Closed(failure(&error)),
        None => Wake::Closed(Failure::Closed { code: None, reason: String::new() }),
    })
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::text(text),
        Frame::Binary(bytes) => Message::Binary(bytes),
        Frame::Ping(data) => Message::Ping(data),
        Frame::Close => Message::Close(None),
    }
}

fn failure(error: &Error) -> Failure {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Failure::Closed { code: None, reason: String::new() },
        Error::Io(error) => Failure::Broken(error.to_string()),
        Error::Protocol(error) => Failure::Broken(error.to_string()),
        error => Failure::Broken(error.to_string()),
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("machine", &self.machine).finish_non_exhaustive()
    }
}

/// There are no certificates to know a server by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoCertificates;

/// Why [`Client::connect`] has no client to give.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// There are no certificates to know the server by.
    NoCertificates,
    /// How the client ended.
    Ended(End),
}

impl fmt::Display for NoCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no root certificates: install ca-certificates, or name a file by SSL_CERT_FILE")
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificates => NoCertificates.fmt(f),
            Self::Ended(end) => end.fmt(f),
        }
    }
}

impl std::error::Error for NoCertificates {}
impl std::error::Error for ConnectError {}
