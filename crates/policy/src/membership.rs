//! Where a client is without having said anything: when it comes in, and when it is somebody else's.

use hub::Room;
use socketio_codec::Arguments;

use crate::condition::Condition;
use crate::participant::{By, Participant};
use crate::refusal::Refusal;
use crate::rooms::Template;
use crate::rules::Rules;
use crate::values::{Claims, Lack, Path, Sources};

/// Where a client goes when it is renewed, or the rules are others: out of rooms first, then into others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// The rooms it leaves.
    pub leave: Vec<Room>,
    /// The rooms it joins.
    pub join: Vec<Room>,
    /// The rooms, as they are written, that it does not join, and why: a value is missing, or is none. Only where the rules are
    /// others: who is renewed without a value is not.
    pub missing: Vec<(String, Refusal)>,
}

impl Rules {
    /// Has a client that is to be let in be in its first rooms, and gives them. `named` are rooms that whoever vouched for
    /// it named. Rooms that are made of claims are none of an anonymous client's.
    ///
    /// # Errors
    /// [`Code::NoValue`](crate::Code::NoValue) if a value that they are made of is not there; then it is in none.
    pub fn enter(&self, participant: &mut Participant, named: Vec<Room>) -> Result<Vec<Room>, Refusal> {
        let first = self.all_first_rooms(&participant.sources(Arguments::empty()), participant.is_anonymous)?;
        let of_templates = first.into_iter().map(|room| (room, By::TEMPLATE));
        let all = of_templates.chain(named.into_iter().map(|room| (room, By::NAMED)));
        Ok(all.filter_map(|(room, by)| participant.memberships.join(&room, by).then_some(room)).collect())
    }

    /// Gives a client other claims, and says where it goes because of them. A room that it left itself it joins again only
    /// if the claims make it a room of another name. Rooms that it joined by events because
    /// of its claims it leaves all, once these name others or let it join less: it may ask again for what is still its own.
    ///
    /// # Errors
    /// [`Code::NoValue`](crate::Code::NoValue) if a value is not there; then everything stays as it was.
    pub fn renew(&self, participant: &mut Participant, claims: Claims, named: Vec<Room>) -> Result<Moves, Refusal> {
        let old = participant.sources(Arguments::empty());
        let new = Sources { claims: &claims, ..old };
        let after = self.all_first_rooms(&new, false)?;
        let before: Vec<Room> = self.first_rooms(&old, participant.is_anonymous).filter_map(Result::ok).collect();
        let is_another = |path: &Path| path.is_of_claims() && old.value(path) != new.value(path);
        let holds_no_more = |condition: &Condition| condition.holds(&participant.claims) && !condition.holds(&claims);
        let has_changed = self.paths().any(is_another);
        let may_less = has_changed || self.conditions_of_joining().any(holds_no_more);

        let memberships = &mut participant.memberships;
        let mut leave = memberships.withdraw(By::TEMPLATE, |room| after.contains(room));
        leave.extend(memberships.withdraw(By::NAMED, |room| named.contains(room)));
        if has_changed {
            leave.extend(memberships.withdraw(By::CLAIMS, |_| false));
        }
        if may_less {
            leave.extend(memberships.withdraw(By::CONDITION, |_| false));
        }
        let again = after.into_iter().filter(|room| !before.contains(room)).map(|room| (room, By::TEMPLATE));
        let joined = again.chain(named.into_iter().map(|room| (room, By::NAMED)));
        let join: Vec<Room> = joined.filter_map(|(room, by)| memberships.join(&room, by).then_some(room)).collect();
        leave.retain(|room| !memberships.contains(room));
        participant.claims = claims;
        participant.is_anonymous = false;
        Ok(Moves { leave, join, missing: Vec::new() })
    }

    /// The rooms that a client is in from the beginning, or as they are written, if a value is none, and why.
    pub(crate) fn first_rooms(
        &self,
        sources: &Sources<'_>,
        is_anonymous: bool,
    ) -> impl Iterator<Item = Result<Room, (&Template, Lack)>> {
        let rooms = self.rooms().iter().filter(move |template| !(is_anonymous && template.reads_claims()));
        rooms.map(|template| template.room(sources).map_err(|lack| (template, lack)))
    }

    fn all_first_rooms(&self, sources: &Sources<'_>, is_anonymous: bool) -> Result<Vec<Room>, Refusal> {
        self.first_rooms(sources, is_anonymous).map(|room| room.map_err(|(_, lack)| Refusal::no_value(lack))).collect()
    }
}
