//! Hosts in addresses and headers: what of them is a name, and which names mean this machine.

/// The host in an address, without its port.
#[must_use]
pub fn host_of(url: &str) -> Option<&str> {
    authority(url).map(without_port)
}

/// The host and port in an address: the text between `://` and the next slash.
#[must_use]
pub fn authority(url: &str) -> Option<&str> {
    url.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default())
}

/// Whether a host is one of these names, whatever its port.
#[must_use]
pub fn named_in(names: &[&str], host: &str) -> bool {
    names.iter().any(|name| without_port(host).eq_ignore_ascii_case(name))
}

/// A host without the port behind it.
#[must_use]
pub fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// Whether a host is this machine.
#[must_use]
pub fn loopback(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}
