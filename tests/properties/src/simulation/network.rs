//! What lies between a client and the server.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Wake, Waker};

use engineio_proto::{Answer, Utf8};

/// Names a poll, for its answer.
pub(crate) type PollId = u32;

/// The answer to a poll, on its way.
#[derive(Debug)]
pub(crate) enum Reply {
    Payload(Answer),
    Refused,
}

/// What the server's side of a session is asked for by HTTP.
#[derive(Debug)]
pub(crate) enum Request {
    Poll(PollId),
    Post,
    PostBody(Utf8),
    Candidate(Arc<Stream>),
}

/// A WebSocket: whole messages up, and down the bytes of frames, as many as fit.
#[derive(Debug)]
pub(crate) struct Stream {
    state: Mutex<StreamState>,
    /// Whether whoever flushes may write to it, or only the session's task, as with TLS.
    pub(crate) is_direct: bool,
    capacity: usize,
}

#[derive(Debug, Default)]
struct StreamState {
    up: VecDeque<Utf8>,
    down: VecDeque<u8>,
    is_cut: bool,
}

impl Stream {
    pub(crate) fn new(capacity: usize, is_direct: bool) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), is_direct, capacity })
    }

    /// Takes as much as there is room for.
    pub(crate) fn write(&self, bytes: &[u8]) -> usize {
        let mut state = self.state();
        let taken = bytes.len().min(self.capacity - state.down.len());
        state.down.extend(&bytes[..taken]);
        taken
    }

    pub(crate) fn has_room(&self) -> bool {
        self.state().down.len() < self.capacity
    }

    pub(crate) fn read(&self, most: usize) -> Vec<u8> {
        let mut state = self.state();
        let most = most.min(state.down.len());
        state.down.drain(..most).collect()
    }

    pub(crate) fn send(&self, text: Utf8) {
        self.state().up.push_back(text);
    }

    pub(crate) fn next(&self) -> Option<Utf8> {
        self.state().up.pop_front()
    }

    pub(crate) fn cut(&self) {
        self.state().is_cut = true;
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.state().is_cut
    }

    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state();
        state.is_cut || (state.up.is_empty() && state.down.is_empty())
    }

    fn state(&self) -> MutexGuard<'_, StreamState> {
        self.state.lock().expect("nothing panics while it holds this")
    }
}

/// Whether a session is to take a turn.
#[derive(Debug, Default)]
pub(crate) struct Bell(AtomicBool);

impl Bell {
    pub(crate) fn ring(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }

    pub(crate) fn is_rung(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}
