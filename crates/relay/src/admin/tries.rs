//! How often somebody at one address may say a password.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use policy::network;
use socketio::hub::Bucket;

/// What each address has left: [`AT_ONCE`] tries, and one more each [`AGAIN_AFTER`]. A table of at most [`ADDRESSES_MAX`].
///
/// Those without an address (Unix sockets) are one, and so are those of one IPv6 network of 64 bits, which is what one household
/// has. Where the table is full of others that wait, nobody new may try: to forget one would be to let it try again.
#[derive(Debug, Default)]
pub(super) struct Tries(HashMap<Option<IpAddr>, Bucket>);

impl Tries {
    /// Takes one, or says how long there is none.
    pub(super) fn take(&mut self, address: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let address = address.map(owner);
        if !self.0.contains_key(&address) && self.0.len() >= ADDRESSES_MAX {
            self.0.retain(|_, bucket| bucket.wait(now, Duration::ZERO).is_some());
            if self.0.len() >= ADDRESSES_MAX {
                return Err(AGAIN_AFTER);
            }
        }
        self.0.entry(address).or_default().spend(now, AGAIN_AFTER * (AT_ONCE - 1), AGAIN_AFTER)
    }

    /// Gives one back: it was no guess.
    pub(super) fn give_back(&mut self, address: Option<IpAddr>) {
        if let Some(bucket) = self.0.get_mut(&address.map(owner)) {
            bucket.give_back(AGAIN_AFTER);
        }
    }
}

/// What counts as one address.
fn owner(address: IpAddr) -> IpAddr {
    network(address, 64)
}

/// A hand that slips, a page that is loaded again.
const AT_ONCE: u32 = 10;

/// 8,640 a day.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Some hundred kilobytes.
const ADDRESSES_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(number: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(number.into()))
    }

    #[test]
    fn an_address_has_some_tries_at_once_and_then_what_time_brings() {
        let (mut tries, now) = (Tries::default(), Instant::now());
        let mut taken = |address, now| (0..100).take_while(|_| tries.take(address, now).is_ok()).count();
        assert_eq!(taken(v4(1), now), 10);
        assert_eq!(taken(v4(2), now), 10, "another has its own");
        assert_eq!(taken(None, now), 10);
        assert_eq!(taken(v4(1), now + Duration::from_secs(9)), 0);
        assert_eq!(taken(v4(1), now + Duration::from_secs(35)), 3);
        assert_eq!(taken(v4(1), now + Duration::from_secs(86_400)), 10);
    }

    #[test]
    fn it_says_how_long_there_is_none() {
        let (mut tries, now) = (Tries::default(), Instant::now());
        while tries.take(None, now).is_ok() {}
        let later = now + Duration::from_secs(4);
        assert_eq!(tries.take(None, later), Err(Duration::from_secs(6)));
        assert_eq!(tries.take(None, later + Duration::from_secs(6)), Ok(()));
    }

    #[test]
    fn a_try_that_was_none_is_given_back() {
        let (mut tries, now) = (Tries::default(), Instant::now());
        for _ in 0..1000 {
            assert_eq!(tries.take(v4(1), now), Ok(()));
            tries.give_back(v4(1));
        }
    }

    #[test]
    fn a_network_of_64_bits_is_one_address() {
        let (mut tries, now) = (Tries::default(), Instant::now());
        let address = |text: &str| Some(text.parse().unwrap());
        for host in 0..10 {
            assert_eq!(tries.take(address(&format!("2001:db8::{host}")), now), Ok(()));
        }
        assert!(tries.take(address("2001:db8::ffff:0:0:1"), now).is_err());
        assert!(tries.take(address("2001:db8:0:1::1"), now).is_ok());
        for host in 0..20 {
            assert_eq!(tries.take(address(&format!("::ffff:192.0.2.{host}")), now), Ok(()), "of IPv4 each is its own");
        }
    }

    #[test]
    fn the_table_is_bounded_and_nobody_in_it_is_forgotten_before_it_may_be() {
        let (mut tries, now) = (Tries::default(), Instant::now());
        while tries.take(v4(0), now).is_ok() {}
        for number in 1..ADDRESSES_MAX as u32 {
            assert_eq!(tries.take(v4(number), now), Ok(()));
        }
        assert_eq!(tries.take(v4(1_000_000), now), Err(AGAIN_AFTER));
        assert!(tries.take(v4(0), now).is_err(), "it is still known");
        let later = now + AGAIN_AFTER;
        assert_eq!(tries.take(v4(1_000_000), later), Ok(()));
        assert!(tries.0.len() <= ADDRESSES_MAX);
        assert_eq!(tries.take(v4(0), later), Ok(()), "one in ten seconds");
        assert!(tries.take(v4(0), later).is_err());
    }
}
