//! One path and its methods. The framework's own route does not send `Allow` when it refuses a method.

use std::collections::HashMap;

use poem::{
    Endpoint, EndpointExt, Request, Response, Result,
    endpoint::BoxEndpoint,
    http::{HeaderValue, Method},
    middleware::CatchPanic,
};

use poem_openapi::registry::{MetaApi, MetaOperationParam, MetaParamIn};

use super::{
    api_error::{ApiError, Detail},
    catalogue::Code,
    error_mapping,
    parameters::KnownParameters,
};

/// The endpoints of every path by method, as poem-openapi collects them.
pub type Paths = HashMap<String, HashMap<Method, BoxEndpoint<'static>>>;

/// The query parameters of each operation of a path.
pub type Parameters = HashMap<Method, KnownParameters>;

/// The parameters of every path's operations that change something, as poem-openapi documents them.
pub fn parameters(apis: Vec<MetaApi>) -> HashMap<String, Parameters> {
    let mut paths: HashMap<String, Parameters> = HashMap::new();
    for path in apis.into_iter().flat_map(|api| api.paths) {
        let of_path = paths.entry(path.path.replace("{id}", ":id")).or_default();
        for operation in path.operations.into_iter().filter(|operation| operation.method != Method::GET) {
            let in_query = |parameter: &MetaOperationParam| parameter.in_type == MetaParamIn::Query;
            let names = operation.params.into_iter().filter(in_query).map(|parameter| parameter.name);
            of_path.insert(operation.method, KnownParameters(names.collect()));
        }
    }
    paths
}

/// The methods of a path. HEAD is answered as GET; the server leaves the body out.
pub struct Methods {
    endpoints: Vec<(Method, BoxEndpoint<'static>)>,
    parameters: Parameters,
    allowed: HeaderValue,
}

impl Methods {
    /// A path with these methods. A panic in one of them is caught.
    pub fn new(
        endpoints: impl IntoIterator<Item = (Method, BoxEndpoint<'static>)>,
        parameters: Parameters,
    ) -> Self {
        let endpoints: Vec<_> = endpoints
            .into_iter()
            .map(|(method, endpoint)| {
                (method, endpoint.with(CatchPanic::new().with_handler(error_mapping::from_panic)).boxed())
            })
            .collect();
        let mut names: Vec<&str> = endpoints.iter().map(|(method, _)| method.as_str()).collect();
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        names.sort_unstable();
        let allowed = HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static(""));
        Self { endpoints, parameters, allowed }
    }
}

impl Endpoint for Methods {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        if request.uri().query().is_some()
            && let Some(parameters) = self.parameters.get(request.method())
        {
            request.extensions_mut().insert(parameters.clone());
        }
        let wanted = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        match self.endpoints.iter().find(|(method, _)| method == wanted) {
            Some((_, endpoint)) => endpoint.call(request).await,
            None => Err(ApiError::new(Code::MethodNotAllowed, Detail::Methods(self.allowed.clone())).into()),
        }
    }
}
