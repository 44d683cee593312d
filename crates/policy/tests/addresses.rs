//! The table of addresses beside a slow model, and beside a table without a bound.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use fanfare_policy::{AddressLimits, AddressRefusal, Addresses, Place, Rate};

#[test]
fn the_table_answers_as_a_list_that_is_searched_would() {
    let (mut refused, mut shared) = (0, 0);
    for seed in 0..400 {
        let mut random = Random(seed);
        let connections_max = NonZeroU32::new(random.below(4));
        // Milliseconds divide a second, so that the model can count in them.
        let (per_s, burst) = ([1, 4, 10][random.below(3) as usize], 1 + random.below(3));
        let handshakes = (random.below(4) > 0).then(|| Rate::new(per_s, Some(burst)).unwrap());
        let mut limits = AddressLimits::default();
        (limits.connections_max, limits.handshakes) = (connections_max, handshakes);
        let entries_max = 1 + random.below(6) as usize;
        let mut table = Addresses::new(limits, entries_max);
        let bucket = handshakes.map(|_| (i64::from(1000 / per_s), i64::from(burst)));
        let mut model = Model { entries_max, connections_max, bucket, known: Vec::new(), rest: Known::new(0) };
        let (start, mut now) = (Instant::now(), 0);
        let mut open: Vec<(Place, Option<u32>)> = Vec::new();
        for _ in 0..400 {
            now += i64::from(random.below(4) * random.below(150));
            if random.below(3) == 0 && !open.is_empty() {
                let (place, owner) = open.swap_remove(random.below(open.len() as u32) as usize);
                table.leave(place);
                model.leave(owner);
                continue;
            }
            let address = random.below(10);
            let answer = table.enter(numbered(address), start + Duration::from_millis(now as u64));
            let (expected, owner) = model.enter(address, now);
            let answered = match &answer {
                Ok(place) => Ok(place.is_some()),
                Err(AddressRefusal::TooMany) => Err(None),
                Err(AddressRefusal::TooFast(wait)) => Err(Some(wait.as_millis() as i64)),
            };
            assert_eq!(answered, expected, "seed {seed} at {now} ms");
            refused += usize::from(answer.is_err());
            shared += usize::from(owner.is_none());
            if let Ok(Some(place)) = answer {
                open.push((place, owner));
            }
        }
    }
    assert!(refused > 1_000 && shared > 1_000, "both happen: {refused}, {shared}");
}

#[test]
fn a_table_that_has_a_place_for_whom_it_must_remember_answers_as_one_without_a_bound() {
    let mut limits = AddressLimits::default();
    limits.handshakes = Rate::new(1, Some(2));
    // A bucket is full again after less than three seconds, in which no more than six come.
    let (mut table, mut boundless) = (Addresses::new(limits, 6), Addresses::new(limits, usize::MAX));
    let (mut random, start, mut refused) = (Random(7), Instant::now(), 0);
    for turn in 0..20_000 {
        let now = start + turn * Duration::from_millis(500);
        // One of them all the time.
        let address = numbered(if random.below(2) == 0 { 0 } else { random.below(50) });
        let answer = table.enter(address, now);
        assert_eq!(answer, boundless.enter(address, now), "turn {turn}");
        refused += usize::from(answer.is_err());
    }
    assert!(refused > 1_000, "{refused}");
}

/// Addresses in a list, those that were idle for longest first.
struct Model {
    entries_max: usize,
    connections_max: Option<NonZeroU32>,
    /// In how many milliseconds an attempt comes back, and how many there are.
    bucket: Option<(i64, i64)>,
    known: Vec<Known>,
    rest: Known,
}

struct Known {
    address: u32,
    connections: u32,
    attempts: Vec<i64>,
}

impl Known {
    fn new(address: u32) -> Self {
        Self { address, connections: 0, attempts: Vec::new() }
    }

    /// What is there of attempts, in the time they take to come back: all of it, counted again.
    fn left(&self, now: i64, interval: i64, burst: i64) -> i64 {
        let (mut left, mut last) = (interval * burst, i64::MIN / 2);
        for attempt in &self.attempts {
            left = (left + (attempt - last)).min(interval * burst) - interval;
            last = *attempt;
        }
        (left + (now - last)).min(interval * burst)
    }
}

impl Model {
    fn enter(&mut self, address: u32, now: i64) -> (Result<bool, Option<i64>>, Option<u32>) {
        let found = self.known.iter().position(|known| known.address == address);
        let found = found.or_else(|| {
            if self.known.len() >= self.entries_max {
                let oldest = self.known.iter().position(|known| known.connections == 0)?;
                let is_full = |(interval, burst)| self.known[oldest].left(now, interval, burst) == interval * burst;
                if !self.bucket.is_none_or(is_full) {
                    return None;
                }
                self.known.remove(oldest);
            }
            self.known.push(Known::new(address));
            Some(self.known.len() - 1)
        });
        let share = if found.is_some() { 1 } else { 100 };
        let known = found.map_or(&mut self.rest, |found| &mut self.known[found]);
        let answer = 'answer: {
            if let Some((interval, burst)) = self.bucket {
                // A hundred times as many come back in the same time: counted in hundredths.
                let (now, interval, burst) = (now * share, interval, burst * share);
                let left = known.left(now, interval, burst);
                if left < interval {
                    break 'answer Err(Some((interval - left) / share));
                }
                known.attempts.push(now);
            }
            match self.connections_max {
                None => Ok(false),
                Some(max) if i64::from(known.connections) >= i64::from(max.get()) * share => Err(None),
                Some(_) => {
                    known.connections += 1;
                    Ok(true)
                }
            }
        };
        if let Some(found) = found
            && self.known[found].connections == 0
        {
            let known = self.known.remove(found);
            self.known.push(known);
        }
        (answer, found.map(|_| address))
    }

    fn leave(&mut self, owner: Option<u32>) {
        let Some(owner) = owner else {
            self.rest.connections -= 1;
            return;
        };
        let found = self.known.iter().position(|known| known.address == owner);
        let found = found.expect("who is connected is known");
        self.known[found].connections -= 1;
        if self.known[found].connections == 0 {
            let known = self.known.remove(found);
            self.known.push(known);
        }
    }
}

fn numbered(number: u32) -> IpAddr {
    Ipv4Addr::from(number).into()
}

/// Numbers that look random, the same for the same seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 33) as u32 % limit
    }
}
