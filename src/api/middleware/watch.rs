//! Notes security events. A request that was turned away carries a [`SecurityEvent`] in its answer's data.

use std::sync::Arc;

use poem::{Endpoint, IntoResponse, Middleware, PathPattern, Request, Response, Result};

use crate::{
    api::{
        origin::source,
        security::{SecurityEvent, SecurityLog},
    },
    limits::TrustedProxies,
};

/// The layer.
pub struct Watch {
    proxies: Arc<TrustedProxies>,
    log: SecurityLog,
}

impl Watch {
    /// Notes events in this log, with the sources that these proxies name.
    pub const fn new(proxies: Arc<TrustedProxies>, log: SecurityLog) -> Self {
        Self { proxies, log }
    }
}

impl<E: Endpoint> Middleware<E> for Watch {
    type Output = WatchEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        WatchEndpoint { inner, proxies: Arc::clone(&self.proxies), log: self.log.clone() }
    }
}

/// [`Watch`] around an endpoint.
pub struct WatchEndpoint<E> {
    inner: E,
    proxies: Arc<TrustedProxies>,
    log: SecurityLog,
}

impl<E: Endpoint> Endpoint for WatchEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let source = source(&request, &self.proxies);
        let response = self.inner.call(request).await?.into_response();
        if let Some(event) = response.data::<SecurityEvent>() {
            let route = response.data::<PathPattern>().map_or("unknown", |pattern| &*pattern.0);
            self.log.note(*event, source, route);
        }
        Ok(response)
    }
}
