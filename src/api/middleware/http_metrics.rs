//! Counts and times requests by route, method and status. The sets of labels are bounded: an unknown path is
//! `unknown`, an unusual method `other`.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Instant,
};

use metrics::{Counter, Histogram, counter, describe_counter, describe_histogram, histogram};
use poem::{
    Endpoint, IntoResponse, Middleware, PathPattern, Request, Response, Result,
    http::{Method, StatusCode},
};

/// The statuses that have series of their own; any other shares the last one.
const STATUSES: [u16; 16] = [200, 201, 202, 400, 401, 403, 404, 405, 412, 413, 415, 422, 429, 500, 503, 0];
/// The methods that have series of their own; any other shares the last one.
const METHODS: [&str; 8] = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "other"];
/// The route label of an unknown path.
const UNKNOWN: &str = "unknown";

/// Count and time of requests of one kind.
struct Series {
    count: Counter,
    seconds: Histogram,
}

/// The series of one route by method and status, made at their first use. Resolving a series in the recorder costs more
/// than the rest of this file.
#[derive(Default)]
struct RouteSeries([[OnceLock<Series>; STATUSES.len()]; METHODS.len()]);

/// The middleware.
pub struct HttpMetrics {
    routes: Arc<HashMap<Cow<'static, str>, RouteSeries>>,
}

impl HttpMetrics {
    /// Measures these routes, each under its pattern.
    pub fn new(patterns: impl IntoIterator<Item = String>) -> Self {
        describe_counter!("http_requests_total", "Requests answered");
        describe_histogram!(
            "http_request_duration_seconds",
            metrics::Unit::Seconds,
            "From the request's head to its answer"
        );
        let known = patterns.into_iter().map(Cow::Owned).chain([Cow::Borrowed(UNKNOWN)]);
        Self { routes: Arc::new(known.map(|route| (route, RouteSeries::default())).collect()) }
    }
}

impl<E: Endpoint> Middleware<E> for HttpMetrics {
    type Output = HttpMetricsEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        HttpMetricsEndpoint { inner, routes: Arc::clone(&self.routes) }
    }
}

/// [`HttpMetrics`] around an endpoint.
pub struct HttpMetricsEndpoint<E> {
    inner: E,
    routes: Arc<HashMap<Cow<'static, str>, RouteSeries>>,
}

impl<E: Endpoint> HttpMetricsEndpoint<E> {
    fn record(&self, pattern: Option<&str>, method: usize, status: StatusCode, since: Instant) {
        let found = pattern.and_then(|pattern| self.routes.get_key_value(pattern));
        let Some((route, series)) = found.or_else(|| self.routes.get_key_value(UNKNOWN)) else { return };
        let at = STATUSES.iter().position(|known| *known == status.as_u16()).unwrap_or(STATUSES.len() - 1);
        let series = series.0[method][at].get_or_init(|| {
            let labels = [
                ("route", route.clone().into_owned()),
                ("method", METHODS[method].to_owned()),
                ("status", if STATUSES[at] == 0 { "other".to_owned() } else { STATUSES[at].to_string() }),
            ];
            Series {
                count: counter!("http_requests_total", &labels),
                seconds: histogram!("http_request_duration_seconds", &labels),
            }
        });
        series.count.increment(1);
        series.seconds.record(since.elapsed());
    }
}

fn method_at(method: &Method) -> usize {
    METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1)
}

impl<E: Endpoint> Endpoint for HttpMetricsEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let (since, method) = (Instant::now(), method_at(request.method()));
        let response = self.inner.call(request).await?.into_response();
        let pattern = response.data::<PathPattern>().map(|pattern| &*pattern.0);
        self.record(pattern, method, response.status(), since);
        tracing::debug!(
            status = response.status().as_u16(),
            micros = since.elapsed().as_micros(),
            "answered"
        );
        Ok(response)
    }
}
