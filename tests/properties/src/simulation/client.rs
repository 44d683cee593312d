//! A client, by its wire.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use engineio_proto::{Answer, CloseReason, Message, Packet, Payload, Recipient, Utf8};

use super::Dice;
use super::link::Link;
use super::network::{PollId, Reply, Request, Stream};
use super::server::Server;

pub(crate) struct Client {
    number: usize,
    link: Arc<Link>,
    way: Way,
    /// Packets that it wants to send.
    outgoing: VecDeque<String>,
    /// The poll that is not answered yet, and whether it has arrived.
    poll: Option<(PollId, bool)>,
    polls: PollId,
    /// What has come of an answer, and what is still to come.
    answer: Option<(Answer, Vec<u8>)>,
    post: Post,
    /// Bytes of a frame that has not come whole.
    frame: Vec<u8>,
    is_connected: bool,
    is_stalled: bool,
    said: usize,
    received: Vec<(usize, usize)>,
}

#[derive(Debug)]
enum Way {
    Polling,
    /// It has asked on a WebSocket whether that works; at first on its way to the server.
    Probing {
        stream: Arc<Stream>,
        is_asked: bool,
    },
    /// That works: no more polls and posts, and when none is under way, it changes over.
    Pausing(Arc<Stream>),
    WebSocket(Arc<Stream>),
    Closed,
}

#[derive(Debug)]
enum Post {
    None,
    /// Its head is on its way, or waits.
    Asked {
        body: String,
        has_arrived: bool,
    },
    /// Its body was read, and its packets are being handled.
    Handled,
}

impl Client {
    pub(crate) fn open(number: usize, server: &mut Server, dice: &mut Dice, now: Instant) -> Self {
        let stream = dice.once_in(3).then(|| stream(dice));
        let link = server.open(stream.clone(), now);
        Self {
            number,
            link,
            way: stream.map_or(Way::Polling, Way::WebSocket),
            outgoing: VecDeque::from(["40".to_owned()]),
            poll: None,
            polls: 0,
            answer: None,
            post: Post::None,
            frame: Vec::new(),
            is_connected: false,
            is_stalled: false,
            said: 0,
            received: Vec::new(),
        }
    }

