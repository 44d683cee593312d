//! One worker's share of the sockets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use std::vec;

use engineio_proto::{Delivery, Encoded, Queued, Recipient};

use super::counts::Board;
use super::crowd::{Crowd, CrowdConfig};
use super::pace::Pace;
use super::roster::{Member, Roster, Selection};
use crate::front::{Charge, Charged, Found, Message, Tally};
use crate::{
    Connect, Direction, Emit, Expel, FetchRooms, FetchSockets, Find, Greeted, Move, Op, Receipt, Room, SocketId,
    SocketInfo, Target, Tell,
};

/// Owns its sockets' membership and delivers to them.
///
/// The driver is one task. It takes everything out of the lane's [`Mailbox`](crate::Mailbox), and gives it to
/// [`turn`](Self::turn) until that is [done](Turn::Done): each op in order, and one flush behind them. So what the ops of
/// one turn have for a recipient leaves in one system call, and load coalesces by itself. A turn that was
/// [spent](Turn::Spent) goes on with the next call, when others had the thread: in the middle of an event's recipients
/// if need be. [`poll_timeout`](Self::poll_timeout) says when [`handle_timeout`](Self::handle_timeout) is to be called.
///
/// Where time does not matter, [`handle`](Self::handle) and [`flush`](Self::flush) do the same without end.
///
/// Delivering to a recipient neither allocates, nor formats, nor waits.
pub struct Lane {
    config: LaneConfig,
    roster: Roster,
    board: Arc<Board>,
    crowd: Crowd,
    /// The last time the driver told. Without any, nobody is held back.
    now: Option<Instant>,
    /// Events that came one after the other and can be delivered as one; empty between two turns.
    group: Group,
    stage: Stage,
    /// What is to be done behind the stage: it ended a group.
    next: Option<Op>,
    /// Work left in this turn.
    left: usize,
    /// Members whose recipient answered [`Queued::Fresh`], and with it asked for a flush. A member that left since
    /// is still in here, and one that came in its place may have its number: [`Member::touched`] decides.
    touched: Vec<u32>,
    /// Recipients to flush that are no member's, or whose member is gone.
    others: Vec<Arc<dyn Recipient>>,
    unflushed: Unflushed,
    /// Deliveries that were flushed since they were last [noted](Self::note_delivered).
    flushed: u64,
    /// The sockets one emit reached; kept for its capacity.
    reached: Vec<SocketId>,
    /// Members for which one of the group's events is not; kept for its capacity.
    apart: Vec<u32>,
}

/// How much a lane does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneConfig {
    /// Bytes of events that are queued before they are flushed in the middle of a turn. 64 KiB: a long turn must not
    /// fill outboxes whose connections could have taken it all, and one write does not take more anyway.
    pub unflushed_bytes_max: usize,
    /// Events. 64: behind that many, writing them together saves nothing more, and the first has waited for all
    /// the others to be queued on every recipient.
    pub unflushed_emits_max: usize,
    /// Messages, of which one may be several events that were joined. 32: so many fit into the memory that an outbox
    /// keeps; with more, each recipient's would grow and shrink with each turn.
    pub unflushed_messages_max: usize,
    /// Work after which a turn is spent and others get the thread, in quarters of a delivery that is sent: one that is
    /// only queued is one, and so is each KiB. 2,048: some hundred microseconds.
    pub turn_work_max: usize,
    /// Those that read more slowly than others send.
    pub crowd: CrowdConfig,
}

