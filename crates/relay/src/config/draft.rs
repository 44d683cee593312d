//! A configuration while it is being read.

use std::collections::HashMap;
use std::path::PathBuf;

use super::settings::Setting;
use super::written::{Written, Wrong};
use super::{Config, Cookie, Cors, Limits, Loaded, Origin, Place, Problem, SameSite};
use crate::names::{NamespaceName, RoomName};
use crate::rules::{Rules, Scope};

/// What was read so far: the configuration itself, and the parts that make sense only together.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) config: Config,
    pub(crate) origins: Origins,
    pub(crate) credentials: bool,
    pub(crate) cookie: Option<Cookie>,
    pub(crate) outbox_bytes_max: Option<usize>,
    /// The namespaces of the file, in its order.
    pub(crate) namespaces: Vec<NamespaceDraft>,
    /// The rules of the namespace `/`, when a variable or a flag replaces those of the file.
    pub(crate) root_rules: Option<Rules>,
    /// The folder that relative paths are relative to: the file's own while it is read.
    pub(crate) folder: PathBuf,
    /// Where each setting was written last.
    places: HashMap<&'static str, Place>,
}

/// The origins that may connect, before it is known whether with credentials.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Origins {
    #[default]
    None,
    Any,
    Listed(Vec<Origin>),
}

/// A namespace of the file.
#[derive(Debug)]
pub(crate) struct NamespaceDraft {
    pub(crate) name: NamespaceName,
    pub(crate) rules: Rules,
    pub(crate) place: Place,
}

impl Draft {
    /// Reads what was written into a setting, over what is there from before.
    pub(crate) fn set(&mut self, setting: &Setting, place: Place, written: Written<'_>) -> Result<(), Wrong> {
        (setting.set)(self, written)?;
        self.places.insert(setting.key, place);
        Ok(())
    }

    /// Puts the parts together.
    pub(crate) fn finish(mut self) -> Result<Loaded, Vec<Problem>> {
        let mut checks = Checks::default();
        self.finish_cors(&mut checks);
        self.finish_cookie(&mut checks);
        self.finish_outbox(&mut checks);
        self.finish_client_dir(&mut checks);
        self.finish_namespaces(&mut checks);
        if checks.errors.is_empty() {
            Ok(Loaded { config: self.config, warnings: checks.warnings })
        } else {
            Err(checks.errors)
        }
    }

    fn finish_cors(&mut self, checks: &mut Checks) {
        let credentials = self.credentials;
        self.config.cors = match std::mem::take(&mut self.origins) {
            Origins::None => {
                if credentials {
                    let message = "has no effect: cors.origins names none that may connect";
                    checks.warn(self.place("cors.credentials"), message);
                }
                Cors::Off
            }
            Origins::Any if credentials => {
                let message = "expected cors.origins to be a list of origins: browsers refuse credentials for `*`";
                return checks.refuse(self.place("cors.credentials"), message);
            }
            Origins::Any => Cors::Any,
            Origins::Listed(origins) => {
                for (origin, whose) in origins.iter().filter_map(|origin| Some((origin, origin.is_shared()?))) {
                    checks
                        .warn(self.place("cors.origins"), &format!("\"{}\" is the origin of {whose}", origin.as_str()));
                }
                Cors::Listed { origins, credentials }
            }
        };
    }

    fn finish_cookie(&mut self, checks: &mut Checks) {
        if let Some(cookie) = &self.cookie
            && cookie.same_site == SameSite::None
            && !cookie.secure
        {
            let message = "expected engine.cookie.secure = true beside \"none\": browsers drop the cookie otherwise";
            return checks.refuse(self.place("engine.cookie.same_site"), message);
        }
        self.config.engine.cookie = self.cookie.take();
    }

    fn finish_outbox(&mut self, checks: &mut Checks) {
        let payload = self.config.engine.max_payload_bytes;
        self.config.limits.outbox_bytes_max = match self.outbox_bytes_max {
            Some(bytes) => {
                if bytes < payload {
                    let message = format!(
                        "is less than engine.max_payload_bytes ({payload}): a client that has not yet taken the \
                         largest message is closed by the next"
                    );
                    checks.warn(self.place("limits.outbox_bytes_max"), &message);
                }
                bytes
            }
            // Who allows larger messages means them to arrive, without having to know about this.
            None => Limits::default().outbox_bytes_max.max(payload.saturating_mul(2)),
        };
    }

    fn finish_client_dir(&mut self, checks: &mut Checks) {
        if let Some(folder) = &self.config.client_dir
            && !folder.join("socket.io.js").is_file()
        {
            let message = "has no socket.io.js: the bundle is in the folder `dist` of the npm package \
                 socket.io-client (or `client-dist` of socket.io)";
            checks.warn(self.place("client_dir"), message);
        }
    }

    fn finish_namespaces(&mut self, checks: &mut Checks) {
        let mut namespaces = std::mem::take(&mut self.namespaces);
        if let Some(rules) = self.root_rules.take() {
            let place = self.place("namespace.rule");
            match namespaces.iter_mut().find(|namespace| namespace.name == NamespaceName::root()) {
                Some(root) => (root.rules, root.place) = (rules, place),
                None => namespaces.push(NamespaceDraft { name: NamespaceName::root(), rules, place }),
            }
        }
        if namespaces.is_empty() {
            return; // The default stays: `/`, open.
        }
        let no_rules = namespaces.iter().all(|namespace| namespace.rules.is_empty());
        for NamespaceDraft { name, rules, place } in &mut namespaces {
            if no_rules {
                *rules = Rules::open();
            } else if rules.is_empty() {
                // Relaying everything and refusing everything are both plausible; guessing is not.
                let message = format!(
                    "expected at least one [[namespace.rule]] for \"{name}\", since there are rules elsewhere; \
                     one with on = \"*\" relays every event"
                );
                checks.refuse(place.clone(), &message);
            }
            for room in rooms_without_a_door(rules) {
                let message = format!("room \"{room}\" of namespace \"{name}\" is a target, but no rule joins it");
                checks.warn(place.clone(), &message);
            }
        }
        self.config.namespaces = namespaces.into_iter().map(|namespace| (namespace.name, namespace.rules)).collect();
    }

    /// Where a setting was written last.
    fn place(&self, key: &str) -> Place {
        self.places.get(key).cloned().unwrap_or(Place::Default)
    }
}

/// The rooms that events go to and nobody can be in, by name.
fn rooms_without_a_door(rules: &Rules) -> Vec<&RoomName> {
    let joined: Vec<&RoomName> = rules.iter().filter_map(|rule| rule.join.as_ref()).collect();
    let targets = rules.iter().filter_map(|rule| match &rule.relay.as_ref()?.to {
        Scope::Room(room) => Some(room),
        Scope::All | Scope::Others | Scope::Sender => None,
    });
    let mut rooms: Vec<&RoomName> = targets.filter(|room| !joined.contains(room)).collect();
    rooms.sort_unstable();
    rooms.dedup();
    rooms
}

/// What the whole shows that its parts do not.
#[derive(Default)]
struct Checks {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Checks {
    fn refuse(&mut self, place: Place, message: &str) {
        self.errors.push(Problem { place, message: message.to_owned() });
    }

    fn warn(&mut self, place: Place, message: &str) {
        self.warnings.push(Problem { place, message: message.to_owned() });
    }
}
