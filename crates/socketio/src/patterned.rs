//! Namespaces that are named by a pattern.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socketio_codec::Namespace as NamespaceName;

use crate::namespace::Namespace;
use crate::pattern::Pattern;

/// The patterns of a server, and which of the names that they allow there are: those that somebody is in.
#[derive(Default)]
pub(crate) struct Patterned {
    patterns: Vec<(Arc<Pattern>, Arc<dyn Namespace>)>,
    visited: Mutex<Visited>,
}

#[derive(Default)]
struct Visited {
    /// With the number of their sockets here.
    now: HashMap<NamespaceName, usize>,
    /// Those that nobody is in any more, and of which something may still be kept.
    left: Vec<NamespaceName>,
}

impl Patterned {
    pub(crate) fn add(&mut self, pattern: Pattern, namespace: Arc<dyn Namespace>) {
        self.patterns.push((Arc::new(pattern), namespace));
    }

    /// The first that was added and allows the name.
    pub(crate) fn find(&self, name: &NamespaceName) -> Option<&(Arc<Pattern>, Arc<dyn Namespace>)> {
        self.patterns.iter().find(|(pattern, _)| pattern.matches(name))
    }

    /// The namespaces that somebody is in.
    pub(crate) fn names(&self) -> Vec<NamespaceName> {
        self.lock().now.keys().cloned().collect()
    }

    /// A socket joins. Whether it is the first there.
    pub(crate) fn enter(&self, name: &NamespaceName) -> bool {
        let mut visited = self.lock();
        let count = visited.now.entry(name.clone()).or_default();
        *count += 1;
        *count == 1
    }

    /// A socket has left. Whether it was the last there.
    pub(crate) fn leave(&self, name: &NamespaceName) -> bool {
        let mut visited = self.lock();
        let Some(count) = visited.now.get_mut(name) else { return false };
        *count -= 1;
        let is_last = *count == 0;
        if is_last {
            visited.now.remove(name);
            visited.left.push(name.clone());
        }
        is_last
    }

    /// Lets go of namespaces that nobody is in: clients choose their names, so there is no end to them. `forget` says whether
    /// nothing is kept of one any more; otherwise it is asked again, the next time.
    pub(crate) fn forget(&self, mut forget: impl FnMut(&NamespaceName) -> bool) {
        let mut visited = self.lock();
        let Visited { now, left } = &mut *visited;
        left.retain(|name| !now.contains_key(name) && !forget(name));
    }

    fn lock(&self) -> MutexGuard<'_, Visited> {
        self.visited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
