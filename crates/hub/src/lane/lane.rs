//! One worker's share of the sockets.

use std::sync::Arc;

use engineio_proto::{Delivery, Encoded, Queued, Recipient};

use super::roster::{Member, Roster};
use crate::front::Direction;
use crate::receipt::{Receipt, Tally};
use crate::{Connect, Emit, Expel, FetchRooms, FetchSockets, Move, Op, SocketId, SocketInfo, Target};

/// Owns its sockets' membership and delivers to them.
///
/// The driver is one task. It takes everything out of the lane's [`Mailbox`](crate::Mailbox), calls
/// [`handle`](Self::handle) for each op in order, then [`flush`](Self::flush) once: so what the ops of one turn have
/// for a recipient leaves in one system call, and load coalesces by itself.
///
/// Delivering to a recipient neither allocates, nor formats, nor waits.
pub struct Lane {
    config: LaneConfig,
    roster: Roster,
    /// Events that came one after the other and can be delivered as one; empty between two turns.
    group: Vec<Arc<Emit>>,
    /// Members whose recipient answered [`Queued::Fresh`], and with it asked for a flush. A member that left since
    /// is still in here, and one that came in its place may have its number: [`Member::touched`] decides.
    touched: Vec<u32>,
    /// Recipients to flush whose member is gone.
    departed: Vec<Arc<dyn Recipient>>,
    unflushed_bytes: usize,
    unflushed_emits: usize,
    /// The sockets one emit reached; kept for its capacity.
    reached: Vec<SocketId>,
}

/// How much a lane queues before it flushes in the middle of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneConfig {
    /// Bytes of events. 64 KiB: a long turn must not fill outboxes whose connections could have taken it all, and
    /// one write does not take more anyway.
    pub unflushed_bytes_max: usize,
    /// Events. 64: behind that many, writing them together saves nothing more, and the first has waited for all
    /// the others to be queued on every recipient.
    pub unflushed_emits_max: usize,
}

impl Default for LaneConfig {
    fn default() -> Self {
        Self { unflushed_bytes_max: 64 * 1024, unflushed_emits_max: 64 }
    }
}

impl Lane {
    /// A lane without sockets.
    pub fn new(config: LaneConfig) -> Self {
        Self {
            config,
            roster: Roster::default(),
            group: Vec::with_capacity(config.unflushed_emits_max.min(GROUP_CAPACITY)),
            touched: Vec::new(),
            departed: Vec::new(),
            unflushed_bytes: 0,
            unflushed_emits: 0,
            reached: Vec::new(),
        }
    }

    /// Does what `op` says, by the next [`flush`](Self::flush) at the latest. A socket that is not, or no longer, here
    /// is passed over.
    pub fn handle(&mut self, op: Op) {
        if !matches!(op, Op::Emit(_)) {
            self.deliver_group(Way::Queue);
        }
        match op {
            Op::Emit(emit) => self.emit(emit),
            Op::Connect(connect) => self.connect(*connect),
            Op::Disconnect(socket) => self.disconnect(socket),
            Op::Move(change) => self.change_rooms(&change),
            Op::Expel(expel) => self.expel(&expel),
            Op::FetchSockets(fetch) => self.fetch_sockets(&fetch),
            Op::FetchRooms(fetch) => self.fetch_rooms(&fetch),
        }
    }

    /// Delivers what is left, and flushes each recipient that asked for it since the last time, once.
    pub fn flush(&mut self) {
        self.deliver_group(Way::Send);
        for key in self.touched.drain(..) {
            if let Some(member) = self.roster.member_mut(key)
                && std::mem::take(&mut member.touched)
            {
                member.recipient.flush();
            }
        }
        for recipient in self.departed.drain(..) {
            recipient.flush();
        }
        self.unflushed_bytes = 0;
        self.unflushed_emits = 0;
        // Now that nobody's number is kept. The list of those to flush has room for all members, always.
        self.roster.shrink();
        if self.touched.capacity() > TOUCHED_KEPT && self.roster.len() < self.touched.capacity() / 4 {
            self.touched.shrink_to(2 * self.roster.len());
        }
    }

    /// The sockets that are connected.
    pub fn len(&self) -> usize {
        self.roster.len()
    }

    /// Whether no socket is connected, no room left, and no flush owed.
    pub fn is_empty(&self) -> bool {
        let owes_nothing = self.group.is_empty() && self.touched.is_empty() && self.departed.is_empty();
        self.roster.is_empty() && owes_nothing
    }

    fn connect(&mut self, connect: Connect) {
        let Connect { socket, namespace, recipient, owner, greeting } = connect;
        // Ids are never used twice; if one is all the same, the newer socket has it.
        self.disconnect(socket);
        let key = self.roster.insert(socket, namespace, recipient, owner);
        // From here on every member can be touched once without growing the list.
        self.touched.reserve(self.roster.len());
        let member = self.roster.member_mut(key).expect("it was just inserted");
        if member.recipient.queue(&greeting, Delivery::Reliable) == Queued::Fresh {
            touch(&mut self.touched, key, member);
        }
    }

    fn disconnect(&mut self, socket: SocketId) {
        if let Some(key) = self.roster.key_of(socket) {
            self.remove(key);
        }
    }

