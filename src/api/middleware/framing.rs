//! Checks of `Host` and `Transfer-Encoding` beyond those of hyper (RFC 9112). A proxy in front of the service may interpret an
//! ambiguous head differently.

use poem::{
    Request,
    http::{Version, header, uri::Authority},
};

use crate::api::{
    api_error::{ApiError, Detail},
    catalogue::Code,
};

/// Refuses a head that can be read in two ways; the connection is not to be used again.
pub fn check(request: &Request) -> Result<(), ApiError> {
    let refused = |rule| Err(ApiError::new(Code::InvalidHeader, Detail::Message(rule)));
    if !has_host(request) {
        return refused("Send one Host header with the name of the server");
    }
    let mut codings = request.headers().get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") || codings.next().is_some() {
        return refused("Transfer-Encoding must be chunked, once");
    }
    Ok(())
}

/// One `Host` with an authority in it (RFC 9112, section 3.2). HTTP/1.0 did not have it.
fn has_host(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => {
            let authority = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
            authority.is_some_and(|authority| !authority.as_str().contains('@'))
        }
        (None, None) => request.version() < Version::HTTP_11,
        _ => false,
    }
}
