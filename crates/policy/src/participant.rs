//! One client in one namespace.

use std::time::Instant;

use hub::{Bucket, Room, SocketId};
use socketio_codec::Arguments;

use crate::limits::{Complaint, Complaints, Over, Rate};
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::values::{Claims, Query, Sources};

/// One client in one namespace: what is known of it, where it is, and how much it did.
#[derive(Debug)]
pub struct Participant {
    pub(crate) socket: SocketId,
    pub(crate) claims: Claims,
    pub(crate) query: Query,
    pub(crate) is_anonymous: bool,
    pub(crate) memberships: Memberships,
    /// Made when something is counted for the first time.
    used: Option<Box<Used>>,
}

/// How much a client did.
#[derive(Debug, Default)]
struct Used {
    events: Bucket,
    bytes: Bucket,
    refusals: Bucket,
    /// By the numbers of the rules with a rate.
    rules: Vec<Bucket>,
    held_until: Option<Instant>,
    complaints: Complaints,
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counted {
    Events,
    Bytes,
    Refusals,
    /// The events of the rule with this number among those with a rate.
    Rule(usize),
}

impl Participant {
    /// A client that has just come in, with what is known of it. An anonymous one is known by nobody.
    pub fn new(socket: SocketId, claims: Claims, query: Query, is_anonymous: bool) -> Self {
        Self { socket, claims, query, is_anonymous, memberships: Memberships::default(), used: None }
    }

    /// What is known of it.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The rooms it is in, in the order of their names.
    pub fn rooms(&self) -> impl Iterator<Item = &Room> {
        self.memberships.0.iter().map(|membership| &membership.room)
    }

    /// Somebody else has put it into a room. One that it is in already it is in for its own reasons, which stay as they are.
    pub fn put_into(&mut self, room: &Room) {
        if !self.memberships.contains(room) {
            self.memberships.join(room, By::OTHERS);
        }
    }

    /// Somebody else has taken it out of a room, whatever the reasons to be there were.
    pub fn taken_out_of(&mut self, room: &Room) {
        self.memberships.leave(room);
    }

    /// Until when it is to be read no further, since it did more than it may.
    pub fn held_until(&self) -> Option<Instant> {
        self.used.as_ref()?.held_until
    }

    /// Lets it be read again if the time has come.
    pub fn let_go(&mut self, now: Instant) {
        if let Some(used) = &mut self.used {
            used.held_until.take_if(|until| *until <= now);
        }
    }

    /// What it is told of a refusal if it did not ask for an acknowledgement, at most once a second.
    pub fn complain<'a>(&mut self, refusal: &'a Refusal, event: &'a str, now: Instant) -> Option<Complaint<'a>> {
        let used = self.used.get_or_insert_default();
        used.complaints.complain(now, refusal.code.label(), &refusal.message, event)
    }

    /// Counts a refusal, and says whether it was one too many: then its connection ends.
    pub fn refused(&mut self, rules: &Rules, now: Instant) -> bool {
        match rules.client().refusals {
            Some(rate) => rate.take(self.bucket(Counted::Refusals), now, 1).is_err(),
            None => false,
        }
    }

    /// Takes what is there or not, and has the client held until something is.
    pub(crate) fn charge(&mut self, counted: Counted, rate: Rate, now: Instant, count: usize) {
        if let Some(until) = rate.charge(self.bucket(counted), now, count) {
            let used = self.used.get_or_insert_default();
            used.held_until = used.held_until.max(Some(until));
        }
    }

    pub(crate) fn bucket(&mut self, counted: Counted) -> &mut Bucket {
        let used = self.used.get_or_insert_default();
        match counted {
            Counted::Events => &mut used.events,
            Counted::Bytes => &mut used.bytes,
            Counted::Refusals => &mut used.refusals,
            Counted::Rule(number) => place(&mut used.rules, number),
        }
    }

    /// Has other limits hold for what it did: of rules, those by the same event. What it did within its limits leaves it with
    /// no less than nothing under the new ones.
    pub(crate) fn limit_anew(&mut self, old: &Rules, new: &Rules, now: Instant) {
        let Some(used) = &mut self.used else { return };
        let (before, after) = (old.client(), new.client());
        for (bucket, before, after) in [
            (&mut used.events, before.events, after.events),
            (&mut used.bytes, before.bytes, after.bytes),
            (&mut used.refusals, before.refusals, after.refusals),
        ] {
            *bucket = kept(bucket, before, after, now);
        }
        let mut until = None;
        if after.over == Over::Slow {
            let held = |bucket: &Bucket, rate: Option<Rate>| rate.and_then(|rate| rate.held_until(bucket, now));
            until = held(&used.events, after.events).max(held(&used.bytes, after.bytes));
        }
        let mut rules = Vec::new();
        if !used.rules.is_empty() {
            for (on, number, rate, over) in new.rates() {
                let Some((before, old_rate)) = old.rate(&on) else { continue };
                let Some(bucket) = used.rules.get(before) else { continue };
                let bucket = kept(bucket, Some(old_rate), Some(rate), now);
                if over == Over::Slow {
                    until = until.max(rate.held_until(&bucket, now));
                }
                *place(&mut rules, number) = bucket;
            }
        }
        used.rules = rules;
        used.held_until = until;
    }

