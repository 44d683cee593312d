//! From polling to a WebSocket.

use std::time::Instant;

use engineio_proto::{Answer, Message, Packet, ProbeVerdict, Recipient, Transport};

use super::Driver;
use crate::session::link::PollAnswer;
use crate::transport::farewell::hang_up;
use crate::transport::websocket::{Frame, WebSocket};

impl Driver {
    pub(super) fn on_candidate_frame(&mut self, frame: Frame, now: Instant) {
        let packet = match frame {
            Frame::Text(text) => Packet::decode_text(&text),
            Frame::Binary(data) => Ok(Packet::Message(Message::Binary(data))),
            Frame::Control => return,
            Frame::End { .. } => {
                self.session.handle_candidate_gone();
                return self.drop_candidate();
            }
        };
        match self.session.handle_candidate_packet(packet, now) {
            ProbeVerdict::Pong => {
                if let Some(candidate) = &mut self.candidate {
                    candidate.reply(&self.shared.probe_pong);
                }
            }
            ProbeVerdict::Promote => self.promote(),
            ProbeVerdict::Drop => self.drop_candidate(),
        }
    }

    pub(super) fn promote(&mut self) {
        if let Some(candidate) = self.candidate.take() {
            // A client that is in the middle of a post has broken off polling too early: what it says there and what
            // it says here would have no order. The reference cuts it off, too.
            self.posting = None;
            let sent = self.link.meter().sent();
            self.adopt(candidate);
            self.shared.registry.set_transport(&self.sid, Transport::WebSocket, sent);
        }
    }

    /// Makes the WebSocket the way out, for what waits already too.
    pub(super) fn adopt(&mut self, mut websocket: Box<WebSocket>) {
        let unsent = websocket.take_replies();
        let poll = match websocket.take_write_half() {
            Some(half) => self.link.set_socket(half, unsent),
            None => self.link.set_task(unsent),
        };
        if let Some(poll) = poll {
            // The reference ends a poll that still waits with a close packet, which a client may believe.
            let _ = poll.send(PollAnswer::Payload(Answer::of(self.shared.noop.clone())));
        }
        self.websocket = Some(websocket);
        self.link.flush();
    }

    pub(super) fn drop_candidate(&mut self) {
        if let Some(candidate) = self.candidate.take() {
            hang_up(*candidate, &self.shared);
        }
    }
}
