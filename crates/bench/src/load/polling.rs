//! A client that polls.

use super::Signal;
use super::websocket::CONNECT;
use crate::wire::http::{Response, get_request, post_request};

/// One request after the other, on one connection: a ping is answered before the next poll.
#[derive(Debug)]
pub(crate) struct Polling {
    host: String,
    /// Empty until the handshake is answered.
    sid: String,
    asked: Asked,
    /// What has come of the response.
    response: Vec<u8>,
}

/// `Handshake ──► Connect ──► Poll ◄──► Pong`
#[derive(Debug, Clone, Copy)]
enum Asked {
    Handshake,
    Connect,
    Poll,
    Pong,
}

impl Polling {
    /// Begins, with the handshake.
    pub(crate) fn start(host: &str, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(&get_request(host, None));
        Self { host: host.to_owned(), sid: String::new(), asked: Asked::Handshake, response: Vec::new() }
    }

    /// The session's id, for the connection that posts.
    pub(crate) fn sid(&self) -> &str {
        &self.sid
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
            self.handle(&response.body, out, signal);
        }
    }

    fn handle(&mut self, body: &[u8], out: &mut Vec<u8>, signal: &mut impl FnMut(Signal<'_>)) {
        self.asked = match self.asked {
            Asked::Handshake => {
                let Some(sid) = sid_of(body) else {
                    signal(Signal::Closed("a handshake without a sid"));
                    return;
                };
                self.sid = sid;
                Asked::Connect
            }
            Asked::Connect | Asked::Pong => Asked::Poll,
            Asked::Poll => self.handle_packets(body, signal),
        };
        out.extend_from_slice(&match self.asked {
            Asked::Connect => post_request(&self.host, &self.sid, CONNECT),
            Asked::Pong => post_request(&self.host, &self.sid, b"3"),
            Asked::Handshake | Asked::Poll => get_request(&self.host, Some(&self.sid)),
        });
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
