//! A client that polls.

use std::cell::RefCell;
use std::rc::Rc;

use super::Signal;
use super::inflater::Inflater;
use crate::wire::http::{Response, get_request, post_request};

/// One request after the other, on one connection: a ping is answered before the next poll.
#[derive(Debug)]
pub(crate) struct Polling {
    host: String,
    /// Empty until the handshake is answered.
    sid: String,
    /// The message by which it connects to the namespace.
    connect: &'static [u8],
    /// For one that accepts compressed answers.
    inflater: Option<Rc<RefCell<Inflater>>>,
    asked: Asked,
    is_leaving: bool,
    /// What has come of the response.
    response: Vec<u8>,
}

/// `Handshake ──► Connect ──► Poll ◄──► Pong`, and `Nothing` once it has left for a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Handshake,
    Connect,
    Poll,
    Pong,
    Nothing,
}

impl Polling {
    /// Begins, with the handshake.
    pub(crate) fn start(
        host: &str,
        connect: &'static [u8],
        inflater: Option<Rc<RefCell<Inflater>>>,
        out: &mut Vec<u8>,
    ) -> Self {
        out.extend_from_slice(&get_request(host, None, inflater.is_some()));
        Self {
            host: host.to_owned(),
            sid: String::new(),
            connect,
            inflater,
            asked: Asked::Handshake,
            is_leaving: false,
            response: Vec::new(),
        }
    }

    /// The session's id, for other connections of the client.
    pub(crate) fn sid(&self) -> &str {
        &self.sid
    }

    /// Asks nothing more once the present poll is answered.
    pub(crate) fn leave(&mut self) {
        self.is_leaving = true;
    }

    /// Whether it was told to leave and nothing is on its way.
    pub(crate) fn has_left(&self) -> bool {
        self.asked == Asked::Nothing
    }

    /// Takes what was read, asks on into `out`.
    pub(crate) fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>, signal: &mut impl FnMut(Signal<'_>)) {
        self.response.extend_from_slice(bytes);
        while let Some(response) = Response::read(&self.response) {
            self.response.drain(..response.bytes);
            self.response.shrink_to(KEPT_RESPONSE_BYTES);
            if !response.is_ok {
                signal(Signal::Closed("a response other than 200"));
                return;
            }
            let inflated = match &self.inflater {
                Some(inflater) if response.is_gzip => inflater.borrow_mut().inflate(&response.body),
                _ => None,
            };
            if response.is_gzip && inflated.is_none() {
                signal(Signal::Closed("a body that is no gzip, or was not asked for"));
                return;
            }
            self.handle(inflated.as_deref().unwrap_or(&response.body), out, signal);
        }
    }

    fn handle(&mut self, body: &[u8], out: &mut Vec<u8>, signal: &mut impl FnMut(Signal<'_>)) {
        let next = match self.asked {
            Asked::Handshake => {
                let Some(sid) = sid_of(body) else {
                    signal(Signal::Closed("a handshake without a sid"));
                    return;
                };
                self.sid = sid;
                Asked::Connect
            }
            Asked::Connect | Asked::Pong | Asked::Nothing => Asked::Poll,
            Asked::Poll => self.handle_packets(body, signal),
        };
        self.asked = if next == Asked::Poll && self.is_leaving { Asked::Nothing } else { next };
        match self.asked {
            Asked::Connect => out.extend_from_slice(&post_request(&self.host, &self.sid, self.connect)),
            Asked::Pong => out.extend_from_slice(&post_request(&self.host, &self.sid, b"3")),
            Asked::Handshake | Asked::Poll => {
                out.extend_from_slice(&get_request(&self.host, Some(&self.sid), self.inflater.is_some()));
            }
            Asked::Nothing => {}
        }
    }

    fn handle_packets(&self, body: &[u8], signal: &mut impl FnMut(Signal<'_>)) -> Asked {
        let mut next = Asked::Poll;
        for packet in body.split(|byte| *byte == PACKET_SEPARATOR) {
            match packet {
                [b'4', b'2', ..] => signal(Signal::Event(packet)),
                [b'4', b'0', ..] => signal(Signal::Ready),
                [b'2'] => {
                    signal(Signal::Ping);
                    next = Asked::Pong;
                }
                [b'6'] => {}
                _ => signal(Signal::Closed("a packet other than an event")),
            }
        }
        next
    }
}

fn sid_of(body: &[u8]) -> Option<String> {
    let packet = std::str::from_utf8(body).ok()?;
    let (_, rest) = packet.split_once("\"sid\":\"")?;
    rest.split_once('"').map(|(sid, _)| sid.to_owned())
}

/// What joins packets in a payload (Engine.IO v4).
pub(crate) const PACKET_SEPARATOR: u8 = 0x1e;
const KEPT_RESPONSE_BYTES: usize = 1024;
