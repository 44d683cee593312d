//! What HTTP requests want of the session.

use std::time::Instant;

use engineio_proto::{Payload, PollVerdict, PostVerdict};
use tokio::sync::oneshot;

use super::goodbye::hang_up_poll;
use super::{Driver, Post};
use crate::session::link::{Held, PollAnswer, PollSender, PostAnswer, SessionRequest};
use crate::transport::farewell::hang_up;

impl Driver {
    pub(super) fn on_request(&mut self, request: SessionRequest, now: Instant) {
        match request {
            SessionRequest::Poll(answer) => self.on_poll(answer),
            SessionRequest::Post(answer) => self.on_post(answer),
            SessionRequest::PostBody(body, answer) => {
                self.link.meter().receive(body.len());
                self.on_post_body(Payload::new(body), answer);
            }
            SessionRequest::PostRefused => self.session.handle_post_end(false),
            SessionRequest::PostAborted => self.session.handle_post_end(true),
            SessionRequest::Candidate(websocket) => {
                if self.session.handle_candidate(now) {
                    self.candidate = Some(websocket);
                } else {
                    hang_up(*websocket, &self.shared);
                }
            }
        }
    }

    pub(super) fn on_post(&mut self, answer: oneshot::Sender<PostAnswer>) {
        let (posting, ended) = oneshot::channel();
        let verdict = self.session.handle_post();
        let answered = answer.send(match verdict {
            PostVerdict::Read => PostAnswer::ReadBody { ended },
            PostVerdict::Overlap | PostVerdict::Refuse => PostAnswer::Refused,
        });
        match (verdict, answered) {
            (PostVerdict::Read, Ok(())) => self.posting = Some(posting),
            (PostVerdict::Read, Err(_)) => self.session.handle_post_end(true),
            (PostVerdict::Overlap | PostVerdict::Refuse, _) => {}
        }
    }

    pub(super) fn on_post_body(&mut self, packets: Payload, answer: oneshot::Sender<()>) {
        if self.posting.take().is_some() {
            self.post = Some(Post { packets, answer });
        } else {
            // It was cut off, by an upgrade or by the end, when its last byte was on its way: what it says there and
            // what the WebSocket says has no order.
            let _ = answer.send(());
        }
    }

    pub(super) fn on_poll(&mut self, poll: PollSender) {
        // A client that did not wait for an answer has lost nothing; what its end says shows when it polls next.
        if self.session.close_reason().is_some()
            && let Some(answer) = self.link.take_answer_of_several()
        {
            // The close packet comes behind everything.
            let _ = poll.send(PollAnswer::Payload(answer));
            return;
        }
        match self.session.handle_poll() {
            PollVerdict::Hold => match self.link.hold_poll(poll) {
                Held::Settled => {}
                Held::Lost => self.session.handle_poll_gone(),
                Held::Overlap(poll) => {
                    // The one that waits is answered when the session says goodbye.
                    self.session.handle_poll_overlap();
                    let _ = poll.send(PollAnswer::Refused);
                }
                Held::Refused(poll) => {
                    let _ = poll.send(PollAnswer::Refused);
                }
            },
            PollVerdict::Close => self.tell_close(poll),
            PollVerdict::Refuse => {
                let _ = poll.send(PollAnswer::Refused);
            }
        }
    }

    /// As the reference has it: what the poll would get, which is at least a noop, and the close packet. When the server
    /// goes, only the former.
    pub(super) fn tell_close(&mut self, poll: PollSender) {
        let mut answer = self.link.take_answer();
        let is_empty = answer.payload_len() == 0;
        if !self.session.close_reason().is_some_and(|reason| reason.is_silent()) {
            if is_empty {
                answer.push(self.shared.noop.clone());
            }
            answer.push(self.shared.close.clone());
        } else if is_empty {
            return hang_up_poll(poll);
        }
        let _ = poll.send(PollAnswer::Payload(answer));
    }
}
