//! What a connection is told by the lanes.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};

use hub::{Expulsion, Owner, SocketId};

/// The sockets of one connection that were expelled, until its task sees it.
#[derive(Default)]
pub(crate) struct Inbox(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    expelled: Vec<(SocketId, Expulsion)>,
    task: Option<Waker>,
}

impl Inbox {
    /// Takes what came. The task is at its end, and is told nothing more.
    pub(crate) fn take_last(&self) -> Vec<(SocketId, Expulsion)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).expelled)
    }

    /// Takes what came, and registers the task for more.
    pub(crate) fn take(&self, cx: &Context<'_>) -> Vec<(SocketId, Expulsion)> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut waiting.task {
            Some(task) => task.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        std::mem::take(&mut waiting.expelled)
    }
}

impl Owner for Inbox {
    fn expelled(&self, socket: SocketId, expulsion: Expulsion) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.expelled.push((socket, expulsion));
        let task = waiting.task.take();
        drop(waiting);
        if let Some(task) = task {
            task.wake();
        }
    }
}