impl Default for LaneConfig {
    fn default() -> Self {
        Self {
            unflushed_bytes_max: 64 * 1024,
            unflushed_emits_max: 64,
            unflushed_messages_max: 32,
            turn_work_max: 2048,
            crowd: CrowdConfig::default(),
        }
    }
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a turn that is not done has to go on"]
pub enum Turn {
    /// Everything is handled and flushed.
    Done,
    /// Its budget is used up: let others run, and call again.
    Spent,
}

/// What a lane is in the middle of. No op is handled in between, so nobody comes or goes meanwhile.
enum Stage {
    Idle,
    /// The group goes out.
    Delivering(Delivering),
    /// Recipients are flushed: those of `touched` from `at` on, then the others.
    Flushing {
        at: usize,
    },
    Moving(Arc<Charged<Move>>, vec::IntoIter<u32>),
    Expelling(Arc<Charged<Expel>>, vec::IntoIter<u32>),
    /// Sockets are described for who asked.
    Describing(Arc<FetchSockets>, vec::IntoIter<u32>),
    /// Sockets are counted, or named: so many so far.
    Finding(Arc<Find>, Selection, usize),
    /// Rooms are named, from the one of this number on.
    Listing(Arc<FetchRooms>, usize),
}

/// The delivery of the group.
struct Delivering {
    encoded: Encoded,
    way: Way,
    selection: Selection,
    tally: Tally,
    /// A member that makes the senders wait.
    holder: Option<SocketId>,
}

/// Events that are delivered as one: for the same sockets, or for the same but for those that one or the other excepts.
#[derive(Default)]
struct Group {
    emits: Vec<Arc<Charged<Emit>>>,
    is_mixed: bool,
}

/// What was queued since the last flush.
#[derive(Default)]
struct Unflushed {
    bytes: usize,
    emits: usize,
    messages: usize,
    deliveries: u64,
}

/// How an event is handed to its recipients.
#[derive(Clone, Copy)]
enum Way {
    /// To leave together with what else this turn has for them.
    Queue,
    /// With everything that waits for them, at once: each is so visited once, and not again after a thousand others,
    /// when nothing of it is in the processor's caches any more. The flush that follows finds nothing.
    Send,
}

impl Lane {
    /// A lane without sockets, whose counts nobody reads. That of a hub is made by
    /// [`Mailbox::lane`](crate::Mailbox::lane).
    pub fn new(config: LaneConfig) -> Self {
        Self::with_board(config, Arc::default())
    }

    pub(crate) fn with_board(config: LaneConfig, board: Arc<Board>) -> Self {
        let capacity = config.unflushed_emits_max.min(GROUP_CAPACITY);
        Self {
            roster: Roster::new(Arc::clone(&board)),
            board,
            crowd: Crowd::new(config.crowd),
            now: None,
            group: Group { emits: Vec::with_capacity(capacity), is_mixed: false },
            stage: Stage::Idle,
            next: None,
            left: 0,
            touched: Vec::new(),
            others: Vec::new(),
            unflushed: Unflushed::default(),
            flushed: 0,
            reached: Vec::new(),
            apart: Vec::with_capacity(capacity),
            config,
        }
    }

    /// Does what is left of the last turn, then what `ops` say, and flushes; but no more than the budget of one turn.
    pub fn turn(&mut self, ops: &mut impl Iterator<Item = Op>, now: Instant) -> Turn {
        self.handle_timeout(now);
        self.left = self.config.turn_work_max.max(1);
        while self.proceed() {
            match ops.next() {
                Some(op) => self.take(op),
                None if self.owes_nothing() => return Turn::Done,
                None => self.begin_flush(),
            }
        }
        Turn::Spent
    }

    /// Does what `op` says, by the next [`flush`](Self::flush) at the latest. A socket that is not, or no longer, here
    /// is passed over.
    pub fn handle(&mut self, op: Op) {
        self.finish();
        self.take(op);
        self.finish();
    }

    /// Delivers what is left, and flushes each recipient that asked for it since the last time, once.
    pub fn flush(&mut self) {
        self.finish();
        self.begin_flush();
        self.finish();
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if no turn comes before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.crowd.poll_timeout()
    }

    /// Time has passed: those who wait for others to read may have waited long enough.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = Some(now);
        self.crowd.check(&mut self.roster, now);
    }

    /// Counts how long what was delivered since the last call took: `since` is when the first of it came into the mailbox
    /// ([`Mailbox::poll_drain`](crate::Mailbox::poll_drain)). `now` is asked for only if there was anything. To be called
    /// behind each turn.
    pub fn note_delivered(&mut self, since: Option<Instant>, now: impl FnOnce() -> Instant) {
        let flushed = std::mem::take(&mut self.flushed);
        if let Some(since) = since.filter(|_| flushed > 0) {
            self.board.delivery().record(now().saturating_duration_since(since), flushed);
        }
    }

