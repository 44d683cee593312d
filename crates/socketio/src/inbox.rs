//! What a connection is told by the lanes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use hub::{Direction, Expulsion, Owner, Room, SocketId};

/// What others did to the sockets of one connection, in that order, until its task sees it.
///
/// A task asks at each of its turns, and nearly never is there anything: it takes the lock only when something came, or
/// when it has to say whom to wake.
#[derive(Default)]
pub(crate) struct Inbox {
    /// Nothing is here, and the task waits for something to come.
    is_quiet: AtomicBool,
    waiting: Mutex<Waiting>,
}

/// What was done to a socket.
pub(crate) enum News {
    Expelled(Expulsion),
    Moved(Direction, Box<[Room]>),
}

#[derive(Default)]
struct Waiting {
    /// As many as the lanes get done before the task's turn comes.
    news: Vec<(SocketId, News)>,
    task: Option<Waker>,
}

impl Inbox {
    /// Takes what came. The task is at its end, and is told nothing more.
    pub(crate) fn take_last(&self) -> Vec<(SocketId, News)> {
        std::mem::take(&mut self.lock().news)
    }

    /// Takes what came, and registers the task for more. The task is the same each time.
    pub(crate) fn take(&self, cx: &Context<'_>) -> Vec<(SocketId, News)> {
        // Whoever has news changes this behind what it has put here, under the lock: nothing that came is missed but by
        // a task that will be woken for it.
        if self.is_quiet.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut waiting = self.lock();
        match &mut waiting.task {
            Some(task) => task.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        self.is_quiet.store(true, Ordering::Release);
        std::mem::take(&mut waiting.news)
    }

    fn tell(&self, socket: SocketId, news: News) {
        let mut waiting = self.lock();
        waiting.news.push((socket, news));
        let task = waiting.task.take();
        self.is_quiet.store(false, Ordering::Release);
        drop(waiting);
        if let Some(task) = task {
            task.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owner for Inbox {
    fn expelled(&self, socket: SocketId, expulsion: Expulsion) {
        self.tell(socket, News::Expelled(expulsion));
    }

    fn moved(&self, socket: SocketId, direction: Direction, rooms: &[Room]) {
        self.tell(socket, News::Moved(direction, rooms.into()));
    }
}
