//! A configuration while it is being read.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use policy::{Policy, RoomName, Rules, Scope};
use socketio::NamespaceName;
use socketio::engineio::{CookieConfig, CorsConfig, CorsOrigins, EngineConfig, SameSite};

use super::{Config, Loaded, Origin, Place, Problem};

/// What was read so far: the configuration itself, and the parts that make sense only together.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) config: Config,
    pub(crate) origins: Origins,
    pub(crate) credentials: bool,
    pub(crate) cookie: Option<CookieConfig>,
    pub(crate) compression: bool,
    pub(crate) compression_threshold_bytes: usize,
    pub(crate) outbox_bytes_max: Option<usize>,
    pub(crate) outbox_bytes_total_max: Option<usize>,
    /// The namespaces of the file, in its order.
    pub(crate) namespaces: Vec<NamespaceDraft>,
    /// The rules of the namespace `/`, when a variable or a flag replaces those of the file.
    pub(crate) root_rules: Option<Rules>,
    /// The environment, of which the configuration may name variables with secrets.
    pub(crate) environment: HashMap<String, String>,
    /// Those that it names.
    pub(crate) named_variables: HashSet<String>,
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

impl Default for Draft {
    fn default() -> Self {
        Self {
            config: Config::default(),
            origins: Origins::default(),
            credentials: false,
            cookie: None,
            compression: true,
            compression_threshold_bytes: EngineConfig::default().compression_threshold_bytes.unwrap_or_default(),
            outbox_bytes_max: None,
            outbox_bytes_total_max: None,
            namespaces: Vec::new(),
            root_rules: None,
            environment: HashMap::new(),
            named_variables: HashSet::new(),
            folder: PathBuf::new(),
            places: HashMap::new(),
        }
    }
}

impl Draft {
    /// Notes where a setting was written, whatever was noted before.
    pub(crate) fn note_place(&mut self, key: &'static str, place: Place) {
        self.places.insert(key, place);
    }

    /// Puts the parts together.
    pub(crate) fn finish(mut self) -> Result<Loaded, Vec<Problem>> {
        let mut checks = Checks::default();
        self.finish_cors(&mut checks);
        self.finish_listen(&mut checks);
        self.finish_cookie(&mut checks);
        self.finish_compression();
        self.finish_outbox(&mut checks);
        self.finish_outboxes(&mut checks);
        self.finish_client_dir(&mut checks);
        self.finish_namespaces(&mut checks);
        self.finish_ops(&mut checks);
        self.config.derive();
        if checks.errors.is_empty() {
            Ok(Loaded { config: self.config, warnings: checks.warnings })
        } else {
            Err(checks.errors)
        }
    }

    fn finish_cors(&mut self, checks: &mut Checks) {
        let credentials = self.credentials;
        let origins = match std::mem::take(&mut self.origins) {
            Origins::None => {
                if credentials {
                    let message = "has no effect: cors.origins names none that may connect";
                    checks.warn(self.place("cors.credentials"), message);
                }
                None
            }
            Origins::Any if credentials => {
                let message = "expected cors.origins to be a list of origins: browsers refuse credentials for `*`";
                return checks.refuse(self.place("cors.credentials"), message);
            }
            Origins::Any => Some(CorsOrigins::Any),
            Origins::Listed(origins) => {
                for (origin, whose) in origins.iter().filter_map(|origin| Some((origin, origin.is_shared()?))) {
                    checks
                        .warn(self.place("cors.origins"), &format!("\"{}\" is the origin of {whose}", origin.as_str()));
                }
                Some(CorsOrigins::List(origins.iter().map(|origin| origin.as_str().to_owned()).collect()))
            }
        };
        self.config.server.engine.cors = origins.map(|origins| {
            let mut cors = CorsConfig::new(origins);
            cors.credentials = credentials;
            cors
        });
    }

