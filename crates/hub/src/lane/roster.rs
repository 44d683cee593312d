//! Who is in which namespace and in which room.

use std::collections::HashMap;
use std::sync::Arc;

use engineio_proto::Recipient;
use slab::Slab;
use socketio_codec::Namespace;

use super::counts::{Board, Counts};
use super::pace::Pace;
use crate::names::SocketMap;
use crate::{Owner, Room, SocketId, Target};

/// The members of one lane, their namespaces and rooms.
///
/// Everything is named by a small integer and points back at what points at it, so that joining, leaving and
/// disconnecting never search among other members:
///
/// ```text
///   Member ── namespace, place ──► InNamespace.members[place] ──► Member
///   Member.rooms[n] ── room, place ──► InRoom.members[place] ── member, nth ──► Member.rooms[nth]
/// ```
///
/// A namespace or room is gone with its last member.
pub(crate) struct Roster {
    board: Arc<Board>,
    members: Slab<Member>,
    by_id: SocketMap<u32>,
    in_namespaces: Slab<InNamespace>,
    by_namespace: HashMap<Namespace, u32>,
    in_rooms: Slab<InRoom>,
    /// The number of the selection under way, or of the last one.
    selection: u64,
}

/// A connected socket.
pub(crate) struct Member {
    pub(crate) id: SocketId,
    pub(crate) recipient: Arc<dyn Recipient>,
    pub(crate) owner: Arc<dyn Owner>,
    /// Whether a flush is owed to the recipient.
    pub(crate) touched: bool,
    /// Whether one of the events that are being delivered as one is not for it: it gets the others by themselves.
    pub(crate) is_apart: bool,
    /// Whether somebody else than its own connection has moved it.
    pub(crate) is_moved: bool,
    /// Whether too much waits for it, and if so, whether it reads.
    pub(crate) pace: Pace,
    namespace: u32,
    /// Where it stands in its namespace's list.
    place: u32,
    rooms: Vec<JoinedRoom>,
    /// The last selection that excepted or visited this member: it is not visited again in the same one. This is
    /// what makes "once, through however many rooms" cost neither a set nor an allocation.
    seen_in: u64,
}

/// A namespace that has members in this lane.
struct InNamespace {
    name: Namespace,
    members: Vec<u32>,
    rooms: HashMap<Room, u32>,
    counts: Arc<Counts>,
}

/// A room that has members in this lane.
struct InRoom {
    namespace: u32,
    name: Room,
    members: Vec<RoomMember>,
}

/// One membership of a room, from the member's side.
#[derive(Clone, Copy)]
struct JoinedRoom {
    room: u32,
    /// Where the member stands in the room's list.
    place: u32,
}

/// One membership of a room, from the room's side.
#[derive(Clone, Copy)]
struct RoomMember {
    member: u32,
    /// Where the room stands in the member's list.
    nth: u32,
}

/// How far the members that a target means have been visited. Goes on where it was as long as nobody comes or goes.
pub(crate) struct Selection {
    namespace: u32,
    /// Which of the target's lists is being visited: everyone; or each socket, then each room, whose own member goes
    /// first.
    part: usize,
    /// Where in that list.
    index: usize,
}

