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
///   Member ── section, place ──► Section.members[place] ──► Member
///   Member.stays[stay] ── room, seat ──► Group.seats[seat] ── member, stay ──► Member.stays[stay]
/// ```
///
/// A namespace or room is gone with its last member.
pub(crate) struct Roster {
    board: Arc<Board>,
    members: Slab<Member>,
    by_id: SocketMap<u32>,
    sections: Slab<Section>,
    by_namespace: HashMap<Namespace, u32>,
    groups: Slab<Group>,
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
    /// Whether too much waits for it, and if so, whether it reads.
    pub(crate) pace: Pace,
    section: u32,
    /// Where it stands in its section's list.
    place: u32,
    stays: Vec<Stay>,
    /// The last selection that excepted or visited this member: it is not visited again in the same one. This is
    /// what makes "once, through however many rooms" cost neither a set nor an allocation.
    seen_in: u64,
}

/// A namespace that has members in this lane.
struct Section {
    namespace: Namespace,
    members: Vec<u32>,
    rooms: HashMap<Room, u32>,
    counts: Arc<Counts>,
}

/// A room that has members in this lane.
struct Group {
    section: u32,
    room: Room,
    seats: Vec<Seat>,
}

/// One membership of a room, from the member's side.
#[derive(Clone, Copy)]
struct Stay {
    group: u32,
    seat: u32,
}

/// One membership of a room, from the room's side.
#[derive(Clone, Copy)]
struct Seat {
    member: u32,
    stay: u32,
}

