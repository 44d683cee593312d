//! Where a client is without having said anything: when it comes in, and when it is somebody else's.

use hub::{Room, SocketId};
use socketio_codec::Arguments;

use crate::condition::Condition;
use crate::participant::{By, Participant};
use crate::refusal::{Code, Refusal};
use crate::rules::Rules;
use crate::values::{Claims, Path, Query, Sources};

/// Where a client goes when it is renewed: out of rooms first, then into others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// The rooms it leaves.
    pub leave: Vec<Room>,
    /// The rooms it joins.
    pub join: Vec<Room>,
}

impl Rules {
    /// Asks, before a client is let in, whether all values that its first rooms are made of are there. Rooms that are made
    /// of claims are none of an anonymous client's.
    ///
    /// # Errors
    /// [`Code::NoValue`] if one is not.
    pub fn admit(&self, claims: &Claims, query: &Query, is_anonymous: bool) -> Result<(), Refusal> {
        // Any socket has an id.
        let socket = SocketId::from_random([0; 15]);
        let sources = Sources { socket, claims, query, arguments: Arguments::empty() };
        self.first_rooms(&sources, is_anonymous).map(drop)
    }

    /// Has a client that was let in be in its first rooms, and gives them. `named` are rooms that whoever vouched for it
    /// named.
    pub fn enter(&self, participant: &mut Participant, named: Vec<Room>) -> Vec<Room> {
        // It was asked for before; who did not ask goes without all.
        let first = self.first_rooms(&participant.sources(Arguments::empty()), participant.is_anonymous);
        let of_templates = first.unwrap_or_default().into_iter().map(|room| (room, By::TEMPLATE));
        let all = of_templates.chain(named.into_iter().map(|room| (room, By::NAMED)));
        all.filter_map(|(room, by)| participant.memberships.join(&room, by).then_some(room)).collect()
    }

    /// Gives a client other claims, and says where it goes because of them. A room that it left itself it joins again only
    /// if the claims make it a room of another name. Rooms that it joined by events because
    /// of its claims it leaves all, once these name others or let it join less: it may ask again for what is still its own.
    ///
    /// # Errors
    /// [`Code::NoValue`] if a value is not there; then everything stays as it was.
    pub fn renew(&self, participant: &mut Participant, claims: Claims, named: Vec<Room>) -> Result<Moves, Refusal> {
        let old = participant.sources(Arguments::empty());
        let new = Sources { claims: &claims, ..old };
        let after = self.first_rooms(&new, false)?;
        let before = self.first_rooms(&old, participant.is_anonymous).unwrap_or_default();
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
        participant.claims = self.asked_for(&claims);
        participant.is_anonymous = false;
        Ok(Moves { leave, join })
    }

    fn first_rooms(&self, sources: &Sources<'_>, is_anonymous: bool) -> Result<Vec<Room>, Refusal> {
        let rooms = self.rooms().iter().filter(|template| !(is_anonymous && template.reads_claims()));
        rooms.map(|template| template.room(sources).ok_or(Refusal::new(Code::NoValue))).collect()
    }
}
