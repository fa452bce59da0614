//! One path and its methods. The framework's own does not say which methods a path has when it refuses one.

use std::collections::HashMap;

use poem::{
    Endpoint, EndpointExt, Request, Response, Result,
    endpoint::BoxEndpoint,
    http::{HeaderValue, Method},
    middleware::CatchPanic,
};

use super::{
    catalogue::Code,
    error,
    failure::{ApiError, Detail},
};

/// Every path with what its methods do, as poem-openapi collects them.
pub type Paths = HashMap<String, HashMap<Method, BoxEndpoint<'static>>>;

/// The methods of a path. HEAD is answered as GET; the server leaves the body out.
pub struct Methods {
    endpoints: Vec<(Method, BoxEndpoint<'static>)>,
    allowed: HeaderValue,
}

impl Methods {
    /// A path with these methods. A panic in one of them is caught.
    pub fn new(endpoints: impl IntoIterator<Item = (Method, BoxEndpoint<'static>)>) -> Self {
        let endpoints: Vec<_> = endpoints
            .into_iter()
            .map(|(method, endpoint)| {
                (method, endpoint.with(CatchPanic::new().with_handler(error::from_panic)).boxed())
            })
            .collect();
        let mut names: Vec<&str> = endpoints.iter().map(|(method, _)| method.as_str()).collect();
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        names.sort_unstable();
        let allowed = HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static(""));
        Self { endpoints, allowed }
    }
}

impl Endpoint for Methods {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let wanted = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        match self.endpoints.iter().find(|(method, _)| method == wanted) {
            Some((_, endpoint)) => endpoint.call(request).await,
            None => Err(ApiError::new(Code::MethodNotAllowed, Detail::Methods(self.allowed.clone())).into()),
        }
    }
}
