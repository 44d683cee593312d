//! What administrators are told of each client and each event, in development mode.
//!
//! In reading order: this (what is told, and how much of it), [`described`] (a socket, as the page is told of it), [`watch`] (what
//! one socket does), [`snapshot`] (all of them).

mod described;
mod snapshot;
mod watch;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use socketio::codec::{EventName, RawName};
use socketio::{Arguments, Broadcast, NamespaceName, Server, SocketId, ToArguments, TransportNow};

pub(crate) use described::SHOWN_HEADERS;
pub(crate) use watch::Watch;

use super::now;
use super::pace::Pace;
use crate::auth::sha256;
use crate::log::JsonString;
use described::timestamp;
use snapshot::Snapshots;

/// The way to the administrators, for what happens to clients. While it is off, whoever comes is not watched at all.
#[derive(Debug)]
pub(crate) struct Development {
    is_on: AtomicBool,
    /// How many administrators are here.
    pub(super) present: AtomicUsize,
    place: OnceLock<Place>,
    namespace: RwLock<Option<NamespaceName>>,
    clients: Mutex<Pace>,
    events: Mutex<Pace>,
    /// Some of what happened to clients was not told, so that the page shows what is not so.
    is_stale: AtomicBool,
    /// By which transport those are connected who are watched.
    transports: Mutex<HashMap<SocketId, TransportNow>>,
    snapshots: Snapshots,
    /// So that ids of clients are no other node's.
    seed: [u8; 16],
}

/// Where it is told.
#[derive(Debug)]
struct Place {
    server: Server,
    /// There are other nodes, whose administrators hear of this one.
    is_cluster: bool,
    is_secure: bool,
}

/// How much was not told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) clients: u64,
    pub(super) events: u64,
}

impl Development {
    pub(super) fn new(seed: [u8; 16]) -> Arc<Self> {
        Arc::new(Self {
            is_on: AtomicBool::new(false),
            present: AtomicUsize::new(0),
            place: OnceLock::new(),
            namespace: RwLock::new(None),
            clients: Mutex::new(Pace::new(CLIENTS_PER_S, CLIENTS_PER_S)),
            events: Mutex::new(Pace::new(EVENTS_PER_S, EVENTS_PER_S)),
            is_stale: AtomicBool::new(false),
            transports: Mutex::default(),
            snapshots: Snapshots::default(),
            seed,
        })
    }

    /// Where it is told from now on.
    pub(super) fn begin(&self, server: Server, is_cluster: bool, is_secure: bool) {
        // It is called once.
        let _ = self.place.set(Place { server, is_cluster, is_secure });
    }

    /// Watches whoever comes from now on, or does not; and tells what it sees in this namespace.
    pub(super) fn set(&self, is_on: bool, namespace: Option<NamespaceName>) {
        *self.namespace.write().unwrap_or_else(PoisonError::into_inner) = namespace;
        self.is_on.store(is_on, Ordering::Relaxed);
    }

    /// Whether whoever comes is to be watched.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// What was not told since this was asked last. Where that makes the page show what is not so, it is shown all anew once
    /// nothing is left out any more.
    pub(super) fn take_left_out(self: &Arc<Self>) -> LeftOut {
        let clients = locked(&self.clients).take_left_out();
        let left_out = LeftOut { clients, events: locked(&self.events).take_left_out() };
        if clients == 0 && self.is_stale.swap(false, Ordering::Relaxed) {
            self.show_all();
        }
        left_out
    }

    /// The administrators, if anybody listens.
    fn listeners(&self) -> Option<Broadcast> {
        let place = self.place.get().filter(|_| self.is_on())?;
        if !place.is_cluster && self.present.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let namespace = self.namespace.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        place.server.of(namespace.as_str()).ok()
    }

    /// Tells what happened to a client, if there is room for it.
    fn tell_of_client<T: ToArguments>(&self, name: &str, arguments: impl FnOnce() -> T) {
        let Some(listeners) = self.listeners() else { return };
        if locked(&self.clients).take(now()).is_err() {
            self.is_stale.store(true, Ordering::Relaxed);
            return;
        }
        // A name that Socket.IO does not reserve, and what always serializes.
        let _ = listeners.emit(name, arguments());
    }