    /// The sockets that are connected.
    pub fn len(&self) -> usize {
        self.roster.len()
    }

    /// Whether no socket is connected, no room left, and no flush owed.
    pub fn is_empty(&self) -> bool {
        self.roster.is_empty() && self.crowd.is_empty() && self.owes_nothing()
    }

    fn owes_nothing(&self) -> bool {
        let is_idle = matches!(self.stage, Stage::Idle) && self.next.is_none();
        is_idle
            && self.group.emits.is_empty()
            && self.touched.is_empty()
            && self.others.is_empty()
            && self.unflushed.emits == 0
    }

    /// Goes on without end.
    fn finish(&mut self) {
        self.left = usize::MAX;
        while !self.proceed() {
            self.left = usize::MAX;
        }
    }

    /// Goes on with what was begun. False if the budget came first.
    fn proceed(&mut self) -> bool {
        while self.left > 0 {
            match std::mem::replace(&mut self.stage, Stage::Idle) {
                Stage::Idle => match self.next.take() {
                    Some(op) => self.begin(op),
                    None => return true,
                },
                Stage::Delivering(delivering) => self.go_on_delivering(delivering),
                Stage::Flushing { at } => self.go_on_flushing(at),
                Stage::Moving(change, keys) => self.go_on_moving(change, keys),
                Stage::Expelling(expel, keys) => self.go_on_expelling(expel, keys),
                Stage::Describing(fetch, keys) => self.go_on_describing(fetch, keys),
                Stage::Finding(find, selection, number) => self.go_on_finding(find, selection, number),
                Stage::Listing(fetch, at) => self.go_on_listing(fetch, at),
            }
        }
        false
    }

    /// Takes the next op, nothing being under way. What cannot be delivered together with the group waits for it.
    fn take(&mut self, op: Op) {
        let joins = matches!(&op, Op::Emit(emit) if self.group.takes(emit));
        if joins || self.group.emits.is_empty() {
            return self.begin(op);
        }
        self.next = Some(op);
        self.begin_delivery(Way::Queue);
    }

    fn begin(&mut self, op: Op) {
        self.spend(OP_WORK);
        match op {
            Op::Emit(emit) => self.emit(emit),
            Op::Connect(greeted) => self.connect(*greeted),
            Op::Disconnect(socket) => self.disconnect(socket),
            Op::Tell(tell) => self.tell(*tell),
            Op::Move(change) => {
                let keys = self.keys(&change.target, change.charge());
                self.stage = Stage::Moving(change, keys);
            }
            Op::Expel(expel) => {
                let keys = self.keys(&expel.target, expel.charge());
                self.stage = Stage::Expelling(expel, keys);
            }
            Op::FetchSockets(fetch) => {
                let keys = self.keys(&fetch.target, None);
                self.stage = Stage::Describing(fetch, keys);
            }
            Op::Find(find) => {
                if let Some(selection) = self.roster.begin(&find.target, find.target.except_sockets()) {
                    self.stage = Stage::Finding(find, selection, 0);
                }
            }
            Op::FetchRooms(fetch) => self.stage = Stage::Listing(fetch, 0),
        }
    }

