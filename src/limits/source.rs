//! The source of a request.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use crate::kernel::network::Network;

/// The length of a subscriber's network in an IPv6 address; the subscriber chooses the other bits (RFC 6177).
const SUBSCRIBER_PREFIX_BITS: u32 = 64;

/// An IPv4 address, or the first 64 bits of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// The source of a peer whose address is not known.
    pub const UNKNOWN: Self = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let network =
                    address.to_bits() >> (128 - SUBSCRIBER_PREFIX_BITS) << (128 - SUBSCRIBER_PREFIX_BITS);
                Self(Ipv6Addr::from_bits(network).into())
            }
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/{SUBSCRIBER_PREFIX_BITS}"),
        }
    }
}

/// The proxies whose `X-Forwarded-For` is trusted.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// Trusts the addresses of these networks.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// The source of a request: its peer, or, if that is a trusted proxy, the last of the `forwarded` addresses that is not
    /// one. `forwarded` are the addresses of `X-Forwarded-For`, nearest last. Each proxy adds its own peer, so addresses left
    /// of one that is not trusted, or cannot be read, are ignored.
    pub fn source<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> Source {
        let mut nearest = peer;
        let mut further = forwarded.rev().map(address);
        while self.trusts(nearest)
            && let Some(Some(next)) = further.next()
        {
            nearest = next;
        }
        nearest.into()
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

/// An address as proxies write it: bare, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    text.parse().ok().or_else(with_port).or_else(bracketed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(proxies: &[&str], peer: &str, forwarded: &str) -> String {
        let proxies = TrustedProxies::new(proxies.iter().map(|text| text.parse().unwrap()).collect());
        proxies.source(peer.parse().unwrap(), forwarded.split(',')).to_string()
    }

    #[test]
    fn forwarded_addresses_are_used_only_of_trusted_proxies() {
        let none: &[&str] = &[];
        let inner: &[&str] = &["10.0.0.0/8", "fd00::/8"];
        for (proxies, peer, forwarded, expected) in [
            (none, "10.0.0.1", "1.2.3.4", "10.0.0.1"),
            (inner, "10.0.0.1", "1.2.3.4", "1.2.3.4"),
            (inner, "192.0.2.1", "1.2.3.4", "192.0.2.1"),
            (inner, "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
            (inner, "10.0.0.1", "6.6.6.6, 1.2.3.4 , 10.0.0.2,fd00::9", "1.2.3.4"),
            (inner, "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            (inner, "10.0.0.1", "", "10.0.0.1"),
            (inner, "10.0.0.1", "1.2.3.4, unknown", "10.0.0.1"),
            (inner, "10.0.0.1", "1.2.3.4, unknown, 10.0.0.2", "10.0.0.2"),
            (inner, "10.0.0.1", "1.2.3.4:567", "1.2.3.4"),
            (inner, "::ffff:10.0.0.1", "[2001:db8:1:2:3:4:5:6]:567", "2001:db8:1:2::/64"),
            (inner, "10.0.0.1", "[2001:db8::1]", "2001:db8::/64"),
        ] {
            assert_eq!(source(proxies, peer, forwarded), expected, "{peer} for {forwarded}");
        }
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_source() {
        let of = |text: &str| Source::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
