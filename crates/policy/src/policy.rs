//! What events mean, in all namespaces.

use std::collections::HashMap;
use std::sync::Arc;

use socketio_codec::Namespace;

use crate::Rules;

/// One generation of what events mean: the namespaces that exist, each with its rules.
///
/// It never changes. Its parts are shared, so that who judges events of one namespace can keep that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    namespaces: HashMap<Namespace, Arc<Rules>>,
}

impl Policy {
    /// A policy with these namespaces. Of one that is named twice, the later rules count.
    pub fn new(namespaces: impl IntoIterator<Item = (Namespace, Rules)>) -> Self {
        let share = |(name, rules)| (name, Arc::new(rules));
        Self { namespaces: namespaces.into_iter().map(share).collect() }
    }

    /// The rules of a namespace; `None` if it does not exist.
    pub fn namespace(&self, name: &str) -> Option<&Arc<Rules>> {
        self.namespaces.get(name)
    }

    /// All namespaces, in no order.
    pub fn namespaces(&self) -> impl ExactSizeIterator<Item = (&Namespace, &Arc<Rules>)> {
        self.namespaces.iter()
    }
}

/// The namespace `/`, where every event goes to everyone.
impl Default for Policy {
    fn default() -> Self {
        Self::new([(Namespace::ROOT, Rules::open())])
    }
}
