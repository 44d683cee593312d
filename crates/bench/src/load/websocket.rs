//! A client over WebSocket.

use super::Signal;
use crate::wire::frame::{CLOSE, TEXT, write_client_text};
use crate::wire::http::{head_bytes, is_upgraded, upgrade_request};
use crate::wire::scanner::{Frame, Scanner};

/// `Upgrading ──101──► Open`
#[derive(Debug)]
pub(crate) enum WebSocket {
    /// With what has come of the response, and what is said first.
    Upgrading(Vec<u8>, &'static [u8]),
    Open(Scanner),
}

impl WebSocket {
    /// Begins, with the upgrade.
    pub(crate) fn start(host: &str, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(&upgrade_request(host, None));
        Self::Upgrading(Vec::new(), b"")
    }

    /// Begins a WebSocket that a session which polls is to move to. It signals when the probe is answered.
    pub(crate) fn probe(host: &str, sid: &str, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(&upgrade_request(host, Some(sid)));
        Self::Upgrading(Vec::new(), b"2probe")
    }

    /// Takes what was read, answers into `out`; `greeting` is the message by which it connects to `/`.
    pub(crate) fn receive(
        &mut self,
        bytes: &[u8],
        greeting: &[u8],
        out: &mut Vec<u8>,
        signal: &mut impl FnMut(Signal<'_>),
    ) {
        match self {
            Self::Open(scanner) => scanner.feed(bytes, |frame| handle(frame, greeting, out, signal)),
            Self::Upgrading(response, first) => {
                response.extend_from_slice(bytes);
                let Some(end) = head_bytes(response) else { return };
                let (head, rest) = response.split_at(end);
                if !is_upgraded(head) {
                    signal(Signal::Closed("the upgrade was refused"));
                    return;
                }
                if !first.is_empty() {
                    write_client_text(out, first);
                }
                let mut scanner = Scanner::default();
                scanner.feed(rest, |frame| handle(frame, greeting, out, signal));
                *self = Self::Open(scanner);
            }
        }
    }
}

/// The shortest message by which a client connects to the namespace `/`.
pub(crate) const CONNECT: &[u8] = b"40";

fn handle(frame: Frame<'_>, greeting: &[u8], out: &mut Vec<u8>, signal: &mut impl FnMut(Signal<'_>)) {
    match (frame.opcode, frame.start) {
        (TEXT, [b'4', b'2', ..]) => signal(Signal::Event(frame.start)),
        (TEXT, [b'2', ..]) => {
            write_client_text(out, b"3");
            signal(Signal::Ping);
        }
        (TEXT, b"3probe") => signal(Signal::Probed),
        (TEXT, [b'0', ..]) => write_client_text(out, greeting),
        (TEXT, [b'4', b'0', ..]) => signal(Signal::Ready),
        (TEXT, [b'4', ..]) => signal(Signal::Closed("a packet other than an event")),
        (CLOSE, _) => signal(Signal::Closed("a close frame")),
        _ => {}
    }
}
