//! `/swagger`: the OpenAPI document, and the page that shows it.

use std::collections::HashMap;

use poem::{
    EndpointExt, Response,
    endpoint::make_sync,
    http::{Method, header},
};

use super::{openapi, router::Paths};

/// The page is one file with its script, and calls this service only.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The paths of the document and its page.
pub fn paths() -> Paths {
    let get = |path: &str, endpoint| (path.to_owned(), HashMap::from([(Method::GET, endpoint)]));
    let page = || make_sync(|_| html()).map_to_response().boxed();
    [
        get("/swagger", page()),
        get("/swagger/", page()),
        get("/swagger/index.html", page()),
        get("/swagger/openapi.json", make_sync(|_| json()).map_to_response().boxed()),
    ]
    .into()
}

fn html() -> Response {
    Response::builder()
        .content_type("text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .header(header::CACHE_CONTROL, "no-cache")
        .body(openapi::page())
}

fn json() -> Response {
    Response::builder()
        .content_type("application/json")
        .header(header::CACHE_CONTROL, "no-cache")
        .body(openapi::spec())
}