    fn connect(&mut self, greeted: Charged<Greeted>) {
        let (Greeted { connect, greeting }, _charge) = greeted.into_parts();
        let Connect { socket, namespace, recipient, owner } = connect;
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

    fn tell(&mut self, tell: Charged<Tell>) {
        let (Tell { recipient, message }, _charge) = tell.into_parts();
        match message {
            Message::Packet(packet) => {
                if recipient.queue(&packet, Delivery::Reliable) == Queued::Fresh {
                    self.others.push(recipient);
                }
            }
            Message::Close(reason) => recipient.close(reason),
        }
    }

    fn emit(&mut self, emit: Arc<Charged<Emit>>) {
        self.unflushed.bytes += emit.encoded.len();
        self.unflushed.emits += 1;
        self.group.push(emit);
        if self.unflushed.bytes >= self.config.unflushed_bytes_max
            || self.unflushed.emits >= self.config.unflushed_emits_max
            || self.unflushed.messages + 1 >= self.config.unflushed_messages_max
        {
            self.begin_flush();
        }
    }

    /// Delivers the group, and flushes behind it.
    fn begin_flush(&mut self) {
        if self.group.emits.is_empty() {
            self.stage = Stage::Flushing { at: 0 };
        } else {
            self.begin_delivery(Way::Send);
        }
    }

    /// Delivers the events of the group as one: a recipient costs the same for sixteen as for one.
    fn begin_delivery(&mut self, way: Way) {
        self.unflushed.messages += 1;
        let Some(first) = self.group.emits.first() else {
            return;
        };
        let except = if self.group.is_mixed { &[] } else { first.target.except_sockets() };
        let Some(selection) = self.roster.begin(&first.target, except) else {
            return self.end_group(Tally::default(), way);
        };
        let encoded = match &self.group.emits[..] {
            [only] => only.encoded.clone(),
            several => Encoded::join(several.iter().map(|emit| &emit.encoded)),
        };
        if self.group.is_mixed {
            self.set_apart(true);
        }
        if self.group.collects() {
            self.reached.reserve(self.roster.len());
        }
        self.stage = Stage::Delivering(Delivering { encoded, way, selection, tally: Tally::default(), holder: None });
    }

    /// Delivers to all whom the group is for, but those that are apart.
    fn go_on_delivering(&mut self, mut delivering: Delivering) {
        let Some(first) = self.group.emits.first() else {
            return;
        };
        let Delivering { encoded, way, selection, tally, holder } = &mut delivering;
        let price = way.work() + encoded.len() / BYTES_A_WORK;
        let max = (self.left / price).max(1);
        let collects = self.group.collects();
        let Self { roster, crowd, touched, reached, apart, now, .. } = self;
        let looked_at = roster.visit(&first.target, selection, max, |key, member| {
            if member.is_apart {
                return apart.push(key);
            }
            let queued = hand(*way, encoded, first.delivery, (key, member), touched);
            tally.count(queued);
            if queued == Queued::Crowded {
                wait_for(crowd, member, holder, *now);
            }
            if collects && queued.is_queued() {
                reached.push(member.id);
            }
        });
        self.spend(looked_at * price);
        if looked_at == max {
            self.stage = Stage::Delivering(delivering);
            return;
        }
        let (tally, events) = (delivering.tally, self.group.emits.len());
        self.roster.counts(&delivering.selection).add(tally, events);
        self.unflushed.deliveries += (tally.queued * events) as u64;
        if self.group.is_mixed {
            self.deliver_apart(&mut delivering);
        }
        self.hold(&delivering);
        self.end_group(delivering.tally, delivering.way);
    }

    /// Gives each member for which an event of the group is not, the others of them. For each there is such an event, so
    /// what is allocated here is so for each event, not for each recipient.
    fn deliver_apart(&mut self, delivering: &mut Delivering) {
        self.set_apart(false);
        let Delivering { way, selection, holder, .. } = delivering;
        let Self { roster, crowd, group, touched, apart, now, unflushed, .. } = self;
        let mut work = 0;
        for key in apart.drain(..) {
            let Some(member) = roster.member_mut(key) else {
                continue;
            };
            let id = member.id;
            let theirs = group.emits.iter().filter(|emit| !emit.target.except_sockets().contains(&id));
            let encoded = match theirs.clone().count() {
                0 => continue,
                1 => theirs.clone().next().map(|emit| emit.encoded.clone()),
                _ => Some(Encoded::join(theirs.clone().map(|emit| &emit.encoded))),
            };
            let Some(encoded) = encoded else { continue };
            let queued = hand(*way, &encoded, Delivery::Reliable, (key, &mut *member), touched);
            work += way.work() + encoded.len() / BYTES_A_WORK;
            if queued == Queued::Crowded {
                wait_for(crowd, member, holder, *now);
            }
            let mut tally = Tally::default();
            tally.count(queued);
            let events = theirs.clone().count();
            roster.counts(selection).add(tally, events);
            unflushed.deliveries += (tally.queued * events) as u64;
            let reached: &[SocketId] = if queued.is_queued() { &[id] } else { &[] };
            for emit in theirs {
                emit.account(tally, reached);
            }
        }
        self.spend(work);
    }

    /// Marks the members that an event of the group excepts.
    fn set_apart(&mut self, is_apart: bool) {
        let Self { roster, group, .. } = self;
        for socket in group.emits.iter().flat_map(|emit| emit.target.except_sockets()) {
            if let Some(member) = roster.key_of(*socket).and_then(|key| roster.member_mut(key)) {
                member.is_apart = is_apart;
            }
        }
    }

    /// Lets the senders wait for a member that does not keep up with them.
    fn hold(&mut self, delivering: &Delivering) {
        if let (Some(holder), Some(now)) = (delivering.holder, self.now) {
            for charge in self.group.emits.iter().filter_map(|emit| emit.charge()) {
                self.crowd.hold(holder, charge.again(), now);
            }
        }
    }

    fn end_group(&mut self, tally: Tally, way: Way) {
        for emit in &self.group.emits {
            emit.account(tally, &self.reached);
        }
        if self.group.collects() {
            // The next one may come in hours: as many ids as there are sockets are not kept for it.
            self.reached = Vec::new();
        }
        self.group.clear();
        if let Way::Send = way {
            self.stage = Stage::Flushing { at: 0 };
        }
    }

    fn go_on_flushing(&mut self, at: usize) {
        let max = (self.left / FLUSH_WORK).max(1);
        let end = self.touched.len().min(at.saturating_add(max));
        let mut flushed = 0;
        for key in &self.touched[at..end] {
            if let Some(member) = self.roster.member_mut(*key)
                && std::mem::take(&mut member.touched)
            {
                member.recipient.flush();
                flushed += 1;
            }
        }
        self.spend(flushed * FLUSH_WORK);
        if end < self.touched.len() {
            self.stage = Stage::Flushing { at: end };
            return;
        }
        self.touched.clear();
        for recipient in self.others.drain(..) {
            recipient.flush();
        }
        self.flushed += std::mem::take(&mut self.unflushed).deliveries;
        // Now that nobody's number is kept. The list of those to flush has room for all members, always.
        self.roster.shrink();
        if self.touched.capacity() > TOUCHED_KEPT && self.roster.len() < self.touched.capacity() / 4 {
            self.touched.shrink_to(2 * self.roster.len());
        }
    }

    fn go_on_moving(&mut self, change: Arc<Charged<Move>>, mut keys: vec::IntoIter<u32>) {
        let price = ROOM_WORK * change.rooms.len().max(1);
        while self.left > 0 {
            let Some(key) = keys.next() else {
                return;
            };
            self.move_one(key, &change);
            self.spend(price);
        }
        self.stage = Stage::Moving(change, keys);
    }

    /// Moves one member, and tells its owner what that changed if it is not what the owner knows.
    fn move_one(&mut self, key: u32, change: &Charged<Move>) {
        let roster = &mut self.roster;
        let is_told = !change.is_own() || roster.member_mut(key).is_some_and(|member| member.is_moved);
        let mut moved = Vec::new();
        for room in &change.rooms {
            let is_changed = match (change.direction, &change.bound) {
                (Direction::Join, Some(bound)) if !roster.may_join(key, room, bound.rooms_max) => {
                    bound.refused.fetch_add(1, Ordering::Relaxed);
                    false
                }
                (Direction::Join, _) => roster.join(key, room),
                (Direction::Leave, _) => roster.leave(key, room),
            };
            if is_changed && is_told {
                moved.push(room.clone());
            }
        }
        if let Some(member) = roster.member_mut(key).filter(|_| !moved.is_empty()) {
            member.is_moved = true;
            member.owner.moved(member.id, change.direction, &moved);
            self.spend(FLUSH_WORK);
        }
    }

    fn go_on_expelling(&mut self, expel: Arc<Charged<Expel>>, mut keys: vec::IntoIter<u32>) {
        while self.left > 0 {
            let Some(key) = keys.next() else {
                return;
            };
            let member = self.roster.member_mut(key).expect("nobody comes or goes while some are expelled");
            if let Some(farewell) = &expel.farewell
                && member.recipient.queue(farewell, Delivery::Reliable) == Queued::Fresh
            {
                touch(&mut self.touched, key, member);
            }
            let (socket, owner) = (member.id, Arc::clone(&member.owner));
            self.remove(key);
            owner.expelled(socket, expel.from);
            self.spend(FLUSH_WORK);
        }
        self.stage = Stage::Expelling(expel, keys);
    }

    fn go_on_describing(&mut self, fetch: Arc<FetchSockets>, mut keys: vec::IntoIter<u32>) {
        while self.left > 0 {
            // Some at a time: the other lanes put theirs in the same place.
            let mut some = Vec::with_capacity(keys.len().min(DESCRIBED));
            for key in keys.by_ref().take(DESCRIBED) {
                let member = self.roster.member_mut(key).expect("nobody comes or goes while some are described");
                let (id, owner) = (member.id, Arc::clone(&member.owner));
                some.push(SocketInfo { id, rooms: self.roster.rooms_of(key).cloned().collect(), owner });
            }
            if some.is_empty() {
                return;
            }
            let rooms: usize = some.iter().map(|socket| socket.rooms.len()).sum();
            self.spend(some.len() * DESCRIBE_WORK + rooms / ROOMS_A_WORK);
            let bytes = some.iter().map(SocketInfo::weight).sum();
            if !fetch.found.add(some, bytes) {
                return;
            }
        }
        self.stage = Stage::Describing(fetch, keys);
    }

    fn go_on_finding(&mut self, find: Arc<Find>, mut selection: Selection, mut number: usize) {
        let max = self.left.saturating_mul(FOUND_A_WORK);
        let mut ids = Vec::new();
        let looked_at = self.roster.visit(&find.target, &mut selection, max, |_, member| match &find.found {
            Found::Number(_) => number += 1,
            Found::Ids(_) => ids.push(member.id),
        });
        self.spend(looked_at.div_ceil(FOUND_A_WORK));
        let is_wanted = match &find.found {
            Found::Number(_) => true,
            Found::Ids(found) => {
                let bytes = ids.len() * size_of::<SocketId>();
                found.add(ids, bytes)
            }
        };
        if looked_at == max && is_wanted {
            self.stage = Stage::Finding(find, selection, number);
        } else if let Found::Number(found) = &find.found {
            found.add([number], 0);
        }
    }

    fn go_on_listing(&mut self, fetch: Arc<FetchRooms>, at: usize) {
        // Some at a time: the other lanes put theirs in the same place.
        let max = self.left.min(LISTED);
        let (mut some, mut bytes) = (Vec::new(), 0);
        let next = self.roster.rooms(&fetch.namespace, at, max, |room, members| {
            bytes += size_of::<(Room, usize)>() + room.as_str().len();
            some.push((room.clone(), members));
        });
        self.spend(max);
        let is_wanted = fetch.found.add(some, bytes);
        if let Some(next) = next.filter(|_| is_wanted) {
            self.stage = Stage::Listing(fetch, next);
        }
    }

    fn remove(&mut self, key: u32) {
        let member = self.roster.remove(key);
        if member.pace != Pace::Free {
            self.crowd.forget(member.id);
        }
        if member.touched {
            self.others.push(member.recipient);
        }
    }

    /// Whom something else than an event is for; whoever asked for it is charged as for an event that reaches as many.
    fn keys(&mut self, target: &Target, charge: Option<&Charge>) -> vec::IntoIter<u32> {
        let mut keys = Vec::new();
        self.roster.select(target, |key, _| keys.push(key));
        if let Some(charge) = charge {
            charge.reached(keys.len());
        }
        keys.into_iter()
    }

    fn spend(&mut self, work: usize) {
        self.left = self.left.saturating_sub(work);
    }
}

impl Group {
    /// Whether `emit` can be delivered as one with those that are here: kept in any case, and small, so that a copy costs
    /// less than one recipient does; and for the same sockets, or nearly.
    fn takes(&self, emit: &Emit) -> bool {
        let Some(last) = self.emits.last() else {
            return true;
        };
        let is_joinable = |emit: &Emit| emit.delivery == Delivery::Reliable && emit.encoded.len() <= JOINED_LEN_MAX;
        is_joinable(last) && is_joinable(emit) && (last.target == emit.target || can_mix(last, emit))
    }

