//! How much one address may do.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use hub::Bucket;
use slab::Slab;

use super::{Rate, network};

/// What one address may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressLimits {
    /// How many connections it may have at once.
    pub connections_max: Option<NonZeroU32>,
    /// How often it may begin one, whether or not it gets it.
    pub handshakes: Option<Rate>,
    /// How many bits of an IPv6 address count as the address.
    pub ipv6_prefix: u8,
}

impl AddressLimits {
    /// Whether anything is limited.
    pub const fn is_any(&self) -> bool {
        self.connections_max.is_some() || self.handshakes.is_some()
    }

    /// Those of so many addresses together.
    fn times(self, count: u32) -> Self {
        Self {
            connections_max: self
                .connections_max
                .map(|max| max.saturating_mul(NonZeroU32::MIN.saturating_add(count - 1))),
            handshakes: self.handshakes.map(|rate| rate.times(count)),
            ..self
        }
    }
}

/// By default nothing is limited: an office, a school and a mobile network share one address. A household or a server
/// has the 64 bits behind an IPv6 prefix to itself.
impl Default for AddressLimits {
    fn default() -> Self {
        Self { connections_max: None, handshakes: None, ipv6_prefix: 64 }
    }
}

/// The addresses that something has to be remembered of.
///
/// An address is *idle* while it has no connections; idle ones are kept in the order of their last attempt or
/// connection. In a full table a new address takes the place of the one that was idle for longest, but only if that
/// one's bucket is full again: then the table has forgotten nothing, and answers as one without a bound would. Who is
/// kept out stays kept out, however many others come.
///
/// A bucket is full again within seconds. So there is no place only while more addresses than the table has places are
/// connected, or came within these seconds. Those who then come new share one entry, which has the limits of a hundred
/// addresses together: with those of one, a flood from very many addresses would keep out everybody who
/// is not in the table yet; with none, it would be a way around the limits. They have done nothing yet that the table
/// knows of, and find a place as soon as one is free.
#[derive(Debug)]
pub struct Addresses {
    limits: AddressLimits,
    entries_max: usize,
    index: HashMap<IpAddr, u32>,
    entries: Slab<Entry>,
    /// The ends of the list of idle entries.
    newest: u32,
    oldest: u32,
    /// Those for whom there is no place.
    rest: Account,
}

/// Where a connection is counted, until it [leaves](Addresses::leave).
#[derive(Debug, PartialEq, Eq)]
#[must_use = "it is counted for ever otherwise"]
pub struct Place(u32);

/// Why an address may not begin a connection now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressRefusal {
    /// It tried too often: not before this time has passed.
    TooFast(Duration),
    /// It has as many as it may have.
    TooMany,
}

/// An address, and its neighbours in the list while it is idle.
#[derive(Debug)]
struct Entry {
    address: IpAddr,
    newer: u32,
    older: u32,
    account: Account,
}

/// What is remembered of an address.
#[derive(Debug, Default)]
struct Account {
    connections: u32,
    handshakes: Bucket,
}

impl Addresses {
    /// An empty table, which will have at most `entries_max` addresses.
    pub fn new(limits: AddressLimits, entries_max: usize) -> Self {
        Self {
            limits,
            // The numbers of entries are below NONE.
            entries_max: entries_max.min(NONE as usize),
            index: HashMap::new(),
            entries: Slab::new(),
            newest: NONE,
            oldest: NONE,
            rest: Account::default(),
        }
    }

    /// Has other limits hold from now on, and another number of addresses. Connections that were not counted are not.
    ///
    /// What counts as one address stays: of an address that is cut elsewhere nobody would find what is remembered.
    pub fn set_limits(&mut self, limits: AddressLimits, entries_max: usize) {
        self.limits = AddressLimits { ipv6_prefix: self.limits.ipv6_prefix, ..limits };
        self.entries_max = entries_max.min(NONE as usize);
    }

    /// A connection is to begin. Its place, if connections are counted, is to be given back when it has ended.
    ///
    /// # Errors
    /// Why it may not.
    pub fn enter(&mut self, address: IpAddr, now: Instant) -> Result<Option<Place>, AddressRefusal> {
        let address = network(address, self.limits.ipv6_prefix);
        let Some(slot) = self.index.get(&address).copied().or_else(|| self.insert(address, now)) else {
            let is_counted = self.rest.enter(&self.limits.times(REST_SHARE), now)?;
            return Ok(is_counted.then_some(Place(NONE)));
        };
        let account = &mut self.entries[slot as usize].account;
        let was_idle = account.connections == 0;
        let entered = account.enter(&self.limits, now);
        let is_idle = account.connections == 0;
        if was_idle {
            self.unlink(slot);
        }
        if is_idle {
            self.link(slot);
        }
        Ok(entered?.then_some(Place(slot)))
    }

    /// A connection has ended.
    pub fn leave(&mut self, Place(slot): Place) {
        let Some(entry) = self.entries.get_mut(slot as usize) else {
            self.rest.connections -= 1;
            return;
        };
        entry.account.connections -= 1;
        if entry.account.connections == 0 {
            self.link(slot);
        }
    }

