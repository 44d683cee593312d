//! The second connection of a polling client that sends.

use super::polling::PACKET_SEPARATOR;
use crate::wire::http::{Response, post_request};

/// Posts one body at a time; what is sent meanwhile goes into the next, as real clients do it.
#[derive(Debug)]
pub(crate) struct Poster {
    host: String,
    sid: String,
    waiting: Vec<u8>,
    is_posting: bool,
    response: Vec<u8>,
}

impl Poster {
    pub(crate) fn new(host: &str, sid: &str) -> Self {
        Self {
            host: host.to_owned(),
            sid: sid.to_owned(),
            waiting: Vec::new(),
            is_posting: false,
            response: Vec::new(),
        }
    }

    /// What waits for the next body.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting.len()
    }

    /// Sends a message, now or with the next body.
    pub(crate) fn send(&mut self, message: &[u8], out: &mut Vec<u8>) {
        if !self.waiting.is_empty() {
            self.waiting.push(PACKET_SEPARATOR);
        }
        self.waiting.extend_from_slice(message);
        self.post(out);
    }

    /// Takes what was read; says whether the server is content.
    pub(crate) fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        self.response.extend_from_slice(bytes);
        while let Some(response) = Response::read(&self.response) {
            self.response.drain(..response.bytes);
            self.is_posting = false;
            if !response.is_ok {
                return false;
            }
            self.post(out);
        }
        true
    }

    fn post(&mut self, out: &mut Vec<u8>) {
        if !self.is_posting && !self.waiting.is_empty() {
            out.extend_from_slice(&post_request(&self.host, &self.sid, &self.waiting));
            self.waiting.clear();
            self.is_posting = true;
        }
    }
}
