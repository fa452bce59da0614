//! HTTP: every route, the order of what stands around them, the OpenAPI document. Nothing is decided here: a request
//! is read, a face of a domain room is asked, and what it says is written down.

mod auth;
mod balance;
mod body;
mod caller;
mod catalogue;
mod command;
mod document;
mod envelope;
mod error;
mod executed;
mod failure;
mod headers;
pub mod health;
mod idempotency;
mod metrics_page;
mod middleware;
mod min_version;
mod openapi;
mod origin;
mod pages;
mod parameters;
mod query;
mod router;
mod scalars;
mod security;
#[cfg(test)]
mod tests;
mod v1;

use std::sync::Arc;

use poem::{Endpoint, EndpointExt, Response, Route, endpoint::BoxEndpoint};
use poem_openapi::OpenApi;
use tokio_util::sync::CancellationToken;

use self::{
    auth::Gate,
    health::{HealthApi, HealthSource},
    metrics_page::MetricsApi,
    middleware::{identify::Identify, measure::Measure, receive::Receive, watch::Watch},
    openapi::{Apis, CustomerApis},
    router::{Methods, Paths},
    security::SecurityLog,
};
pub use self::{auth::ServiceKey, metrics_page::Renderer, openapi::spec};
use crate::{
    accounts::Accounts,
    identity::Identity,
    limits::{Limits, TrustedProxies},
    payments::Payments,
};

/// What the room is built from.
pub struct Parts {
    pub accounts: Arc<dyn Accounts>,
    pub payments: Arc<dyn Payments>,
    pub identity: Arc<dyn Identity>,
    pub health: Arc<dyn HealthSource>,
    pub metrics: Renderer,
    /// What `POST /init` asks for; none: it is open.
    pub service_key: Option<ServiceKey>,
    pub limits: Arc<Limits>,
    /// Whose word on where a request comes from is taken.
    pub proxies: TrustedProxies,
    /// Once it is cancelled, a body that is still on its way is not waited for much longer.
    pub stopping: CancellationToken,
}

/// The room as endpoints; whatever goes in, a proper answer comes out.
pub struct Api {
    /// For everybody.
    pub public: BoxEndpoint<'static, Response>,
    /// For those who run the service; none: it is all in `public`.
    pub admin: Option<BoxEndpoint<'static, Response>>,
}

/// The whole room. With `has_admin_port`, `/metrics`, `/swagger` and the details of `/health` are in an endpoint of their own,
/// and the public one tells of the service's health in one word.
pub fn build(parts: Parts, has_admin_port: bool) -> Api {
    let Parts { accounts, payments, identity, health, metrics, service_key, limits, proxies, stopping } =
        parts;
    let (proxies, security_log) = (Arc::new(proxies), SecurityLog::new());
    let customers: CustomerApis = (
        v1::InitApi { identity: Arc::clone(&identity) },
        v1::WalletApi { accounts: Arc::clone(&accounts) },
        v1::CashApi { payments: Arc::clone(&payments) },
        v1::TransfersApi { payments: Arc::clone(&payments) },
        v1::TransactionsApi { accounts: Arc::clone(&accounts) },
        v1::TopTransfersApi { accounts: Arc::clone(&accounts) },
        v1::WalletsApi { accounts: Arc::clone(&accounts) },
        v1::AdminApi { accounts, payments },
        v1::ErrorsApi,
    );
    let mut public = routes(customers);
    let mut admin = routes((HealthApi { source: Arc::clone(&health) }, MetricsApi { render: metrics }));
    admin.extend(pages::paths());
    if has_admin_port {
        public.extend(routes(HealthApi { source: Arc::clone(&health) }));
        public.extend(health::in_one_word(health));
    } else {
        public.extend(std::mem::take(&mut admin));
    }
    let gate = Gate::new(identity, service_key, limits, Arc::clone(&proxies));
    let around = |paths| {
        let watch = Watch::new(Arc::clone(&proxies), security_log.clone());
        around(paths, gate.clone(), watch, stopping.clone()).boxed()
    };
    let admin = has_admin_port.then(|| around(admin));
    Api { public: around(public), admin }
}

fn routes(apis: impl OpenApi) -> Paths {
    let mut paths = Paths::new();
    apis.add_routes(&mut paths);
    // The framework numbers the parameters of a path; a figure of `/metrics` tells more by the name.
    paths.into_iter().map(|(path, methods)| (path.replace(":param0", ":id"), methods)).collect()
}

/// What stands around the routes, from the inside out. A panic is caught at each path.
fn around(
    paths: Paths,
    gate: Gate,
    watch: Watch,
    stopping: CancellationToken,
) -> impl Endpoint<Output = Response> + 'static {
    let measure = Measure::new(paths.keys().cloned());
    let mut parameters = router::parameters(Apis::meta());
    let routes = paths.into_iter().fold(Route::new(), |route, (path, methods)| {
        let parameters = parameters.remove(&path).unwrap_or_default();
        route.at(path, Methods::new(methods, parameters))
    });
    let receive = Receive::new(stopping);
    let routes = routes.data(gate).catch_all_error(error::to_response);
    routes.with(receive).with(watch).with(measure).with(Identify)
}
