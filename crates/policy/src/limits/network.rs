//! What of an address belongs to one owner.

use std::net::{IpAddr, Ipv6Addr};

/// What an address has in common with those that count as the same: of IPv6 so many bits; those of IPv4 are each its own. An IPv4
/// address that is written as IPv6 is one of IPv4.
pub fn network(address: IpAddr, ipv6_prefix: u8) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(ipv6_prefix.into())).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_the_same_by_what_belongs_to_one_owner() {
        for (one, other, prefix, is_same) in [
            ("192.0.2.1", "::ffff:192.0.2.1", 64, true),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2", 64, false),
            ("192.0.2.1", "192.0.2.2", 1, false),
            ("2001:db8::1", "2001:db8::ffff:0:0:2", 64, true),
            ("2001:db8::1", "2001:db8:0:1::1", 64, false),
            ("2001:db8::1", "2001:db8:0:1::1", 48, true),
            ("2001:db8::1", "2001:db8::2", 128, false),
        ] {
            let network = |address: &str| network(address.parse().unwrap(), prefix);
            assert_eq!(network(one) == network(other), is_same, "{one} {other} /{prefix}");
        }
    }
}
