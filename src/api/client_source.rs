//! The source of a request.

use std::net::SocketAddr;

use poem::{Request, http::HeaderName};

use crate::limits::{Source, TrustedProxies};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The source of a request: its peer, or the address that trusted proxies name.
pub fn source(request: &Request, proxies: &TrustedProxies) -> Source {
    let Some(peer) = request.remote_addr().as_socket_addr().map(SocketAddr::ip) else {
        return Source::UNKNOWN;
    };
    let headers = request.headers().get_all(FORWARDED_FOR).iter();
    // A header that is not text counts as an address that cannot be parsed.
    proxies.source(peer, headers.flat_map(|header| header.to_str().unwrap_or("-").split(',')))
}
