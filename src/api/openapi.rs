//! Assembles the OpenAPI document: every operation as its types describe it, with its errors and examples.

use std::{collections::BTreeMap, marker::PhantomData, sync::OnceLock};

use poem_openapi::{
    OpenApi, OpenApiService,
    registry::{MetaApi, Registry},
};
use serde_json::{Map, Value, json};

use super::{
    catalogue::Code,
    document::{EVERY, OperationDoc, errors, schemas},
    health::{self, HealthApi},
    metrics_page::{self, MetricsApi},
    router::Paths,
    v1,
};

/// Every operation.
pub type Apis = (v1::Apis, HealthApi, MetricsApi);

/// The tags, in the order of the document.
const TAGS: [&str; 7] = ["Start", "Wallet", "Service", "Admin", "Bank", "Errors", "Operation"];

const DESCRIPTION: &str = "\
A wallet service with correct and fast balances.

Every answer is a [JSend](https://github.com/omniti-labs/jsend) envelope: `success` with `data`; `fail` where the caller \
can correct the request; `error` where the server failed. `data.error` of a `fail` is a message, or an object of \
lists, one for each wrong field; `code` is a stable name to switch on, see `GET /api/v1/errors`.

Amounts are integers in the currency's minor unit (cents), 1 to 9,007,199,254,740,991. Times are RFC 3339 in UTC. Bodies \
are taken as JSON, as a form and as `multipart/form-data`, with the same fields and the same errors, up to 64 KiB. Of a \
repeated field the last counts; unknown fields are ignored.

`Authorization: Bearer <jwt>` and `Authorization: Token <jwt>` mean the same. Every answer carries `X-Request-Id`, the \
caller's own if it is 1 to 128 letters, digits, dots, underscores or hyphens.

`Idempotency-Key` makes a request safe to repeat: the same key with the same request gets the stored response, \
marked `Idempotency-Replayed: true`, also for a refusal (for 24 hours); with another request it is \
`idempotency_key_reused`.

To try it out here: `POST /api/v1/init`, copy the token, *Authorize* (Bearer), enable the wallet, deposit.";

/// The document, pretty, with a line feed at its end; the same that `swagger/openapi.json` holds.
pub fn spec() -> &'static str {
    static SPEC: OnceLock<String> = OnceLock::new();
    SPEC.get_or_init(|| complete(&plain()))
}

/// The document as the types say it.
fn plain() -> String {
    service().spec()
}

/// The page that shows the document, and lets it be tried out.
pub fn page() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| service().swagger_ui_html().replacen(&plain(), spec().trim_end(), 1))
}

fn service() -> OpenApiService<TypesOnly<Apis>, ()> {
    OpenApiService::new(TypesOnly(PhantomData), "Wallet", env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .license(env!("CARGO_PKG_LICENSE"))
        .server("/")
}

/// The types of operations without anything behind them: all that a document needs.
struct TypesOnly<T>(PhantomData<T>);

impl<T: OpenApi> OpenApi for TypesOnly<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _: &mut Paths) {}
}

/// The documentation of every operation.
pub fn operation_docs() -> Vec<OperationDoc> {
    [v1::operation_docs(), health::operation_docs(), metrics_page::operation_docs()]
        .into_iter()
        .flatten()
        .collect()
}

fn complete(plain: &str) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(&whole_bounds(plain)) else {
        return plain.to_owned();
    };
    let docs = operation_docs();
    for operation in operations(&mut document) {
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        if let Some(doc) = docs.iter().find(|doc| doc.id == id) {
            annotate(operation, doc);
        }
    }
    schemas::complete(&mut document);
    let schemas = &mut document["components"]["schemas"];
    for request in docs.iter().filter_map(|doc| doc.request.as_ref()) {
        prefill(schemas, request);
    }
    schemas["Fail"] = errors::fail_schema();
    schemas["Error"] = errors::error_schema();
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.sort_by_key(|tag| TAGS.iter().position(|name| tag["name"] == *name));
    }
    format!("{document:#}\n")
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    paths.filter_map(Value::as_object_mut).flat_map(Map::values_mut)
}

fn annotate(operation: &mut Value, doc: &OperationDoc) {
    // An operation without a security requirement is public.
    if operation.get("security").is_none() {
        operation["security"] = json!([]);
    }
    if let Some(request) = &doc.request {
        for media in media_types(&mut operation["requestBody"]) {
            media["example"] = request.clone();
        }
    }
    let operation_parameters = operation.get("parameters").cloned();
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    if let Some(data) = &doc.answer {
        for media in responses.values_mut().flat_map(media_types) {
            media["example"] = json!({"status": "success", "data": data});
        }
    }
    // A preview has the same answer, with 200.
    let parameters = operation_parameters.as_ref().and_then(Value::as_array);
    if parameters.is_some_and(|all| all.iter().any(|one| one["name"] == "dry_run"))
        && let Some(mut preview) = responses.get("201").cloned()
    {
        preview["description"] = "With `dry_run=true`: a preview. Nothing was stored.".into();
        responses.insert("200".to_owned(), preview);
    }
    let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
    for code in doc.codes.iter().copied().chain([EVERY]).flatten() {
        by_status.entry(code.status().as_u16()).or_default().push(*code);
    }
    responses.extend(
        by_status.into_iter().map(|(status, codes)| (status.to_string(), errors::refusal(status, &codes))),
    );
    for response in responses.values_mut() {
        response["headers"]["X-Request-Id"] = errors::header("The request's id, the caller's or ours.");
    }
}

/// Gives each field of a request its example, which the page puts into its form.
fn prefill(schemas: &mut Value, request: &Value) {
    let Some(fields) = request.as_object() else { return };
    for schema in schemas.as_object_mut().into_iter().flat_map(Map::values_mut) {
        let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { continue };
        if properties.keys().eq(fields.keys()) {
            for (name, example) in fields {
                // A reference has no siblings in OpenAPI 3.0.
                if properties[name].get("$ref").is_none() {
                    properties[name]["example"] = example.clone();
                }
            }
        }
    }
}

fn media_types(holder: &mut Value) -> impl Iterator<Item = &mut Value> {
    holder.get_mut("content").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
}

/// The framework writes bounds as floats, and not every reader of floats reads 2^53 − 1 exactly: writes them as integers.
fn whole_bounds(plain: &str) -> String {
    let bound =
        |line: &str| ["\"minimum\":", "\"maximum\":"].iter().any(|name| line.trim_start().starts_with(name));
    let lines = plain.lines().map(|line| if bound(line) { line.replace(".0", "") } else { line.to_owned() });
    lines.collect::<Vec<_>>().join("\n")
}