    /// Tells of an event, if there is room for it, and says whether there was.
    fn tell_of_event<L: fmt::Display>(&self, kind: &str, nsp: &str, id: SocketId, list: impl FnOnce() -> L) -> bool {
        let Some(listeners) = self.listeners() else { return false };
        let has_room = locked(&self.events).take(now()).is_ok();
        if has_room {
            // An id and a time have nothing that is escaped.
            let (nsp, list, time) = (JsonString(nsp), list(), timestamp());
            let arguments = Arguments::from_json(format!("[{nsp},\"{id}\",{list},\"{time}\"]").into());
            // One that is nested as deep as may be is too deep now, and left out.
            if let (Ok(name), Ok(arguments)) = (EventName::new(kind), arguments) {
                listeners.relay(name.raw(), &arguments);
            }
        }
        has_room
    }

    /// Whether anybody would be told of one more event.
    fn has_room_for_event(&self) -> bool {
        self.listeners().is_some() && locked(&self.events).has_one(now())
    }

    /// What all sockets of a connection have in common, and no secret.
    fn client_id(&self, connection: u32) -> String {
        let mut text = self.seed.to_vec();
        text.extend(connection.to_be_bytes());
        sha256(&text)[..6].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn is_secure(&self) -> bool {
        self.place.get().is_some_and(|place| place.is_secure)
    }

    fn transports(&self) -> MutexGuard<'_, HashMap<SocketId, TransportNow>> {
        locked(&self.transports)
    }
}

/// An event as the page is told of it: its name and its arguments in one list. Attachments are told by their length, and what is long,
/// a name too, not at all but by it.
fn as_list(name: RawName<'_>, arguments: &Arguments) -> String {
    let list = if arguments.as_str().len() > EVENT_BYTES_MAX {
        format!("[\"({} bytes)\"]", arguments.as_str().len())
    } else {
        arguments.to_json_with(|bytes, json| json.push_str(&format!("\"({} bytes of binary data)\"", bytes.len())))
    };
    let name = match name.as_str() {
        short if short.len() <= EVENT_BYTES_MAX => Cow::Borrowed(short),
        long => Cow::Owned(format!("\"({} bytes)\"", long.len())),
    };
    let rest = list.strip_prefix('[').unwrap_or("]");
    let comma = if rest == "]" { "" } else { "," };
    format!("[{name}{comma}{rest}")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Comings and goings: more than a page can show, and a crowd that comes back at once is a sample of itself.
const CLIENTS_PER_S: u32 = 500;

/// Events are for reading.
const EVENTS_PER_S: u32 = 100;

/// Of the name and of the arguments of an event that is told of.
const EVENT_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use socketio::Event;

    use super::*;

    #[test]
    fn an_event_is_one_list_that_is_not_long() {
        let list = |json: &str, attachments: Vec<Bytes>| {
            let event = Event::from_json(json.to_owned().into(), attachments, &Default::default()).unwrap();
            as_list(event.raw_name(), event.arguments())
        };
        assert_eq!(list(r#"["x"]"#, vec![]), r#"["x"]"#);
        assert_eq!(list(r#"["a\"b",1,{"c":[]}]"#, vec![]), r#"["a\"b",1,{"c":[]}]"#);
        let binary = list(r#"["x",{"_placeholder":true,"num":0},2]"#, vec![Bytes::from_static(b"12345")]);
        assert_eq!(binary, r#"["x","(5 bytes of binary data)",2]"#);
        let long = "y".repeat(5000);
        assert_eq!(list(&format!(r#"["x","{long}"]"#), vec![]), r#"["x","(5002 bytes)"]"#);
        assert_eq!(list(&format!(r#"["{long}",1]"#), vec![]), r#"["(5002 bytes)",1]"#);
    }

    #[test]
    fn ids_of_clients_are_stable_and_of_12_letters() {
        let development = Development::new([7; 16]);
        let id = development.client_id(1);
        assert_eq!((id.len(), &id), (12, &development.client_id(1)));
        assert_ne!(id, development.client_id(2));
        assert_ne!(id, Development::new([8; 16]).client_id(1));
    }
}
