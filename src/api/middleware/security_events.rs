//! Records security events: the response to a refused request carries a [`SecurityEvent`] in its data.

use std::sync::Arc;

use poem::{Endpoint, IntoResponse, Middleware, PathPattern, Request, Response, Result};

use crate::{
    api::{
        client_source::source,
        security::{SecurityEvent, SecurityLog},
    },
    limits::TrustedProxies,
};

/// The middleware.
pub struct SecurityEvents {
    proxies: Arc<TrustedProxies>,
    log: SecurityLog,
}

impl SecurityEvents {
    /// Records events in this log, with the sources that these proxies name.
    pub const fn new(proxies: Arc<TrustedProxies>, log: SecurityLog) -> Self {
        Self { proxies, log }
    }
}

impl<E: Endpoint> Middleware<E> for SecurityEvents {
    type Output = SecurityEventsEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        SecurityEventsEndpoint { inner, proxies: Arc::clone(&self.proxies), log: self.log.clone() }
    }
}

/// [`SecurityEvents`] around an endpoint.
pub struct SecurityEventsEndpoint<E> {
    inner: E,
    proxies: Arc<TrustedProxies>,
    log: SecurityLog,
}

impl<E: Endpoint> Endpoint for SecurityEventsEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let source = source(&request, &self.proxies);
        let response = self.inner.call(request).await?.into_response();
        if let Some(event) = response.data::<SecurityEvent>() {
            let route = response.data::<PathPattern>().map_or("unknown", |pattern| &*pattern.0);
            self.log.record(*event, source, route);
        }
        Ok(response)
    }
}