    /// A place for an address that has none, in the list.
    fn insert(&mut self, address: IpAddr, now: Instant) -> Option<u32> {
        if self.entries.len() >= self.entries_max {
            let oldest = self.oldest;
            if !self.entries.get(oldest as usize)?.account.is_as_new(now) {
                return None;
            }
            self.unlink(oldest);
            let forgotten = self.entries.remove(oldest as usize);
            self.index.remove(&forgotten.address);
        }
        let entry = Entry { address, newer: NONE, older: NONE, account: Account::default() };
        let slot = self.entries.insert(entry) as u32;
        self.index.insert(address, slot);
        self.link(slot);
        Some(slot)
    }

    /// Puts an entry at the new end of the list.
    fn link(&mut self, slot: u32) {
        let second = self.newest;
        let entry = &mut self.entries[slot as usize];
        (entry.newer, entry.older) = (NONE, second);
        self.newest = slot;
        *self.newer_of(second) = slot;
    }

    /// Takes an entry out of the list.
    fn unlink(&mut self, slot: u32) {
        let Entry { newer, older, .. } = self.entries[slot as usize];
        *self.newer_of(older) = newer;
        match self.entries.get_mut(newer as usize) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
    }

    /// What points at the next newer entry; below the oldest, the end of the list itself.
    fn newer_of(&mut self, slot: u32) -> &mut u32 {
        self.entries.get_mut(slot as usize).map_or(&mut self.oldest, |entry| &mut entry.newer)
    }
}

impl Account {
    /// Counts an attempt, and the connection if it may be; says whether that is counted.
    fn enter(&mut self, limits: &AddressLimits, now: Instant) -> Result<bool, AddressRefusal> {
        if let Some(rate) = limits.handshakes {
            rate.take(&mut self.handshakes, now, 1).map_err(AddressRefusal::TooFast)?;
        }
        match limits.connections_max {
            None => return Ok(false),
            Some(max) if self.connections >= max.get() => return Err(AddressRefusal::TooMany),
            Some(_) => self.connections += 1,
        }
        Ok(true)
    }

    /// Whether nothing has to be remembered of an idle one: its bucket is full.
    fn is_as_new(&self, now: Instant) -> bool {
        self.handshakes.wait(now, Duration::ZERO).is_none()
    }
}

/// No entry: an end of the list, or the place of those who have none.
const NONE: u32 = u32::MAX;

/// Of how many addresses those have the limits who find no place.
const REST_SHARE: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(connections_max: u32, per_s: u32) -> AddressLimits {
        let handshakes = Rate::new(per_s, Some(2));
        AddressLimits { connections_max: NonZeroU32::new(connections_max), handshakes, ipv6_prefix: 64 }
    }

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    #[test]
    fn an_address_has_its_connections_and_its_attempts_and_no_more() {
        let (mut table, now) = (Addresses::new(limits(1, 1), 10), Instant::now());
        let place = table.enter(address(1), now).unwrap().unwrap();
        assert_eq!(table.enter(address(1), now), Err(AddressRefusal::TooMany));
        let wait = Duration::from_secs(1);
        assert_eq!(table.enter(address(1), now), Err(AddressRefusal::TooFast(wait)), "a refused attempt counts");
        assert!(table.enter(address(2), now).is_ok());
        table.leave(place);
        assert_eq!(table.enter(address(1), now), Err(AddressRefusal::TooFast(wait)));
        assert!(table.enter(address(1), now + Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn who_is_kept_out_stays_out_however_many_others_come() {
        let (mut table, now) = (Addresses::new(limits(0, 1), 8), Instant::now());
        while table.enter(address(0), now).is_ok() {}
        for other in 1..1_000 {
            let _ = table.enter(address(other), now);
        }
        assert!(table.enter(address(0), now).is_err());
        assert_eq!((table.entries.len(), table.index.len()), (8, 8));
    }

    #[test]
    fn an_address_with_connections_is_never_forgotten_and_an_idle_one_is() {
        let (mut table, now) = (Addresses::new(limits(1, 0), 2), Instant::now());
        let _stays = table.enter(address(0), now).unwrap().unwrap();
        for other in 1..1_000 {
            let place = table.enter(address(other), now).unwrap().unwrap();
            assert_ne!(place, Place(NONE), "there is a place for everybody who is connected");
            table.leave(place);
        }
        assert_eq!(table.enter(address(0), now), Err(AddressRefusal::TooMany));
    }

    #[test]
    fn those_for_whom_there_is_no_place_share_the_limits_of_a_hundred() {
        let (mut table, now) = (Addresses::new(limits(1, 0), 1), Instant::now());
        let first = table.enter(address(0), now).unwrap().unwrap();
        let others: Vec<Place> = (1..1_000).filter_map(|other| table.enter(address(other), now).ok()?).collect();
        assert_eq!(others.len(), 100);
        others.into_iter().for_each(|place| table.leave(place));
        table.leave(first);
        assert_ne!(table.enter(address(5), now).unwrap().unwrap(), Place(NONE));
        assert_eq!(table.rest.connections, 0);
    }
}
