//! Whether there is a proxy that nobody has told us of.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts connections, and those of each private address, without a lock.
///
/// Addresses are counted by a hash, so that two may count as one: that is rare, and costs a line in the log.
#[derive(Debug)]
pub(super) struct ProxyWatch {
    all: AtomicU32,
    private: Box<[AtomicU32; CROWDS]>,
    hasher: RandomState,
    start: Instant,
    /// In milliseconds after the start.
    quiet_until: AtomicU64,
}

/// With whom a connection is counted, until it [leaves](ProxyWatch::leave).
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowd(u16);

impl ProxyWatch {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            all: AtomicU32::new(0),
            private: Box::new([const { AtomicU32::new(0) }; CROWDS]),
            hasher: RandomState::new(),
            start: now,
            quiet_until: AtomicU64::new(0),
        }
    }

    /// A connection begins. The log is told, once in a while, if it is one of a proxy's, as it seems.
    pub(super) fn enter(&self, address: Option<IpAddr>, now: Instant) -> Crowd {
        let (crowd, connections) = self.count(address);
        if let (Some((of_address, of_all)), Some(address)) = (connections, address)
            && is_nearly_all(of_address, of_all)
            && self.is_time(now)
        {
            tracing::warn!(
                address = %address.to_canonical(),
                connections = of_address,
                of = of_all,
                "nearly all connections come from one private address: if it is a proxy's, name it in \
                 limits.address.trusted_proxies, or all clients count as one"
            );
        }
        crowd
    }

    /// A connection has ended.
    pub(super) fn leave(&self, Crowd(crowd): Crowd) {
        self.all.fetch_sub(1, Ordering::Relaxed);
        if let Some(private) = self.private.get(usize::from(crowd)) {
            private.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counts a connection; if its address is private, how many that has, and how many there are.
    fn count(&self, address: Option<IpAddr>) -> (Crowd, Option<(u32, u32)>) {
        let all = self.all.fetch_add(1, Ordering::Relaxed) + 1;
        let private = address.map(|address| address.to_canonical()).filter(is_private);
        let Some(address) = private else { return (Crowd(PUBLIC), None) };
        let crowd = self.hasher.hash_one(address) as usize % CROWDS;
        let of_address = self.private[crowd].fetch_add(1, Ordering::Relaxed) + 1;
        (Crowd(crowd as u16), Some((of_address, all)))
    }

    /// Whether the log may be told now: once a minute.
    fn is_time(&self, now: Instant) -> bool {
        let now = now.saturating_duration_since(self.start).as_millis() as u64;
        let next = now.saturating_add(PAUSE.as_millis() as u64);
        self.quiet_until
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |until| (until <= now).then_some(next))
            .is_ok()
    }
}

/// More than nine tenths, of more than somebody who tries things out opens.
fn is_nearly_all(of_address: u32, of_all: u32) -> bool {
    of_address >= CONNECTIONS_MIN && u64::from(of_address) * 10 > u64::from(of_all) * 9
}

/// Whether no client on the internet can have it. A network's own clients may; one of them is not nearly all.
fn is_private(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            // 100.64.0.0/10 is between a provider and its customers (RFC 6598).
            let is_shared = matches!(address.octets(), [100, 64..=127, ..]);
            address.is_private() || address.is_loopback() || address.is_link_local() || is_shared
        }
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// Four kilobytes, in which few networks have two addresses in one place.
const CROWDS: usize = 1024;

/// Not the place of any private address.
const PUBLIC: u16 = u16::MAX;

const CONNECTIONS_MIN: u32 = 20;

const PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn nearly_all_is_more_than_nine_tenths_of_at_least_twenty() {
        assert!(!is_nearly_all(19, 19));
        assert!(is_nearly_all(20, 20));
        assert!(is_nearly_all(20, 22));
        assert!(!is_nearly_all(90, 100));
        assert!(is_nearly_all(91, 100));
        assert!(is_nearly_all(4_000_000_000, 4_000_000_001));
    }

    #[test]
    fn connections_of_a_private_address_are_counted_until_they_end() {
        let watch = ProxyWatch::new(Instant::now());
        let proxy = address("::ffff:172.17.0.1");
        let mut crowds: Vec<Crowd> = (0..30).map(|_| watch.count(proxy).0).collect();
        assert_eq!(watch.count(address("203.0.113.9")).1, None);
        assert_eq!(watch.count(None).1, None);
        let (crowd, connections) = watch.count(address("172.17.0.1"));
        assert_eq!(connections, Some((31, 33)));
        crowds.push(crowd);
        crowds.into_iter().for_each(|crowd| watch.leave(crowd));
        assert_eq!(watch.count(proxy).1, Some((1, 3)));
    }

    #[test]
    fn the_log_is_told_once_a_minute() {
        let start = Instant::now();
        let watch = ProxyWatch::new(start);
        let told = (0..600_u32).filter(|second| watch.is_time(start + *second * Duration::from_secs(1))).count();
        assert_eq!(told, 10);
    }

    #[test]
    fn only_addresses_that_the_internet_does_not_have_are_private() {
        for (text, expected) in [
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("172.31.0.1", true),
            ("192.168.0.1", true),
            ("169.254.1.1", true),
            ("100.64.0.1", true),
            ("100.128.0.1", false),
            ("203.0.113.1", false),
            ("::1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_private(&text.parse().unwrap()), expected, "{text}");
        }
    }
}
