//! What becomes of a client when the rules are others.

use std::time::Instant;

use hub::Room;
use socketio_codec::Arguments;

use crate::condition::Condition;
use crate::membership::Moves;
use crate::participant::{By, Participant};
use crate::refusal::Refusal;
use crate::rooms::could_make;
use crate::rules::Rules;

impl Rules {
    /// Has these rules hold for a client in the place of the `old` ones, and says where it goes because of them.
    ///
    /// What is known of it stays. It goes out of first rooms that are none any more, and into those that are new ones; one
    /// that it left itself it joins again only if it was none before. In a room that it joined by an event it stays if by these
    /// rules, and with its claims, an event could lead there. Rooms that were named for it stay its own. What it did counts
    /// under the new limits, which hold at once.
    pub fn succeed(&self, participant: &mut Participant, old: &Self, now: Instant) -> Moves {
        let sources = participant.sources(Arguments::empty());
        let is_anonymous = participant.is_anonymous;
        let before: Vec<Room> = old.first_rooms(&sources, is_anonymous).filter_map(Result::ok).collect();
        let (mut after, mut missing) = (Vec::new(), Vec::new());
        for room in self.first_rooms(&sources, is_anonymous) {
            match room {
                Ok(room) => after.push(room),
                Err((template, lack)) => missing.push((template.as_str().to_owned(), Refusal::no_value(lack))),
            }
        }
        let mut memberships = std::mem::take(&mut participant.memberships);
        let mut leave = memberships.withdraw(By::TEMPLATE, |room| after.contains(room));
        leave.extend(memberships.reason_anew(|room| self.reasons(participant, room)));
        let new = after.into_iter().filter(|room| !before.contains(room));
        let mut join: Vec<Room> = new.filter(|room| memberships.join(room, By::TEMPLATE)).collect();
        // What it was in for another reason, and is in for this one now, it neither leaves nor joins.
        let (stays, leave): (Vec<Room>, Vec<Room>) = leave.into_iter().partition(|room| memberships.contains(room));
        join.retain(|room| !stays.contains(room));
        participant.memberships = memberships;
        participant.limit_anew(old, self, now);
        Moves { leave, join, missing }
    }

    /// Why a client could be in a room by events that it may send.
    fn reasons(&self, participant: &Participant, room: &Room) -> By {
        let sources = participant.sources(Arguments::empty());
        let may = |conditions: &[Condition]| conditions.iter().all(|condition| condition.holds(&participant.claims));
        let of_rules = self.iter().filter_map(|(_, rule)| {
            let template = rule.join.as_ref()?;
            let leads_there = could_make(template.pieces(), room.as_str(), &sources) && may(&rule.when);
            leads_there.then(|| By::of_event(!rule.when.is_empty(), template.reads_claims()))
        });
        let of_names = self.allow().iter().filter_map(|pattern| {
            let leads_there = could_make(pattern.pieces(), room.as_str(), &sources);
            leads_there.then(|| By::of_event(false, pattern.reads_claims()))
        });
        By::any(of_rules.chain(of_names))
    }
}
