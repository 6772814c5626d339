//! Which addresses are on the public network. What is not, this machine or its network may reach where the one who named
//! the address may not.
//!
//! Source: IANA's special-purpose address registries,
//! <https://www.iana.org/assignments/iana-ipv4-special-registry> and
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Blocks of IPv4 that are not for everybody, as first address and length of the prefix.
const SPECIAL_V4: [([u8; 4], u32); 16] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    // Shared by the customers of a provider.
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Link-local; many clouds give a machine its secrets there.
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    // Protocol assignments.
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    // Relays of 6to4, given up.
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    // Benchmarks.
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast.
    ([224, 0, 0, 0], 4),
    // Reserved, and limited broadcast.
    ([240, 0, 0, 0], 4),
    ([255, 255, 255, 255], 32),
];

/// The global unicast space of IPv6. Everything outside is loopback, local, multicast, a mapping or not assigned.
const GLOBAL_V6: (u128, u32) = (0x2000 << 112, 3);

/// Blocks in it that are not for everybody.
const SPECIAL_V6: [(u128, u32); 4] = [
    // Protocol assignments: Teredo, benchmarks, ORCHID and others.
    (0x2001 << 112, 23),
    // Documentation.
    (0x2001_0db8 << 96, 32),
    // 6to4: an IPv4 address is in it, and a tunnel leads there.
    (0x2002 << 112, 16),
    // Documentation.
    (0x3fff << 112, 20),
];

/// IPv4 through a NAT64, as hosts of networks without IPv4 see the whole of it.
const NAT64: (u128, u32) = (0x0064_ff9b << 96, 96);

/// Whether an address is one that everybody reaches.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    SPECIAL_V4.iter().all(|(first, length)| (bits ^ u32::from_be_bytes(*first)) >> (32 - length) != 0)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let inside = |(first, length): &(u128, u32)| (address.to_bits() ^ first) >> (128 - length) == 0;
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    if inside(&NAT64) {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    inside(&GLOBAL_V6) && !SPECIAL_V6.iter().any(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The registries' rows, each by its first and last address, with the neighbours that are public.
    #[test]
    fn special_addresses() {
        for (first, last, before, after) in [
            ("0.0.0.0", "0.255.255.255", "", "1.0.0.0"),
            ("10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"),
            ("100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"),
            ("127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"),
            ("169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"),
            ("172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"),
            ("192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"),
            ("192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"),
            ("192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"),
            ("192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"),
            ("198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"),
            ("198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"),
            ("203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"),
            ("224.0.0.0", "255.255.255.255", "223.255.255.255", ""),
            // Loopback, unspecified, compatible and translated IPv4, discard, dummy, local NAT64.
            ("::", "::ffff", "", ""),
            ("::1", "::1", "", ""),
            ("::8.8.8.8", "::255.255.255.255", "", ""),
            ("::ffff:0:8.8.8.8", "::ffff:0:255.255.255.255", "", ""),
            ("::ffff:10.0.0.0", "::ffff:10.255.255.255", "::ffff:9.255.255.255", "::ffff:11.0.0.0"),
            ("::ffff:127.0.0.1", "::ffff:127.255.255.255", "", "::ffff:8.8.8.8"),
            ("64:ff9b::", "64:ff9b::0.255.255.255", "", "64:ff9b::8.8.8.8"),
            ("64:ff9b::10.0.0.0", "64:ff9b::10.255.255.255", "64:ff9b::9.0.0.1", "64:ff9b::11.0.0.0"),
            ("64:ff9b::169.254.169.254", "64:ff9b::127.0.0.1", "", ""),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "", ""),
            ("64:ff9b:1::8.8.8.8", "64:ff9b:0:1::8.8.8.8", "", ""),
            ("100::", "100::ffff:ffff:ffff:ffff", "", ""),
            ("100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff", "", ""),
            ("1fff:ffff::", "1fff:ffff:ffff::", "", "2000::"),
            // Protocol assignments: Teredo, benchmarks, ORCHID.
            ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2000:ffff::", "2001:200::"),
            ("2001:0:8:8::1", "2001::ffff", "", ""),
            ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", "", ""),
            ("2001:10::", "2001:2f:ffff::", "", ""),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db7:ffff::", "2001:db9::"),
            ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:ffff::", "2003::"),
            ("2002:7f00:1::", "2002:808:808::", "", ""),
            ("3fff::", "3fff:fff:ffff::", "3ffe:ffff::", "3fff:1000::"),
            ("4000::", "5eff::", "3fff:ffff::", ""),
            ("5f00::", "5f00:ffff::", "", ""),
            ("fc00::", "fdff:ffff::", "", ""),
            ("fe80::1", "febf:ffff::", "", ""),
            ("fec0::", "feff:ffff::", "", ""),
            ("ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "", ""),
        ] {
            let public = |address: &str| is_public(address.parse().unwrap());
            assert!(!public(first) && !public(last), "{first} to {last}");
            for neighbour in [before, after].iter().filter(|neighbour| !neighbour.is_empty()) {
                assert!(public(neighbour), "{neighbour}");
            }
        }
        for public in ["1.1.1.1", "8.8.8.8", "192.31.196.1", "2001:4860:4860::8888", "2620:4f:8000::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