    pub(crate) fn sources<'a>(&'a self, arguments: &'a Arguments) -> Sources<'a> {
        Sources { socket: self.socket, claims: &self.claims, query: &self.query, arguments }
    }
}

/// The bucket with this number.
fn place(buckets: &mut Vec<Bucket>, number: usize) -> &mut Bucket {
    if buckets.len() <= number {
        buckets.resize_with(number + 1, Bucket::default);
    }
    &mut buckets[number]
}

/// What a bucket is under another rate.
fn kept(bucket: &Bucket, before: Option<Rate>, after: Option<Rate>, now: Instant) -> Bucket {
    match (before, after) {
        (Some(before), Some(after)) if before != after => after.in_place_of(before, bucket, now),
        (Some(_), Some(_)) => bucket.clone(),
        // Nothing was counted, or is.
        _ => Bucket::default(),
    }
}

/// The rooms of a client, by name.
#[derive(Debug, Default)]
pub(crate) struct Memberships(Vec<Membership>);

#[derive(Debug)]
struct Membership {
    room: Room,
    by: By,
}

/// Why a client is in a room: there may be several reasons, and it is until there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct By(u8);

impl By {
    /// A template that is joined at connect.
    pub(crate) const TEMPLATE: Self = Self(1);
    /// Whoever vouched for the client named it.
    pub(crate) const NAMED: Self = Self(2);
    /// An event, whatever the client is.
    pub(crate) const EVENT: Self = Self(4);
    /// An event, and the room is named by the client's claims.
    pub(crate) const CLAIMS: Self = Self(8);
    /// An event, because the client's claims are what its rule wants; the room may be named by them too.
    pub(crate) const CONDITION: Self = Self(16);
    /// Somebody else put it there, who does not say why.
    pub(crate) const OTHERS: Self = Self(32);
    /// Any of the three by events.
    const EVENTS: Self = Self(Self::EVENT.0 | Self::CLAIMS.0 | Self::CONDITION.0);

    /// Why a client is in a room that it joined by an event.
    pub(crate) const fn of_event(has_conditions: bool, reads_claims: bool) -> Self {
        match (has_conditions, reads_claims) {
            (true, _) => Self::CONDITION,
            (false, true) => Self::CLAIMS,
            (false, false) => Self::EVENT,
        }
    }

    /// No reason, but for those added.
    pub(crate) fn any(reasons: impl Iterator<Item = Self>) -> Self {
        reasons.fold(Self::default(), |all, reason| Self(all.0 | reason.0))
    }
}

impl Memberships {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn contains(&self, room: &Room) -> bool {
        self.find(room).is_ok()
    }

    /// Adds a reason to be in a room, and says whether it is the first.
    pub(crate) fn join(&mut self, room: &Room, by: By) -> bool {
        match self.find(room) {
            Ok(at) => {
                self.0[at].by.0 |= by.0;
                false
            }
            Err(at) => {
                // Most clients are in one or two.
                self.0.reserve_exact(usize::from(self.0.len() < 4));
                self.0.insert(at, Membership { room: room.clone(), by });
                true
            }
        }
    }

    /// Leaves a room, whatever the reasons to be in it were.
    pub(crate) fn leave(&mut self, room: &Room) {
        if let Ok(at) = self.find(room) {
            self.0.remove(at);
        }
    }

    /// Takes a reason away from the rooms that `keep` does not say yes to, and gives those that were left without one.
    pub(crate) fn withdraw(&mut self, by: By, keep: impl Fn(&Room) -> bool) -> Vec<Room> {
        let mut left = Vec::new();
        self.0.retain_mut(|membership| {
            if membership.by.0 & by.0 != 0 && !keep(&membership.room) {
                membership.by.0 &= !by.0;
                if membership.by == By::default() {
                    left.push(membership.room.clone());
                    return false;
                }
            }
            true
        });
        left
    }

    /// Gives the reasons anew for which it is in rooms that it joined by events, and gives the rooms that were left without
    /// any reason.
    pub(crate) fn reason_anew(&mut self, reasons: impl Fn(&Room) -> By) -> Vec<Room> {
        let mut left = Vec::new();
        self.0.retain_mut(|Membership { room, by }| {
            if by.0 & By::EVENTS.0 != 0 {
                // Of what could lead there, that which did, where it still could.
                let (could, others) = (reasons(room).0, by.0 & !By::EVENTS.0);
                let did = by.0 & could;
                by.0 = others | if did == 0 { could } else { did };
            }
            let stays = *by != By::default();
            if !stays {
                left.push(room.clone());
            }
            stays
        });
        left
    }

    fn find(&self, room: &Room) -> Result<usize, usize> {
        self.0.binary_search_by(|membership| membership.room.cmp(room))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_others_put_a_client_it_is_until_they_take_it_out_and_its_own_reasons_stay() {
        let mut memberships = Memberships::default();
        let (own, theirs) = (Room::from("own"), Room::from("theirs"));
        memberships.join(&own, By::EVENT);
        let socket = SocketId::parse("AAAAAAAAAAAAAAAAAAAA").unwrap();
        let mut participant = Participant::new(socket, Claims::default(), Query::default(), true);
        participant.memberships = memberships;
        participant.put_into(&own);
        participant.put_into(&theirs);
        // No rule leads there any more: it is where others put it.
        assert_eq!(participant.memberships.reason_anew(|_| By::default()), std::slice::from_ref(&own));
        assert_eq!(participant.rooms().collect::<Vec<_>>(), [&theirs]);
        participant.taken_out_of(&theirs);
        participant.taken_out_of(&own);
        assert_eq!(participant.rooms().count(), 0);
    }
}
