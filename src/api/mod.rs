//! HTTP: every route, the order of what stands around them, the OpenAPI document. Nothing is decided here: a request
//! is read, a face of a domain room is asked, and what it says is written down.

mod auth;
mod body;
mod catalogue;
mod document;
mod envelope;
mod error;
mod failure;
mod headers;
pub mod health;
mod idempotency;
mod metrics_page;
mod middleware;
mod pages;
mod query;
mod router;
mod scalars;
#[cfg(test)]
mod tests;
mod v1;

use std::sync::Arc;

use poem::{Endpoint, EndpointExt, Response, Route};
use poem_openapi::OpenApi;

use self::{
    auth::Gate,
    document::Tag,
    failure::{ApiError, FieldErrors},
    health::{HealthApi, HealthSource},
    metrics_page::MetricsApi,
    middleware::{identify::Identify, measure::Measure},
    router::{Methods, Paths},
};
pub use self::{auth::ServiceKey, document::spec, metrics_page::Renderer};
use crate::{identity::Identity, wallet::Wallets};

/// What the room is built from.
pub struct Parts {
    pub wallets: Arc<dyn Wallets>,
    pub identity: Arc<dyn Identity>,
    pub health: Arc<dyn HealthSource>,
    pub metrics: Renderer,
    /// What `POST /init` asks for; none: it is open.
    pub service_key: Option<ServiceKey>,
}

/// Every operation.
type Apis = (
    v1::InitApi,
    v1::WalletApi,
    v1::DepositsApi,
    v1::WithdrawalsApi,
    v1::TransfersApi,
    v1::TransactionsApi,
    v1::TopTransfersApi,
    v1::WalletsApi,
    v1::ErrorsApi,
    HealthApi,
    MetricsApi,
);

/// The whole room as one endpoint; whatever goes in, a proper answer comes out.
pub fn build(parts: Parts) -> impl Endpoint<Output = Response> + 'static {
    let apis: Apis = (
        v1::InitApi { identity: Arc::clone(&parts.identity) },
        v1::WalletApi { wallets: Arc::clone(&parts.wallets) },
        v1::DepositsApi { wallets: Arc::clone(&parts.wallets) },
        v1::WithdrawalsApi { wallets: Arc::clone(&parts.wallets) },
        v1::TransfersApi { wallets: Arc::clone(&parts.wallets) },
        v1::TransactionsApi { wallets: Arc::clone(&parts.wallets) },
        v1::TopTransfersApi { wallets: Arc::clone(&parts.wallets) },
        v1::WalletsApi { wallets: parts.wallets },
        v1::ErrorsApi,
        HealthApi { source: parts.health },
        MetricsApi { render: parts.metrics },
    );
    let mut paths = Paths::new();
    apis.add_routes(&mut paths);
    // The framework numbers the parameters of a path; a figure of `/metrics` tells more by the name.
    let mut paths: Paths =
        paths.into_iter().map(|(path, methods)| (path.replace(":param0", ":id"), methods)).collect();
    paths.extend(pages::paths());
    around(paths, Gate::new(parts.identity, parts.service_key))
}

/// What stands around the routes, from the inside out. A panic is caught at each path.
fn around(paths: Paths, gate: Gate) -> impl Endpoint<Output = Response> + 'static {
    let measure = Measure::new(paths.keys().cloned());
    let routes =
        paths.into_iter().fold(Route::new(), |route, (path, methods)| route.at(path, Methods::new(methods)));
    routes.data(gate).catch_all_error(error::to_response).with(measure).with(Identify)
}
