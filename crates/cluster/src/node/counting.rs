//! Counting the other nodes' sockets.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use socketio::{Asked, Nodes, Target};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// The counts that are under way. What is asked again meanwhile is asked once more, when the first is answered, for all who
/// wait by then: so each is told what was so after it asked, and however often something is asked, one question of it is under
/// way.
#[derive(Default)]
pub(crate) struct Counting(Mutex<State>);

#[derive(Default)]
struct State {
    under_way: Vec<UnderWay>,
    /// Those who wait, over all of them.
    waiting: usize,
}

struct UnderWay {
    target: Target,
    /// For the next question.
    waiting: Vec<Reply>,
}

type Reply = oneshot::Sender<(usize, Nodes)>;

impl Counting {
    /// How many sockets of `target` the others have, by `ask`; `None` where too much is asked already.
    pub(crate) fn count(
        self: &Arc<Self>,
        runtime: &Handle,
        target: Target,
        ask: impl Fn() -> Asked<usize> + Send + Sync + 'static,
    ) -> Option<Asked<usize>> {
        let (reply, replied) = oneshot::channel();
        if self.wait(&target, reply)? {
            let counting = Arc::clone(self);
            runtime.spawn(async move {
                let mut asking = Asking { counting: &counting, target: &target, is_over: false };
                while let Some(waiting) = asking.next() {
                    let told = ask().await;
                    for reply in waiting {
                        // Who does not wait any more does not want to know.
                        let _ = reply.send(told);
                    }
                }
            });
        }
        Some(Box::pin(async move { replied.await.unwrap_or((0, Nodes::new(0, 1))) }))
    }

    /// Waits for the next answer. Says whether nobody asks for it yet.
    fn wait(&self, target: &Target, reply: Reply) -> Option<bool> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.waiting >= WAITING_MAX {
            return None;
        }
        if let Some(counted) = state.under_way.iter_mut().find(|counted| counted.target == *target) {
            counted.waiting.push(reply);
            state.waiting += 1;
            return Some(false);
        }
        if state.under_way.len() >= UNDER_WAY_MAX {
            return None;
        }
        state.under_way.push(UnderWay { target: target.clone(), waiting: vec![reply] });
        state.waiting += 1;
        Some(true)
    }

    /// Those for whom it is asked now. `None`: nobody; then it is not under way any more.
    fn next(&self, target: &Target) -> Option<Vec<Reply>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = state.under_way.iter().position(|counted| counted.target == *target)?;
        let mut waiting = mem::take(&mut state.under_way[at].waiting);
        state.waiting -= waiting.len();
        waiting.retain(|reply| !reply.is_closed());
        if waiting.is_empty() {
            state.under_way.swap_remove(at);
            return None;
        }
        Some(waiting)
    }
}

/// Whoever asks one question as long as somebody waits for it.
struct Asking<'a> {
    counting: &'a Counting,
    target: &'a Target,
    is_over: bool,
}

impl Asking<'_> {
    fn next(&mut self) -> Option<Vec<Reply>> {
        let waiting = self.counting.next(self.target);
        self.is_over = waiting.is_none();
        waiting
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        // Ended in the middle, it is not under way for ever; those who wait hear that nobody answered.
        while !self.is_over {
            self.next();
        }
    }
}

/// Each is a message to every node. So many are asked by one node together, each a few hundred times a second at most.
const UNDER_WAY_MAX: usize = 64;
const WAITING_MAX: usize = 8192;