/// One list of a selection.
enum Part<'a> {
    One(Option<u32>),
    Members(&'a [u32]),
    RoomMembers(&'a [RoomMember]),
}

impl Roster {
    pub(crate) fn new(board: Arc<Board>) -> Self {
        Self {
            board,
            members: Slab::new(),
            by_id: SocketMap::default(),
            in_namespaces: Slab::new(),
            by_namespace: HashMap::new(),
            in_rooms: Slab::new(),
            selection: 0,
        }
    }

    /// Adds a socket that is in no room yet. Its id is not in the roster.
    pub(crate) fn insert(
        &mut self,
        id: SocketId,
        namespace: Namespace,
        recipient: Arc<dyn Recipient>,
        owner: Arc<dyn Owner>,
    ) -> u32 {
        let namespace = self.namespace_for(namespace);
        let members = &mut self.in_namespaces[namespace as usize].members;
        let key = self.members.insert(Member {
            id,
            recipient,
            owner,
            touched: false,
            is_apart: false,
            is_moved: false,
            pace: Pace::Free,
            namespace,
            place: members.len() as u32,
            rooms: Vec::new(),
            seen_in: 0,
        }) as u32;
        members.push(key);
        let in_it = members.len();
        let in_namespace = &self.in_namespaces[namespace as usize];
        in_namespace.counts.set_members(in_it);
        self.board.socket_changed(&in_namespace.name, id, true);
        self.by_id.insert(id, key);
        self.board.set_sockets(self.members.len());
        key
    }

    /// Takes a socket out of everything.
    pub(crate) fn remove(&mut self, key: u32) -> Member {
        while let Some(last) = self.members[key as usize].rooms.len().checked_sub(1) {
            self.leave_nth(key, last as u32);
        }
        let member = self.members.remove(key as usize);
        self.by_id.remove(&member.id);
        let in_namespace = &mut self.in_namespaces[member.namespace as usize];
        in_namespace.members.swap_remove(member.place as usize);
        shrink_list(&mut in_namespace.members);
        in_namespace.counts.set_members(in_namespace.members.len());
        self.board.socket_changed(&in_namespace.name, member.id, false);
        self.board.set_sockets(self.members.len());
        if let Some(&moved) = in_namespace.members.get(member.place as usize) {
            self.members[moved as usize].place = member.place;
        }
        if in_namespace.members.is_empty() {
            let in_namespace = self.in_namespaces.remove(member.namespace as usize);
            self.by_namespace.remove(&in_namespace.name);
        }
        member
    }

    /// Puts a member into a room. Being in it already changes nothing, nor does its own room, which is implied. Says whether
    /// anything changed.
    pub(crate) fn join(&mut self, key: u32, room: &Room) -> bool {
        if self.members[key as usize].id.as_str() == room.as_str() {
            return false;
        }
        let number = self.room_for(self.members[key as usize].namespace, room);
        if self.nth_of(key, number).is_some() {
            return false;
        }
        let rooms = &mut self.members[key as usize].rooms;
        let members = &mut self.in_rooms[number as usize].members;
        let (nth, place) = (rooms.len() as u32, members.len() as u32);
        rooms.push(JoinedRoom { room: number, place });
        members.push(RoomMember { member: key, nth });
        true
    }

    /// Whether a member may be let into a room where it is to be in so many at most: it is in it, or there is place.
    pub(crate) fn may_join(&self, key: u32, room: &Room, rooms_max: usize) -> bool {
        let Member { id, namespace, rooms, .. } = &self.members[key as usize];
        rooms.len() < rooms_max
            || id.as_str() == room.as_str()
            || self.room(*namespace, room).is_some_and(|number| self.nth_of(key, number).is_some())
    }

    /// Takes a member out of a room. Not being in it changes nothing. Says whether anything changed.
    pub(crate) fn leave(&mut self, key: u32, room: &Room) -> bool {
        let namespace = self.members[key as usize].namespace;
        let nth = self.room(namespace, room).and_then(|number| self.nth_of(key, number));
        if let Some(nth) = nth {
            self.leave_nth(key, nth);
        }
        nth.is_some()
    }

    /// Calls `visit` with each member that `target` means, once. Does not allocate.
    pub(crate) fn select(&mut self, target: &Target, visit: impl FnMut(u32, &mut Member)) {
        if let Some(mut selection) = self.begin(target, target.except_sockets()) {
            self.visit(target, &mut selection, usize::MAX, visit);
        }
    }

    /// Begins to visit the members that `target` means, without `except`. Nothing if there is nobody in its namespace.
    pub(crate) fn begin(&mut self, target: &Target, except: &[SocketId]) -> Option<Selection> {
        let namespace = *self.by_namespace.get(target.namespace())?;
        self.selection += 1;
        self.except(namespace, except, target.except_rooms());
        Some(Selection { namespace, part: 0, index: 0 })
    }

    /// Goes on visiting, but looks at no more than `max` members, and says at how many. It is done when those are fewer.
    /// The target is the one the selection began with. Does not allocate.
    pub(crate) fn visit(
        &mut self,
        target: &Target,
        at: &mut Selection,
        max: usize,
        mut visit: impl FnMut(u32, &mut Member),
    ) -> usize {
        let Self { members, by_id, in_namespaces, in_rooms, selection, .. } = self;
        let in_namespace = &in_namespaces[at.namespace as usize];
        let mut visit_unseen = |key: u32| {
            let member = &mut members[key as usize];
            if member.seen_in != *selection && member.namespace == at.namespace {
                member.seen_in = *selection;
                visit(key, member);
            }
        };
        let mut left = max;
        while left > 0
            && let Some(part) = part(target, in_namespace, by_id, in_rooms, at.part)
        {
            let looked_at = match part {
                Part::One(Some(key)) if at.index == 0 => {
                    visit_unseen(key);
                    1
                }
                Part::One(_) => 0,
                Part::Members(keys) => {
                    let keys = next(keys, at.index, left);
                    keys.iter().for_each(|key| visit_unseen(*key));
                    keys.len()
                }
                Part::RoomMembers(members) => {
                    let members = next(members, at.index, left);
                    members.iter().for_each(|entry| visit_unseen(entry.member));
                    members.len()
                }
            };
            left -= looked_at;
            at.index += looked_at;
            // A list that ended with the budget is looked at once more, and then has nothing.
            if left > 0 {
                at.part += 1;
                at.index = 0;
            }
        }
        max - left
    }

    /// The counts of what a selection goes over.
    pub(crate) fn counts(&self, selection: &Selection) -> &Counts {
        &self.in_namespaces[selection.namespace as usize].counts
    }

    pub(crate) fn key_of(&self, id: SocketId) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn member_mut(&mut self, key: u32) -> Option<&mut Member> {
        self.members.get_mut(key as usize)
    }

    /// The rooms a member is in, its own one not among them.
    pub(crate) fn rooms_of(&self, key: u32) -> impl Iterator<Item = &Room> {
        self.members[key as usize].rooms.iter().map(|joined| &self.in_rooms[joined.room as usize].name)
    }

    /// Calls `visit` with rooms of a namespace and how many are in each: with those among `max` of all, from number `at` on.
    /// Gives the number to go on with, if there are more. Goes on where it was as long as no room comes or goes.
    pub(crate) fn rooms(
        &self,
        namespace: &Namespace,
        at: usize,
        max: usize,
        mut visit: impl FnMut(&Room, usize),
    ) -> Option<usize> {
        let namespace = *self.by_namespace.get(namespace)?;
        let end = at.saturating_add(max).min(self.in_rooms.capacity());
        let rooms = (at..end).filter_map(|number| self.in_rooms.get(number));
        for in_room in rooms.filter(|in_room| in_room.namespace == namespace) {
            visit(&in_room.name, in_room.members.len());
        }
        (end < self.in_rooms.capacity()).then_some(end)
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nothing at all is left: no member, and nothing that only members keep.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
            && self.by_id.is_empty()
            && self.in_namespaces.is_empty()
            && self.by_namespace.is_empty()
            && self.in_rooms.is_empty()
    }

    /// Gives back the memory of a crowd that has gone. Whoever keeps members' numbers has to forget them before: those
    /// that are left may get others.
    ///
    /// A table that is more than three quarters empty is made new, so that what this costs is paid for by as many
    /// members that left since the last time.
    pub(crate) fn shrink(&mut self) {
        let Self { members, by_id, in_namespaces, in_rooms, .. } = self;
        if is_sparse(members.len(), members.capacity()) {
            members.compact(|member, _, key| {
                by_id.insert(member.id, key as u32);
                in_namespaces[member.namespace as usize].members[member.place as usize] = key as u32;
                for joined in &member.rooms {
                    in_rooms[joined.room as usize].members[joined.place as usize].member = key as u32;
                }
                true
            });
            by_id.shrink_to(2 * by_id.len());
        }
        // Namespaces are those of the server's own namespaces, which are few.
        if is_sparse(in_rooms.len(), in_rooms.capacity()) {
            in_rooms.compact(|in_room, _, number| {
                for entry in &in_room.members {
                    members[entry.member as usize].rooms[entry.nth as usize].room = number as u32;
                }
                if let Some(room) = in_namespaces[in_room.namespace as usize].rooms.get_mut(&in_room.name) {
                    *room = number as u32;
                }
                true
            });
        }
    }

    /// Marks as seen whom a target excepts.
    fn except(&mut self, namespace: u32, sockets: &[SocketId], rooms: &[Room]) {
        let Self { members, by_id, in_namespaces, in_rooms, selection, .. } = self;
        let mut mark = |key: u32| members[key as usize].seen_in = *selection;
        for socket in sockets {
            by_id.get(socket).into_iter().for_each(|key| mark(*key));
        }
        for room in rooms {
            own_member(by_id, room).into_iter().for_each(&mut mark);
            if let Some(&number) = in_namespaces[namespace as usize].rooms.get(room) {
                in_rooms[number as usize].members.iter().for_each(|entry| mark(entry.member));
            }
        }
    }

    fn namespace_for(&mut self, namespace: Namespace) -> u32 {
        if let Some(&number) = self.by_namespace.get(&namespace) {
            return number;
        }
        let counts = self.board.counts_of(&namespace);
        let in_namespace = InNamespace { name: namespace.clone(), members: Vec::new(), rooms: HashMap::new(), counts };
        let number = self.in_namespaces.insert(in_namespace) as u32;
        self.by_namespace.insert(namespace, number);
        number
    }

    fn room(&self, namespace: u32, room: &Room) -> Option<u32> {
        self.in_namespaces[namespace as usize].rooms.get(room).copied()
    }

    fn room_for(&mut self, namespace: u32, room: &Room) -> u32 {
        if let Some(number) = self.room(namespace, room) {
            return number;
        }
        let number = self.in_rooms.insert(InRoom { namespace, name: room.clone(), members: Vec::new() }) as u32;
        let InNamespace { name, counts, rooms, .. } = &mut self.in_namespaces[namespace as usize];
        rooms.insert(room.clone(), number);
        self.board.room_came(name, counts, room);
        number
    }

    /// Where a room stands among the rooms of a member, searched for on the shorter side: neither a socket in ten
    /// thousand rooms nor a room of ten thousand sockets makes the other's joins slow.
    fn nth_of(&self, key: u32, number: u32) -> Option<u32> {
        let rooms = &self.members[key as usize].rooms;
        let members = &self.in_rooms[number as usize].members;
        if rooms.len() <= members.len() {
            rooms.iter().position(|joined| joined.room == number).map(|nth| nth as u32)
        } else {
            members.iter().find(|entry| entry.member == key).map(|entry| entry.nth)
        }
    }

    /// Takes a member out of the `nth` of its rooms, and closes the gaps it leaves in both lists by moving their last entries there.
    fn leave_nth(&mut self, key: u32, nth: u32) {
        let rooms = &mut self.members[key as usize].rooms;
        let JoinedRoom { room, place } = rooms.swap_remove(nth as usize);
        if let Some(moved) = rooms.get(nth as usize) {
            self.in_rooms[moved.room as usize].members[moved.place as usize].nth = nth;
        }
        if rooms.is_empty() {
            *rooms = Vec::new();
        }
        let members = &mut self.in_rooms[room as usize].members;
        members.swap_remove(place as usize);
        shrink_list(members);
        if let Some(moved) = members.get(place as usize) {
            self.members[moved.member as usize].rooms[moved.nth as usize].place = place;
        }
        if members.is_empty() {
            let in_room = self.in_rooms.remove(room as usize);
            let InNamespace { name, counts, rooms, .. } = &mut self.in_namespaces[in_room.namespace as usize];
            rooms.remove(&in_room.name);
            self.board.room_went(name, counts, &in_room.name);
            if is_sparse(rooms.len(), rooms.capacity()) {
                rooms.shrink_to(2 * rooms.len());
            }
        }
    }
}

/// Whether a table has so much more room than entries that it is worth making it anew.
fn is_sparse(len: usize, capacity: usize) -> bool {
    capacity > KEPT_CAPACITY && len < capacity / 4
}

/// Half empty afterwards, so that the next to come and the next to go both find it as it should be.
fn shrink_list<T>(list: &mut Vec<T>) {
    if is_sparse(list.len(), list.capacity()) {
        list.shrink_to(2 * list.len());
    }
}

/// List number `number` of those a target means, or `None` behind the last.
fn part<'a>(
    target: &Target,
    in_namespace: &'a InNamespace,
    by_id: &SocketMap<u32>,
    in_rooms: &'a Slab<InRoom>,
    number: usize,
) -> Option<Part<'a>> {
    if target.is_everyone() {
        return (number == 0).then_some(Part::Members(&in_namespace.members));
    }
    let Some(number) = number.checked_sub(target.sockets().len()) else {
        return Some(Part::One(by_id.get(&target.sockets()[number]).copied()));
    };
    let room = target.rooms().get(number / 2)?;
    Some(match number % 2 {
        0 => Part::One(own_member(by_id, room)),
        _ => Part::RoomMembers(in_namespace.rooms.get(room).map_or(&[], |number| &in_rooms[*number as usize].members)),
    })
}

/// What comes next in a list, but no more than `max`.
fn next<T>(list: &[T], index: usize, max: usize) -> &[T] {
    let rest = list.get(index..).unwrap_or_default();
    &rest[..rest.len().min(max)]
}

/// The member whose own room `room` is.
fn own_member(by_id: &SocketMap<u32>, room: &Room) -> Option<u32> {
    by_id.get(&SocketId::parse(room.as_str())?).copied()
}

/// Entries for which a table keeps its memory whatever happens.
const KEPT_CAPACITY: usize = 16;