/// How far the members that a target means have been visited. Goes on where it was as long as nobody comes or goes.
pub(crate) struct Selection {
    section: u32,
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
    Seats(&'a [Seat]),
}

impl Roster {
    pub(crate) fn new(board: Arc<Board>) -> Self {
        Self {
            board,
            members: Slab::new(),
            by_id: SocketMap::default(),
            sections: Slab::new(),
            by_namespace: HashMap::new(),
            groups: Slab::new(),
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
        let section = self.section_for(namespace);
        let members = &mut self.sections[section as usize].members;
        let key = self.members.insert(Member {
            id,
            recipient,
            owner,
            touched: false,
            is_apart: false,
            pace: Pace::Free,
            section,
            place: members.len() as u32,
            stays: Vec::new(),
            seen_in: 0,
        }) as u32;
        members.push(key);
        let in_it = members.len();
        self.sections[section as usize].counts.set_members(in_it);
        self.by_id.insert(id, key);
        self.board.set_sockets(self.members.len());
        key
    }

    /// Takes a socket out of everything.
    pub(crate) fn remove(&mut self, key: u32) -> Member {
        while let Some(last) = self.members[key as usize].stays.len().checked_sub(1) {
            self.leave_stay(key, last as u32);
        }
        let member = self.members.remove(key as usize);
        self.by_id.remove(&member.id);
        let section = &mut self.sections[member.section as usize];
        section.members.swap_remove(member.place as usize);
        shrink_list(&mut section.members);
        section.counts.set_members(section.members.len());
        self.board.set_sockets(self.members.len());
        if let Some(&moved) = section.members.get(member.place as usize) {
            self.members[moved as usize].place = member.place;
        }
        if section.members.is_empty() {
            let section = self.sections.remove(member.section as usize);
            self.by_namespace.remove(&section.namespace);
        }
        member
    }

    /// Puts a member into a room. Being in it already changes nothing, nor does its own room, which is implied.
    pub(crate) fn join(&mut self, key: u32, room: &Room) {
        if self.members[key as usize].id.as_str() == room.as_str() {
            return;
        }
        let group = self.group_for(self.members[key as usize].section, room);
        if self.stay_of(key, group).is_some() {
            return;
        }
        let stays = &mut self.members[key as usize].stays;
        let seats = &mut self.groups[group as usize].seats;
        let (stay, seat) = (stays.len() as u32, seats.len() as u32);
        stays.push(Stay { group, seat });
        seats.push(Seat { member: key, stay });
    }

    /// Takes a member out of a room. Not being in it changes nothing.
    pub(crate) fn leave(&mut self, key: u32, room: &Room) {
        let section = self.members[key as usize].section;
        let stay = self.group(section, room).and_then(|group| self.stay_of(key, group));
        if let Some(stay) = stay {
            self.leave_stay(key, stay);
        }
    }

    /// Calls `visit` with each member that `target` means, once. Does not allocate.
    pub(crate) fn select(&mut self, target: &Target, visit: impl FnMut(u32, &mut Member)) {
        if let Some(mut selection) = self.begin(target, target.except_sockets()) {
            self.visit(target, &mut selection, usize::MAX, visit);
        }
    }

    /// Begins to visit the members that `target` means, without `except`. Nothing if there is nobody in its namespace.
    pub(crate) fn begin(&mut self, target: &Target, except: &[SocketId]) -> Option<Selection> {
        let section = *self.by_namespace.get(target.namespace())?;
        self.selection += 1;
        self.except(section, except, target.except_rooms());
        Some(Selection { section, part: 0, index: 0 })
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
        let Self { members, by_id, sections, groups, selection, .. } = self;
        let section = &sections[at.section as usize];
        let mut visit_unseen = |key: u32| {
            let member = &mut members[key as usize];
            if member.seen_in != *selection && member.section == at.section {
                member.seen_in = *selection;
                visit(key, member);
            }
        };
        let mut left = max;
        while left > 0
            && let Some(part) = part(target, section, by_id, groups, at.part)
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
                Part::Seats(seats) => {
                    let seats = next(seats, at.index, left);
                    seats.iter().for_each(|seat| visit_unseen(seat.member));
                    seats.len()
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
        &self.sections[selection.section as usize].counts
    }

    pub(crate) fn key_of(&self, id: SocketId) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn member_mut(&mut self, key: u32) -> Option<&mut Member> {
        self.members.get_mut(key as usize)
    }

    /// The rooms a member is in, its own one not among them.
    pub(crate) fn rooms_of(&self, key: u32) -> impl Iterator<Item = &Room> {
        self.members[key as usize].stays.iter().map(|stay| &self.groups[stay.group as usize].room)
    }

    /// The rooms of a namespace and how many are in each.
    pub(crate) fn rooms(&self, namespace: &Namespace) -> impl Iterator<Item = (&Room, usize)> {
        let section = self.by_namespace.get(namespace).map(|section| &self.sections[*section as usize]);
        section
            .into_iter()
            .flat_map(|section| &section.rooms)
            .map(|(room, group)| (room, self.groups[*group as usize].seats.len()))
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nothing at all is left: no member, and nothing that only members keep.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
            && self.by_id.is_empty()
            && self.sections.is_empty()
            && self.by_namespace.is_empty()
            && self.groups.is_empty()
    }

    /// Gives back the memory of a crowd that has gone. Whoever keeps members' numbers has to forget them before: those
    /// that are left may get others.
    ///
    /// A table that is more than three quarters empty is made new, so that what this costs is paid for by as many
    /// members that left since the last time.
    pub(crate) fn shrink(&mut self) {
        let Self { members, by_id, sections, groups, .. } = self;
        if is_sparse(members.len(), members.capacity()) {
            members.compact(|member, _, key| {
                by_id.insert(member.id, key as u32);
                sections[member.section as usize].members[member.place as usize] = key as u32;
                for stay in &member.stays {
                    groups[stay.group as usize].seats[stay.seat as usize].member = key as u32;
                }
                true
            });
            by_id.shrink_to(2 * by_id.len());
        }
        // Sections are those of the server's own namespaces, which are few.
        if is_sparse(groups.len(), groups.capacity()) {
            groups.compact(|group, _, number| {
                for seat in &group.seats {
                    members[seat.member as usize].stays[seat.stay as usize].group = number as u32;
                }
                if let Some(room) = sections[group.section as usize].rooms.get_mut(&group.room) {
                    *room = number as u32;
                }
                true
            });
        }
    }

    /// Marks as seen whom a target excepts.
    fn except(&mut self, section: u32, sockets: &[SocketId], rooms: &[Room]) {
        let Self { members, by_id, sections, groups, selection, .. } = self;
        let mut mark = |key: u32| members[key as usize].seen_in = *selection;
        for socket in sockets {
            by_id.get(socket).into_iter().for_each(|key| mark(*key));
        }
        for room in rooms {
            own_member(by_id, room).into_iter().for_each(&mut mark);
            if let Some(&group) = sections[section as usize].rooms.get(room) {
                groups[group as usize].seats.iter().for_each(|seat| mark(seat.member));
            }
        }
    }

    fn section_for(&mut self, namespace: Namespace) -> u32 {
        if let Some(&section) = self.by_namespace.get(&namespace) {
            return section;
        }
        let counts = self.board.counts_of(&namespace);
        let section = Section { namespace: namespace.clone(), members: Vec::new(), rooms: HashMap::new(), counts };
        let section = self.sections.insert(section) as u32;
        self.by_namespace.insert(namespace, section);
        section
    }

    fn group(&self, section: u32, room: &Room) -> Option<u32> {
        self.sections[section as usize].rooms.get(room).copied()
    }

    fn group_for(&mut self, section: u32, room: &Room) -> u32 {
        if let Some(group) = self.group(section, room) {
            return group;
        }
        let group = self.groups.insert(Group { section, room: room.clone(), seats: Vec::new() }) as u32;
        self.sections[section as usize].rooms.insert(room.clone(), group);
        group
    }

    /// Where `group` stands among the rooms of a member, searched for on the shorter side: neither a socket in ten
    /// thousand rooms nor a room of ten thousand sockets makes the other's joins slow.
    fn stay_of(&self, key: u32, group: u32) -> Option<u32> {
        let stays = &self.members[key as usize].stays;
        let seats = &self.groups[group as usize].seats;
        if stays.len() <= seats.len() {
            stays.iter().position(|stay| stay.group == group).map(|stay| stay as u32)
        } else {
            seats.iter().find(|seat| seat.member == key).map(|seat| seat.stay)
        }
    }

    /// Ends one stay, and closes the gaps it leaves in both lists by moving their last entries there.
    fn leave_stay(&mut self, key: u32, at: u32) {
        let stays = &mut self.members[key as usize].stays;
        let Stay { group, seat } = stays.swap_remove(at as usize);
        if let Some(moved) = stays.get(at as usize) {
            self.groups[moved.group as usize].seats[moved.seat as usize].stay = at;
        }
        if stays.is_empty() {
            *stays = Vec::new();
        }
        let seats = &mut self.groups[group as usize].seats;
        seats.swap_remove(seat as usize);
        shrink_list(seats);
        if let Some(moved) = seats.get(seat as usize) {
            self.members[moved.member as usize].stays[moved.stay as usize].seat = seat;
        }
        if seats.is_empty() {
            let group = self.groups.remove(group as usize);
            let rooms = &mut self.sections[group.section as usize].rooms;
            rooms.remove(&group.room);
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
    section: &'a Section,
    by_id: &SocketMap<u32>,
    groups: &'a Slab<Group>,
    number: usize,
) -> Option<Part<'a>> {
    if target.is_everyone() {
        return (number == 0).then_some(Part::Members(&section.members));
    }
    let Some(number) = number.checked_sub(target.sockets().len()) else {
        return Some(Part::One(by_id.get(&target.sockets()[number]).copied()));
    };
    let room = target.rooms().get(number / 2)?;
    Some(match number % 2 {
        0 => Part::One(own_member(by_id, room)),
        _ => Part::Seats(section.rooms.get(room).map_or(&[], |group| &groups[*group as usize].seats)),
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