    fn emit(&mut self, emit: Arc<Emit>) {
        if !self.group.last().is_none_or(|last| can_join(last, &emit)) {
            self.deliver_group(Way::Queue);
        }
        self.unflushed_bytes += emit.encoded.len();
        self.unflushed_emits += 1;
        self.group.push(emit);
        if self.unflushed_bytes >= self.config.unflushed_bytes_max
            || self.unflushed_emits >= self.config.unflushed_emits_max
        {
            self.flush();
        }
    }

    /// Delivers the events of the group as one: a recipient costs the same for sixteen as for one.
    fn deliver_group(&mut self, way: Way) {
        let mut group = std::mem::take(&mut self.group);
        match &group[..] {
            [] => {}
            [only] => self.deliver(&only.encoded, &group, way),
            several => {
                let joined = Encoded::join(several.iter().map(|emit| &emit.encoded));
                self.deliver(&joined, &group, way);
            }
        }
        group.clear();
        self.group = group;
    }

    /// Delivers to all whom the group is for.
    fn deliver(&mut self, encoded: &Encoded, group: &[Arc<Emit>], way: Way) {
        let Some(first) = group.first() else {
            return;
        };
        let Self { roster, touched, reached, .. } = self;
        let collects = group.iter().any(|emit| emit.receipt.as_ref().is_some_and(Receipt::collects));
        if collects {
            reached.reserve(roster.len());
        }
        let mut tally = Tally::default();
        roster.select(&first.target, |key, member| {
            let queued = match way {
                Way::Queue => member.recipient.queue(encoded, first.delivery),
                Way::Send => member.recipient.send(encoded, first.delivery),
            };
            tally.count(queued);
            match (way, queued) {
                (Way::Queue, Queued::Fresh) => touch(touched, key, member),
                (Way::Send, queued) if queued.is_queued() => member.touched = false,
                _ => {}
            }
            if collects && queued.is_queued() {
                reached.push(member.id);
            }
        });
        for receipt in group.iter().filter_map(|emit| emit.receipt.as_ref()) {
            receipt.add(tally, if receipt.collects() { reached } else { &[] });
        }
        if collects {
            // The next one may come in hours: as many ids as there are sockets are not kept for it.
            *reached = Vec::new();
        }
    }

    fn change_rooms(&mut self, change: &Move) {
        for key in self.keys(&change.target) {
            for room in &change.rooms {
                match change.direction {
                    Direction::Join => self.roster.join(key, room),
                    Direction::Leave => self.roster.leave(key, room),
                }
            }
        }
    }

    fn expel(&mut self, expel: &Expel) {
        for key in self.keys(&expel.target) {
            let member = self.roster.member_mut(key).expect("the keys are of members");
            if member.recipient.queue(&expel.farewell, Delivery::Reliable) == Queued::Fresh {
                touch(&mut self.touched, key, member);
            }
            let (socket, owner) = (member.id, Arc::clone(&member.owner));
            self.remove(key);
            owner.expelled(socket, expel.from);
        }
    }

    fn fetch_sockets(&mut self, fetch: &FetchSockets) {
        let keys = self.keys_and_ids(&fetch.target);
        fetch.found.add(keys.into_iter().map(|(key, id)| {
            let rooms = self.roster.rooms_of(key).cloned().collect();
            SocketInfo { id, rooms }
        }));
    }

    fn fetch_rooms(&mut self, fetch: &FetchRooms) {
        let rooms = self.roster.rooms(&fetch.namespace);
        fetch.found.add(rooms.map(|(room, members)| (room.clone(), members)));
    }

    fn remove(&mut self, key: u32) {
        let member = self.roster.remove(key);
        if member.touched {
            self.departed.push(member.recipient);
        }
    }

    fn keys(&mut self, target: &Target) -> Vec<u32> {
        let mut keys = Vec::new();
        self.roster.select(target, |key, _| keys.push(key));
        keys
    }

    fn keys_and_ids(&mut self, target: &Target) -> Vec<(u32, SocketId)> {
        let mut keys = Vec::new();
        self.roster.select(target, |key, member| keys.push((key, member.id)));
        keys
    }
}

/// How an event is handed to its recipients.
#[derive(Clone, Copy)]
enum Way {
    /// To leave together with what else this turn has for them.
    Queue,
    /// With everything that waits for them, at once: each is so visited once, and not again after a thousand others,
    /// when nothing of it is in the processor's caches any more.
    Send,
}

/// Whether two events, one after the other, can be one: for the same sockets, kept in any case, and small, so that a
/// copy costs less than one recipient does.
fn can_join(first: &Emit, second: &Emit) -> bool {
    let is_joinable = |emit: &Emit| emit.delivery == Delivery::Reliable && emit.encoded.len() <= JOINED_LEN_MAX;
    is_joinable(first) && is_joinable(second) && first.target == second.target
}

/// Remembers to flush a member, once.
fn touch(touched: &mut Vec<u32>, key: u32, member: &mut Member) {
    if !std::mem::replace(&mut member.touched, true) {
        touched.push(key);
    }
}

const JOINED_LEN_MAX: usize = 2048;
/// Members to flush for which there is room whatever happens.
const TOUCHED_KEPT: usize = 64;
/// What a group has room for from the start, so that the first events of a lane allocate nothing either.
const GROUP_CAPACITY: usize = 64;
