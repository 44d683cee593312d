//! A program that emits by HTTP.

use std::collections::VecDeque;

use super::Signal;
use crate::wire::http::{Response, api_emit, api_get};

/// One request at a time on a connection that is kept. It is ready when it has seen that its key is known.
#[derive(Debug)]
pub(crate) struct Api {
    host: String,
    key: &'static str,
    waiting: VecDeque<Vec<u8>>,
    is_asking: bool,
    is_ready: bool,
    response: Vec<u8>,
}

impl Api {
    pub(crate) fn start(host: &str, key: &'static str, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(&api_get(host, key));
        Self {
            host: host.to_owned(),
            key,
            waiting: VecDeque::new(),
            is_asking: true,
            is_ready: false,
            response: Vec::new(),
        }
    }

    /// Emits what a client would send as this message, now or after what was emitted before.
    pub(crate) fn send(&mut self, message: &[u8], out: &mut Vec<u8>) {
        self.waiting.extend(api_emit(&self.host, self.key, message));
        self.ask(out);
    }

    pub(crate) fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>, signal: &mut impl FnMut(Signal<'_>)) {
        self.response.extend_from_slice(bytes);
        while let Some(response) = Response::read(&self.response) {
            self.response.drain(..response.bytes);
            self.is_asking = false;
            if !response.is_ok {
                return signal(Signal::Closed("the API refused"));
            }
            if !std::mem::replace(&mut self.is_ready, true) {
                signal(Signal::Ready);
            }
            self.ask(out);
        }
    }

    fn ask(&mut self, out: &mut Vec<u8>) {
        if !self.is_asking
            && let Some(request) = self.waiting.pop_front()
        {
            out.extend_from_slice(&request);
            self.is_asking = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_wait_for_the_answer_to_the_one_before() {
        let mut out = Vec::new();
        let mut api = Api::start("h", "k", &mut out);
        assert!(out.starts_with(b"GET /api/namespaces "));
        out.clear();
        for text in ["a", "b"] {
            api.send(format!("42[\"update\",\"{text}\"]").as_bytes(), &mut out);
        }
        assert!(out.is_empty());
        let (mut ready, mut closed) = (0, 0);
        let mut signal = |signal: Signal<'_>| match signal {
            Signal::Ready => ready += 1,
            Signal::Closed(_) => closed += 1,
            _ => {}
        };
        let answer: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        for text in ["a", "b"] {
            api.receive(answer, &mut out, &mut signal);
            assert!(out.ends_with(format!("[\"{text}\"]}}").as_bytes()));
            out.clear();
        }
        api.receive(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", &mut out, &mut signal);
        assert_eq!((ready, closed, out.len()), (1, 1, 0));
    }
}
