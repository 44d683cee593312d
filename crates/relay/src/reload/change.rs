//! What is other in a new configuration.

use std::fmt;

use crate::config::{Config, Loaded};

/// A setting that is other.
pub(super) struct Change {
    pub(super) key: &'static str,
    pub(super) takes_effect: TakesEffect,
}

#[derive(PartialEq, Eq)]
pub(super) enum TakesEffect {
    AtOnce,
    AtRestart,
}

pub(super) fn changes(old: &Loaded, new: &Loaded) -> Vec<Change> {
    let (old, new) = (&old.config, &new.config);
    let mut changes = Vec::new();
    let mut compare = |key, takes_effect, is_same: bool| {
        if !is_same {
            changes.push(Change { key, takes_effect });
        }
    };
    let tls = |config: &Config| config.tls.is_some();
    compare("listen", TakesEffect::AtRestart, old.listen == new.listen);
    compare("path", TakesEffect::AtRestart, old.server.engine.path == new.server.engine.path);
    compare("worker_threads", TakesEffect::AtRestart, old.worker_threads == new.worker_threads);
    compare("tls.certificate", TakesEffect::AtRestart, tls(old) == tls(new));
    compare("proxy_protocol.trusted", TakesEffect::AtRestart, old.proxies == new.proxies);
    compare("ops.listen", TakesEffect::AtRestart, old.ops.listen == new.ops.listen);
    compare("log.format", TakesEffect::AtRestart, old.log.format == new.log.format);
    compare("limits", TakesEffect::AtOnce, old.limits == new.limits);
    compare("engine", TakesEffect::AtOnce, old.server == new.server);
    compare("namespace", TakesEffect::AtOnce, old.policy == new.policy);
    compare("auth", TakesEffect::AtOnce, old.auth == new.auth);
    changes
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: (changed)", self.key)
    }
}
