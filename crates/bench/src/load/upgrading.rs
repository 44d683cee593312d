//! A client as every browser is one: it polls first, and then moves to a WebSocket.

use std::sync::LazyLock;

use super::Signal;
use super::connection::Connection;
use super::polling::Polling;
use super::websocket::WebSocket;
use crate::wire::frame::write_client_text;

/// Handshake and CONNECT (with `auth`) by polling, then the probe on a second connection, then the move. The connection
/// that polled is closed with it: a browser keeps it for a minute or so, in case it needs it for something else.
#[derive(Debug)]
pub(crate) struct Upgrading {
    polling: Polling,
    step: Step,
}

/// `Connecting ──40──► Probing ──3probe──► Leaving`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Connecting,
    Probing,
    /// The last poll is on its way.
    Leaving,
}

impl Upgrading {
    /// Begins, with the handshake.
    pub(crate) fn start(host: &str, out: &mut Vec<u8>) -> Self {
        Self { polling: Polling::start(host, &CONNECT_WITH_AUTH, None, out), step: Step::Connecting }
    }

    /// Takes what the polling connection read. Says whether the time for a probe has come, which happens once.
    pub(crate) fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>, signal: &mut impl FnMut(Signal<'_>)) -> bool {
        let mut is_connected = false;
        self.polling.receive(bytes, out, &mut |seen| match seen {
            // It is ready when it has moved.
            Signal::Ready => is_connected = true,
            seen => signal(seen),
        });
        if is_connected {
            self.step = Step::Probing;
        }
        is_connected
    }

    /// The WebSocket to move to.
    pub(crate) fn probe(&self, host: &str, out: &mut Vec<u8>) -> WebSocket {
        WebSocket::probe(host, self.polling.sid(), out)
    }

    /// The probe was answered: no other poll follows.
    pub(crate) fn on_probed(&mut self) {
        self.step = Step::Leaving;
        self.polling.leave();
    }

    /// Moves, once nothing is on its way any more, and says so to the server.
    pub(crate) fn moves_to(&self, websocket: &mut Connection) -> bool {
        let may_move = self.step == Step::Leaving && self.polling.has_left();
        if may_move {
            write_client_text(&mut websocket.out, b"5");
        }
        may_move
    }
}

/// With some 300 bytes of `auth`: what a session token takes.
static CONNECT_WITH_AUTH: LazyLock<Vec<u8>> =
    LazyLock::new(|| format!("40{{\"token\":\"{}\"}}", "t".repeat(AUTH_BYTES)).into_bytes());
const AUTH_BYTES: usize = 300;
