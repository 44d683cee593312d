//! The namespaces that exist.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use socketio_codec::Namespace as NamespaceName;

use crate::namespace::Namespace;
use crate::pattern::Pattern;
use crate::patterned::Patterned;

/// Which namespaces there are now. What is read stays as it was read: a change makes a new generation.
#[derive(Default)]
pub(crate) struct Directory {
    generation: RwLock<Arc<Generation>>,
    /// How many the generation has, for those who ask at each message.
    len: AtomicUsize,
    /// Those that are not in it by their names.
    pub(crate) patterned: Patterned,
}

/// The namespaces at one moment.
pub(crate) type Generation = HashMap<NamespaceName, Arc<dyn Namespace>>;

/// A namespace, and the pattern by which it was found.
type Found = (Arc<dyn Namespace>, Option<Arc<Pattern>>);

impl Directory {
    pub(crate) fn new(namespaces: Generation, patterned: Patterned) -> Self {
        let len = AtomicUsize::new(namespaces.len());
        Self { generation: RwLock::new(Arc::new(namespaces)), len, patterned }
    }

    /// The namespace of this name, and the pattern that allows the name if it is not there by itself. Of those of now: read
    /// once for each decision, so that it is made by one generation.
    pub(crate) fn find(&self, name: &NamespaceName) -> Option<Found> {
        if let Some(namespace) = self.now().get(name.as_str()) {
            return Some((Arc::clone(namespace), None));
        }
        let (pattern, namespace) = self.patterned.find(name)?;
        Some((Arc::clone(namespace), Some(Arc::clone(pattern))))
    }

    /// How many namespaces there are.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Their names.
    pub(crate) fn names(&self) -> Vec<NamespaceName> {
        let patterned = self.patterned.names().into_iter().filter(|name| !self.now().contains_key(name));
        self.now().keys().cloned().chain(patterned).collect()
    }

    fn now(&self) -> Arc<Generation> {
        Arc::clone(&self.generation.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does `join` if the namespace still exists, and says whether it does. It is not removed meanwhile, so what
    /// `join` tells the hub comes before what [`remove`](Self::remove) tells it. Must not block.
    pub(crate) fn while_there(&self, name: &NamespaceName, join: impl FnOnce()) -> bool {
        let generation = self.generation.read().unwrap_or_else(PoisonError::into_inner);
        let is_there = generation.contains_key(name) || self.patterned.find(name).is_some();
        if is_there {
            join();
        }
        is_there
    }

    /// Does `expel` if the namespace does not exist, and says whether that is so. It is not added meanwhile: nobody is expelled
    /// from one that is there again. Must not block.
    pub(crate) fn while_gone(&self, name: &NamespaceName, expel: impl FnOnce()) -> bool {
        let generation = self.generation.read().unwrap_or_else(PoisonError::into_inner);
        let is_gone = !generation.contains_key(name) && self.patterned.find(name).is_none();
        if is_gone {
            expel();
        }
        is_gone
    }

    /// Adds a namespace, or puts another in the place of one, which is returned.
    pub(crate) fn add(&self, name: NamespaceName, namespace: Arc<dyn Namespace>) -> Option<Arc<dyn Namespace>> {
        self.change(|generation| generation.insert(name, namespace))
    }

    /// Removes a namespace, and does `expel` before it can be added again. Says whether there was one.
    pub(crate) fn remove(&self, name: &NamespaceName, expel: impl FnOnce()) -> bool {
        self.change(|generation| {
            let is_removed = generation.remove(name).is_some();
            if is_removed {
                expel();
            }
            is_removed
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Generation) -> T) -> T {
        let mut current = self.generation.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = Generation::clone(&current);
        let result = change(&mut next);
        self.len.store(next.len(), Ordering::Relaxed);
        *current = Arc::new(next);
        result
    }
}
