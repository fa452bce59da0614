//! HTTP: routes, the order of middleware, the OpenAPI document. Nothing is decided here: a request is read, a service of a domain
//! room is called, and its result is mapped to a response.

mod api_error;
mod auth;
mod balance;
mod body;
mod caller;
mod catalogue;
mod client_source;
mod command;
mod document;
mod envelope;
mod error_mapping;
mod executed;
mod headers;
pub mod health;
mod idempotency;
mod metrics_page;
mod middleware;
mod min_version;
mod openapi;
mod parameters;
mod query;
mod router;
mod scalars;
mod security;
mod security_schemes;
mod swagger;
#[cfg(test)]
mod tests;
mod v1;
mod waiting_money;

use std::sync::Arc;

use poem::{Endpoint, EndpointExt, Response, Route, endpoint::BoxEndpoint};
use poem_openapi::OpenApi;
use tokio_util::sync::CancellationToken;

use self::{
    auth::AuthState,
    health::{HealthApi, HealthSource},
    metrics_page::MetricsApi,
    middleware::{
        body_reader::BodyReader, http_metrics::HttpMetrics, request_id::RequestId,
        security_events::SecurityEvents,
    },
    openapi::Apis,
    router::{Methods, Paths},
    security::SecurityLog,
};
pub use self::{auth::ServiceKey, metrics_page::Renderer, openapi::spec};
use crate::{
    accounts::Accounts,
    identity::{Identity, Sessions, Users},
    limits::{Limits, TrustedProxies},
    payments::Payments,
    payouts::{CallbackVerifier, Payouts},
};

/// What the API is built from.
pub struct Dependencies {
    pub accounts: Arc<dyn Accounts>,
    pub payments: Arc<dyn Payments>,
    pub payouts: Arc<dyn Payouts>,
    /// Checks the callbacks of the bank; none: there is no bank.
    pub callback_verifier: Option<Arc<dyn CallbackVerifier>>,
    pub identity: Arc<dyn Identity>,
    pub users: Arc<dyn Users>,
    pub sessions: Arc<dyn Sessions>,
    pub health: Arc<dyn HealthSource>,
    pub metrics: Renderer,
    /// The key that `POST /init` needs; none: it is public.
    pub service_key: Option<ServiceKey>,
    pub limits: Arc<Limits>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub proxies: TrustedProxies,
    /// Once it is cancelled, incomplete bodies get little time.
    pub stopping: CancellationToken,
}

/// The API as endpoints; every request gets a JSend response.
pub struct Api {
    /// For clients.
    pub public: BoxEndpoint<'static, Response>,
    /// For operators; none: their operations are in `public`.
    pub admin: Option<BoxEndpoint<'static, Response>>,
}

/// Builds the API. With `has_admin_port`, `/metrics`, `/swagger` and the details of `/health` are in an endpoint of their own,
/// and the public one reports only the status of `/health`.
pub fn build(dependencies: Dependencies, has_admin_port: bool) -> Api {
    let Dependencies {
        accounts,
        payments,
        payouts,
        callback_verifier,
        identity,
        users,
        sessions,
        health,
        metrics,
        service_key,
        limits,
        proxies,
        stopping,
    } = dependencies;
    let (proxies, security_log) = (Arc::new(proxies), SecurityLog::new());
    let mut public = routes(v1::apis(
        Arc::clone(&identity),
        &users,
        sessions,
        &accounts,
        &payments,
        payouts,
        callback_verifier,
    ));
    let mut admin = routes((HealthApi { source: Arc::clone(&health) }, MetricsApi { render: metrics }));
    admin.extend(swagger::paths());
    if has_admin_port {
        public.extend(routes(HealthApi { source: Arc::clone(&health) }));
        public.extend(health::status_only(health));
    } else {
        public.extend(std::mem::take(&mut admin));
    }
    let auth = AuthState::new(identity, service_key, limits, Arc::clone(&proxies));
    let build = |paths| {
        let security_events = SecurityEvents::new(Arc::clone(&proxies), security_log.clone());
        with_middleware(paths, auth.clone(), security_events, stopping.clone()).boxed()
    };
    let admin = has_admin_port.then(|| build(admin));
    Api { public: build(public), admin }
}

fn routes(apis: impl OpenApi) -> Paths {
    let mut paths = Paths::new();
    apis.add_routes(&mut paths);
    // The framework numbers the parameters of a path; `/metrics` shows the name.
    paths.into_iter().map(|(path, methods)| (path.replace(":param0", ":id"), methods)).collect()
}

/// The routes with their middleware, from the inside out. A panic is caught at each path.
fn with_middleware(
    paths: Paths,
    auth: AuthState,
    security_events: SecurityEvents,
    stopping: CancellationToken,
) -> impl Endpoint<Output = Response> + 'static {
    let metrics = HttpMetrics::new(paths.keys().cloned());
    let mut parameters = router::parameters(Apis::meta());
    let routes = paths.into_iter().fold(Route::new(), |route, (path, methods)| {
        let parameters = parameters.remove(&path).unwrap_or_default();
        route.at(path, Methods::new(methods, parameters))
    });
    let body_reader = BodyReader::new(stopping);
    let routes = routes.data(auth).catch_all_error(error_mapping::to_response);
    routes.with(body_reader).with(security_events).with(metrics).with(RequestId)
}