    /// The next event, if it may say any.
    pub(crate) fn say(&mut self, dice: &mut Dice) {
        if self.is_connected && self.said < EVENTS_MAX && !matches!(self.way, Way::Closed) {
            let longest = if dice.once_in(20) { 3_000 } else { 30 };
            let padding = "x".repeat(dice.below(longest) as usize);
            self.outgoing.push_back(format!(r#"42["e",{},{},"{padding}"]"#, self.number, self.said));
            self.said += 1;
        }
    }

    /// Sends something, or lets something that was sent arrive.
    pub(crate) fn send(&mut self, dice: &mut Dice) {
        match &self.way {
            Way::Closed => {}
            Way::WebSocket(stream) => {
                if let Some(packet) = self.outgoing.pop_front() {
                    stream.send(Utf8::from(packet));
                }
            }
            // What is sent by one connection has no order with what is sent by another.
            _ => match dice.below(3) {
                0 => self.send_poll(),
                1 => self.send_post(dice),
                _ => self.send_probe(),
            },
        }
    }

    fn send_poll(&mut self) {
        match &mut self.poll {
            None if self.answer.is_none() && matches!(self.way, Way::Polling | Way::Probing { .. }) => {
                self.polls += 1;
                self.poll = Some((self.polls, false));
            }
            Some((poll, has_arrived @ false)) => {
                *has_arrived = true;
                self.link.request(Request::Poll(*poll));
            }
            _ => {}
        }
    }

    fn send_post(&mut self, dice: &mut Dice) {
        match &mut self.post {
            Post::None if !self.outgoing.is_empty() && matches!(self.way, Way::Polling | Way::Probing { .. }) => {
                let count = 1 + dice.below(self.outgoing.len() as u64) as usize;
                let body = self.outgoing.drain(..count).collect::<Vec<_>>().join("\x1e");
                self.post = Post::Asked { body, has_arrived: false };
            }
            Post::Asked { has_arrived: has_arrived @ false, .. } => {
                *has_arrived = true;
                self.link.port().is_post_handled = false;
                self.link.request(Request::Post);
            }
            Post::Asked { body, .. } => {
                let welcome = self.link.port().is_post_welcome.take();
                match welcome {
                    None => {}
                    Some(true) => {
                        let body = Utf8::from(std::mem::take(body));
                        self.post = Post::Handled;
                        self.link.request(Request::PostBody(body));
                    }
                    Some(false) => self.close(),
                }
            }
            Post::Handled => {
                if std::mem::take(&mut self.link.port().is_post_handled) {
                    self.post = Post::None;
                }
            }
            Post::None => {}
        }
    }

    fn send_probe(&mut self) {
        match &mut self.way {
            Way::Probing { stream, is_asked: is_asked @ false } => {
                *is_asked = true;
                stream.send(Utf8::from("2probe"));
                self.link.request(Request::Candidate(Arc::clone(stream)));
            }
            Way::Pausing(stream) if self.poll.is_none() && self.answer.is_none() && matches!(self.post, Post::None) => {
                stream.send(Utf8::from("5"));
                self.way = Way::WebSocket(Arc::clone(stream));
            }
            _ => {}
        }
    }

    pub(crate) fn begin_upgrade(&mut self, dice: &mut Dice) {
        if matches!(self.way, Way::Polling) && self.is_connected {
            self.way = Way::Probing { stream: stream(dice), is_asked: false };
        }
    }

    pub(crate) fn pause_or_resume(&mut self) {
        self.is_stalled = !self.is_stalled;
    }

    pub(crate) fn resume(&mut self) {
        self.is_stalled = false;
    }

    /// It is switched off.
    pub(crate) fn go_away(&mut self) {
        if let Some((poll, true)) = self.poll {
            self.link.lose(poll);
        }
        if !matches!(self.way, Way::WebSocket(_)) || self.polls > 0 {
            // A client that is nowhere, or in the middle of its upgrade, would only be missed by its heartbeat.
            self.link.close(CloseReason::TransportClose);
        }
        self.close();
    }

    fn close(&mut self) {
        match &self.way {
            Way::WebSocket(stream) | Way::Pausing(stream) | Way::Probing { stream, .. } => stream.cut(),
            Way::Polling | Way::Closed => {}
        }
        self.way = Way::Closed;
        (self.poll, self.answer, self.post) = (None, None, Post::None);
        self.outgoing.clear();
    }

    /// Reads a part of what has come.
    pub(crate) fn receive(&mut self, dice: &mut Dice) {
        if self.is_stalled || matches!(self.way, Way::Closed) {
            return;
        }
        self.receive_answer(dice);
        let stream = match &self.way {
            Way::Probing { stream, is_asked: true } | Way::Pausing(stream) | Way::WebSocket(stream) => {
                Arc::clone(stream)
            }
            _ => return,
        };
        self.frame.extend(stream.read(dice.below(600) as usize));
        while let Some(text) = take_frame(&mut self.frame) {
            self.hear(Packet::decode(&text).expect("the server says what is right"));
        }
        if stream.is_cut() && stream.is_empty() {
            match self.way {
                // It goes on polling.
                Way::Probing { .. } => {
                    self.frame.clear();
                    self.way = Way::Polling;
                }
                _ => self.close(),
            }
        }
    }

    fn receive_answer(&mut self, dice: &mut Dice) {
        if self.answer.is_none() {
            let reply = self.link.port().replies.pop_front();
            match reply {
                None => return,
                Some((poll, reply)) => {
                    assert_eq!(self.poll, Some((poll, true)), "an answer is to the poll that waits");
                    self.poll = None;
                    match reply {
                        Reply::Payload(answer) => self.answer = Some((answer, Vec::new())),
                        Reply::Refused => return self.close(),
                    }
                }
            }
        }
        let Some((answer, bytes)) = &mut self.answer else { return };
        if answer.is_aborted() {
            return self.close();
        }
        for _ in 0..dice.below(3) {
            match answer.next_chunk() {
                Some(chunk) => bytes.extend_from_slice(chunk.bytes()),
                None => {
                    let body = Bytes::from(std::mem::take(bytes));
                    self.answer = None;
                    for packet in Payload::new(body) {
                        self.hear(packet.expect("the server says what is right"));
                    }
                    return;
                }
            }
        }
    }

    fn hear(&mut self, packet: Packet) {
        match packet {
            Packet::Ping(_) => self.outgoing.push_back("3".to_owned()),
            Packet::Pong(data) => {
                assert_eq!(&data[..], b"probe");
                if let Way::Probing { stream, .. } = &self.way {
                    self.way = Way::Pausing(Arc::clone(stream));
                }
            }
            Packet::Message(Message::Text(text)) => self.hear_message(&String::from_utf8_lossy(&text)),
            Packet::Noop => {}
            Packet::Close => self.close(),
            other => panic!("a server does not say {other:?}"),
        }
    }

    fn hear_message(&mut self, text: &str) {
        if text.starts_with('0') {
            assert!(!std::mem::replace(&mut self.is_connected, true), "it is greeted once");
            return;
        }
        assert!(self.is_connected, "nothing comes before the greeting");
        let mut numbers = text.strip_prefix(r#"2["e","#).expect("an event").split(',').map(str::parse);
        let (Some(Ok(sender)), Some(Ok(number))) = (numbers.next(), numbers.next()) else {
            panic!("{text} was not sent")
        };
        self.received.push((sender, number));
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        match &self.way {
            Way::Closed => true,
            Way::WebSocket(stream) => stream.is_empty() && self.outgoing.is_empty() && self.frame.is_empty(),
            Way::Probing { .. } | Way::Pausing(_) => false,
            Way::Polling => {
                let waits = matches!(self.poll, Some((_, true))) && self.answer.is_none();
                waits
                    && self.link.port().replies.is_empty()
                    && self.outgoing.is_empty()
                    && matches!(self.post, Post::None)
            }
        }
    }

    pub(crate) fn is_polling(&self) -> bool {
        matches!(self.way, Way::Polling)
    }

    pub(crate) fn is_upgraded(&self) -> bool {
        matches!(self.way, Way::WebSocket(_)) && self.polls > 0
    }

    pub(crate) fn said(&self) -> usize {
        self.said
    }

    pub(crate) fn received_of(&self, sender: usize) -> Vec<usize> {
        self.received.iter().filter(|(from, _)| *from == sender).map(|(_, number)| *number).collect()
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, way, outgoing, poll, answer, post, .. } = self;
        write!(f, "{number}: {way:?}, {outgoing:?}, {poll:?}, {}, {post:?}", answer.is_some())
    }
}

fn stream(dice: &mut Dice) -> Arc<Stream> {
    Stream::new(1 + dice.below(6_000) as usize, !dice.once_in(3))
}

/// The payload of the first frame, once it has come whole.
fn take_frame(bytes: &mut Vec<u8>) -> Option<Bytes> {
    let (header, len) = match bytes.get(..2)? {
        [_, 126] => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        [_, 127] => panic!("nothing is so long here"),
        [_, len] => (2, usize::from(*len)),
        _ => return None,
    };
    if bytes.len() < header + len {
        return None;
    }
    let frame: Vec<u8> = bytes.drain(..header + len).collect();
    Some(Bytes::from(frame).slice(header..))
}

const EVENTS_MAX: usize = 60;