    fn finish_ops(&mut self, checks: &mut Checks) {
        if self.config.ops.listen.is_empty() && self.config.ops.token.is_some() {
            checks.warn(self.place("ops.token_env"), "has no effect: ops.listen is empty");
        }
    }

    fn finish_listen(&mut self, checks: &mut Checks) {
        let listen = &self.config.listen;
        for (index, address) in listen.iter().enumerate() {
            if let Some(whole) = listen.iter().find(|whole| covers(whole, address, listen)) {
                let message =
                    format!("expected addresses of which none has another in it: {address} is a part of {whole}");
                return checks.refuse(self.place("listen"), &message);
            }
            // The same address in two ways of writing it.
            let same = |other: &&SocketAddr| other.port() != 0 && canonical(other) == canonical(address);
            if let Some(other) = listen[..index].iter().find(same) {
                let message = format!("expected each address once: {address} is the same as {other}");
                return checks.refuse(self.place("listen"), &message);
            }
        }
    }

    fn finish_cookie(&mut self, checks: &mut Checks) {
        if let Some(cookie) = &self.cookie
            && cookie.same_site == Some(SameSite::None)
            && !cookie.secure
        {
            let message = "expected engine.cookie.secure = true beside \"none\": browsers drop the cookie otherwise";
            return checks.refuse(self.place("engine.cookie.same_site"), message);
        }
        self.config.server.engine.cookie = self.cookie.take();
    }

    fn finish_compression(&mut self) {
        self.config.server.engine.compression_threshold_bytes =
            self.compression.then_some(self.compression_threshold_bytes);
    }

    fn finish_outbox(&mut self, checks: &mut Checks) {
        let payload = self.config.server.engine.session.max_payload_bytes;
        self.config.server.engine.outbox_bytes_max = match self.outbox_bytes_max {
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
            None => EngineConfig::default().outbox_bytes_max.max(payload.saturating_mul(2)),
        };
    }

    fn finish_outboxes(&mut self, checks: &mut Checks) {
        let Some(total) = self.outbox_bytes_total_max else {
            return; // The default stays: a part of the machine's memory.
        };
        let one = self.config.server.engine.outbox_bytes_max;
        if total < one {
            let message = format!(
                "is less than limits.outbox_bytes_max ({one}): a client alone is closed before it has as much waiting"
            );
            checks.warn(self.place("limits.outbox_bytes_total_max"), &message);
        }
        self.config.server.engine.outbox_bytes_total_max = total;
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
            match namespaces.iter_mut().find(|namespace| namespace.name.is_root()) {
                Some(root) => (root.rules, root.place) = (rules, place),
                None => namespaces.push(NamespaceDraft { name: NamespaceName::ROOT, rules, place }),
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
        self.config.policy = Policy::new(namespaces.into_iter().map(|namespace| (namespace.name, namespace.rules)));
    }

    /// Where a setting was written last.
    fn place(&self, key: &str) -> Place {
        self.places.get(key).cloned().unwrap_or(Place::Default)
    }
}

/// Whether who listens on `whole` listens on `part` too, so that nobody else can, not even ourselves.
fn covers(whole: &SocketAddr, part: &SocketAddr, all: &[SocketAddr]) -> bool {
    if whole == part || whole.port() != part.port() || whole.port() == 0 || !whole.ip().is_unspecified() {
        return false;
    }
    // `[::]` leaves IPv4 to `0.0.0.0` where that is listened on as well.
    let takes_ipv4 = whole.is_ipv4() || !all.contains(&(Ipv4Addr::UNSPECIFIED, whole.port()).into());
    if canonical(part).is_ipv4() { takes_ipv4 } else { whole.is_ipv6() }
}

/// An IPv4 address that is written as an IPv6 one is that IPv4 address.
fn canonical(address: &SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The rooms that events go to and nobody can be in, by name.
fn rooms_without_a_door(rules: &Rules) -> Vec<&RoomName> {
    let joined: HashSet<&RoomName> = rules.iter().filter_map(|rule| rule.join.as_ref()).collect();
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