    fn push(&mut self, emit: Arc<Charged<Emit>>) {
        let last = self.emits.last();
        self.is_mixed |= last.is_some_and(|last| last.target.except_sockets() != emit.target.except_sockets());
        self.emits.push(emit);
    }

    fn collects(&self) -> bool {
        self.emits.iter().any(|emit| emit.receipt.as_ref().is_some_and(Receipt::collects))
    }

    fn clear(&mut self) {
        self.emits.clear();
        self.is_mixed = false;
    }
}

/// Whether two events are for the same sockets but for one that each of them may except, usually its sender. Were they
/// more, it would cost more to sort out who gets what than is saved.
fn can_mix(last: &Emit, emit: &Emit) -> bool {
    let excepts_few = |emit: &Emit| emit.target.except_sockets().len() <= 1;
    excepts_few(last) && excepts_few(emit) && last.target.differs_only_in_excepted_sockets(&emit.target)
}

impl Charged<Emit> {
    /// Notes what became of it.
    fn account(&self, tally: Tally, reached: &[SocketId]) {
        if let Some(receipt) = &self.receipt {
            receipt.add(tally, if receipt.collects() { reached } else { &[] });
        }
        if let Some(charge) = self.charge() {
            charge.reached(tally.meant());
        }
    }
}

impl Way {
    fn work(self) -> usize {
        match self {
            Self::Queue => QUEUE_WORK,
            Self::Send => SEND_WORK,
        }
    }
}

/// Gives a message to one member.
fn hand(
    way: Way,
    encoded: &Encoded,
    delivery: Delivery,
    (key, member): (u32, &mut Member),
    touched: &mut Vec<u32>,
) -> Queued {
    match way {
        Way::Queue => {
            let queued = member.recipient.queue(encoded, delivery);
            if queued == Queued::Fresh {
                touch(touched, key, member);
            }
            queued
        }
        Way::Send => {
            let queued = member.recipient.send(encoded, delivery);
            if queued.is_queued() {
                member.touched = false;
            }
            queued
        }
    }
}

/// Too much waits for a member: remembers it, and that there is somebody to wait for.
fn wait_for(crowd: &mut Crowd, member: &mut Member, holder: &mut Option<SocketId>, now: Option<Instant>) {
    if let Some(now) = now {
        crowd.meet(member, now);
        if member.pace == Pace::Holds {
            *holder = Some(member.id);
        }
    }
}

/// Remembers to flush a member, once.
fn touch(touched: &mut Vec<u32>, key: u32, member: &mut Member) {
    if !std::mem::replace(&mut member.touched, true) {
        touched.push(key);
    }
}

/// What things cost, in quarters of a system call for a small message.
const OP_WORK: usize = 1;
const QUEUE_WORK: usize = 1;
const SEND_WORK: usize = 4;
const FLUSH_WORK: usize = 4;
/// Its rooms, mostly one or two.
const DESCRIBE_WORK: usize = 2;
/// Their names are copied as so many pointers, and counted.
const ROOMS_A_WORK: usize = 4;
/// Sockets at a time.
const DESCRIBED: usize = 64;
/// Sockets that are only counted.
const FOUND_A_WORK: usize = 4;
/// Rooms at a time.
const LISTED: usize = 256;
/// A look into a map of rooms, and another into the member's.
const ROOM_WORK: usize = 1;
const BYTES_A_WORK: usize = 1024;

const JOINED_LEN_MAX: usize = 2048;
/// Members to flush for which there is room whatever happens.
const TOUCHED_KEPT: usize = 64;
/// What a group has room for from the start, so that the first events of a lane allocate nothing either.
const GROUP_CAPACITY: usize = 64;
