//! The OpenAPI document: complete, and the same as the one that is committed.

use std::collections::HashSet;

use poem::http::Method;
use serde_json::Value;

use super::{TestApi, request};
use crate::{
    api::{
        catalogue::CATALOGUE,
        openapi::{operation_docs, spec},
    },
    kernel::pagination::Cursor,
};

fn document() -> Value {
    serde_json::from_str(spec()).unwrap()
}

/// Every operation with its path and method.
fn operations() -> Vec<(String, Value)> {
    let mut found = vec![];
    for (path, methods) in document()["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            found.push((format!("{method} {path}"), operation.clone()));
        }
    }
    found
}

/// Fails where the code has moved on: `wallet openapi > swagger/openapi.json` writes the file again.
#[test]
fn the_committed_document_is_the_codes() {
    let committed = include_str!("../../../swagger/openapi.json");
    assert!(
        committed == spec(),
        "swagger/openapi.json is not what the code says: write it again with `wallet openapi`"
    );
}

#[test]
fn every_operation_is_described_and_no_note_is_left_over() {
    let ids: HashSet<_> = operations()
        .into_iter()
        .map(|(name, operation)| {
            for field in ["summary", "description", "operationId", "tags"] {
                assert!(operation.get(field).is_some_and(|text| !text.is_null()), "{name} lacks {field}");
            }
            operation["operationId"].as_str().unwrap().to_owned()
        })
        .collect();
    let documented: Vec<_> = operation_docs().into_iter().map(|doc| doc.id.to_owned()).collect();
    assert_eq!(ids, documented.iter().cloned().collect());
    assert_eq!(ids.len(), documented.len(), "an operation is documented twice");
}

/// The only operation whose body is signed, and which is read as a whole or not at all.
const CALLBACKS: &str = "post /api/v1/bank/callbacks";

#[test]
fn every_operation_has_examples_and_every_error_a_code() {
    for (name, operation) in operations() {
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("500"), "{name}");
        assert!(responses["405"]["headers"].get("Allow").is_some(), "{name}");
        for (status, response) in responses {
            assert!(!response["description"].as_str().unwrap().is_empty(), "{name} {status}");
            for (kind, media) in response["content"].as_object().unwrap() {
                let has_example =
                    media.get("example").or(media.get("examples")).is_some() || kind == "text/plain";
                assert!(has_example, "{name} {status}");
            }
        }
        if let Some(body) = operation.get("requestBody") {
            let content = body["content"].as_object().unwrap();
            // Three media types with one schema break a generator of clients; the others are named in words.
            let kinds: Vec<_> = content.keys().map(String::as_str).collect();
            assert_eq!(kinds, ["application/json"], "{name}");
            let words = body["description"].as_str().unwrap();
            // Its raw bytes are signed.
            let is_signed = name == CALLBACKS && words.contains("JSON only");
            for kind in ["application/x-www-form-urlencoded", "multipart/form-data"] {
                assert!(words.contains(kind) != is_signed, "{name}: {words}");
            }
            assert!(content.values().all(|media| media.get("example").is_some()), "{name}");
        }
    }
}

#[test]
fn every_code_of_the_catalogue_is_named() {
    let schemas = &document()["components"]["schemas"];
    let of = |schema: &Value| schema["enum"].as_array().unwrap().clone();
    let mut named = of(&schemas["Fail"]["properties"]["data"]["properties"]["code"]);
    named.extend(of(&schemas["Error"]["properties"]["code"]));
    let expected: Vec<Value> = CATALOGUE.iter().map(|entry| entry.name.into()).collect();
    assert_eq!(named, expected);
}

#[test]
fn an_amounts_bounds_are_exact() {
    let amount = &document()["components"]["schemas"]["MoneyRequest"]["properties"]["amount"];
    let expected = [
        ("type", "integer".into()),
        ("format", "int64".into()),
        ("minimum", 1.into()),
        ("maximum", 9_007_199_254_740_991i64.into()),
    ];
    for (name, value) in expected as [(&str, Value); 4] {
        assert_eq!(amount[name], value, "{name}");
    }
}

/// An answer is written by serde and described by poem-openapi: an example, written by the first, has exactly the
/// members that the second describes, of the types that it gives.
#[test]
fn the_examples_are_as_the_schemas_say() {
    let document = document();
    for (name, operation) in operations() {
        let responses = operation["responses"].as_object().unwrap();
        let bodies = responses.values().chain(operation.get("requestBody"));
        for media in bodies.flat_map(|holder| holder["content"].as_object().unwrap().values()) {
            let Some(example) = media.get("example") else { continue };
            conforms(&document, &media["schema"], example, &name);
        }
    }
}

fn conforms(document: &Value, schema: &Value, value: &Value, at: &str) {
    if value.is_null() {
        assert!(takes_null(schema), "{at}");
        return;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return conforms(document, &document["components"]["schemas"][name], value, at);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.iter().for_each(|part| conforms(document, part, value, at));
    }
    match schema["type"].as_str() {
        Some("object") => {
            let (known, given) = (schema["properties"].as_object().unwrap(), value.as_object().unwrap());
            let is_required = |name: &String| {
                schema["required"].as_array().is_some_and(|r| r.contains(&Value::from(name.as_str())))
            };
            // What may be left out need not be in an example.
            let expected: Vec<_> =
                known.keys().filter(|name| is_required(name) || given.contains_key(*name)).collect();
            assert_eq!(given.keys().collect::<Vec<_>>(), expected, "{at}");
            for (name, value) in given {
                conforms(document, &known[name], value, &format!("{at} {name}"));
            }
        }
        Some("array") => {
            value.as_array().unwrap().iter().for_each(|item| conforms(document, &schema["items"], item, at));
        }
        Some("integer") => assert!(value.is_i64(), "{at}: {value}"),
        Some("boolean") => assert!(value.is_boolean(), "{at}: {value}"),
        Some("string") => assert!(value.is_string(), "{at}: {value}"),
        _ => assert!(schema.get("description").is_some(), "{at}: a schema without a type"),
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{at}: {value} is none of {words:?}");
    }
}

/// In OpenAPI 3.0 `nullable` adds null to the type that stands beside it, and to nothing else.
fn takes_null(schema: &Value) -> bool {
    schema["nullable"] == true
        && schema["type"].is_string()
        && schema.get("allOf").is_none()
        && schema["enum"].as_array().is_none_or(|words| words.contains(&Value::Null))
}

/// Every part of a document that is an object, with the way to it.
fn parts<'d>(value: &'d Value, at: &str, found: &mut Vec<(String, &'d serde_json::Map<String, Value>)>) {
    match value {
        Value::Object(members) => {
            found.push((at.to_owned(), members));
            members.iter().for_each(|(name, member)| parts(member, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| parts(item, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

#[test]
fn where_null_is_named_it_is_valid() {
    let document = document();
    let mut found = vec![];
    parts(&document, "", &mut found);
    let nullable: Vec<_> = found.iter().filter(|(_, part)| part.contains_key("nullable")).collect();
    assert!(nullable.iter().any(|(at, _)| at.ends_with("WholeTransaction/properties/counterparty")));
    for (at, part) in nullable {
        assert!(takes_null(&Value::Object((*part).clone())), "{at}: {part:?}");
    }
}

#[test]
fn every_field_of_an_answer_is_required_and_a_field_of_a_request_is_required_or_may_be_null() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let Some(fields) = schema["properties"].as_object() else { continue };
        let required: HashSet<&str> =
            schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap()).collect();
        for (field, described) in fields {
            let is_required = required.contains(field.as_str());
            match name.as_str() {
                _ if name.ends_with("Request") => {
                    assert_ne!(is_required, takes_null(described), "{name}.{field}");
                }
                // Only with `GET /health`.
                "Error" => assert_eq!(is_required, field != "data", "{name}.{field}"),
                _ => assert!(is_required, "{name}.{field}"),
            }
        }
    }
}

/// Every operation with a body gets its own example, each field in turn being null.
#[tokio::test]
async fn null_is_taken_where_a_request_may_have_it_and_a_field_error_elsewhere() {
    let (api, document) = (TestApi::new(), document());
    let customer = api.customer();
    for (name, operation) in operations() {
        let Some(body) = operation.get("requestBody").filter(|_| name != CALLBACKS) else { continue };
        let (method, path) = name.split_once(' ').unwrap();
        let method: Method = method.to_uppercase().parse().unwrap();
        let scheme = operation["security"][0].as_object().and_then(|schemes| schemes.keys().next());
        let token = match scheme.map(String::as_str) {
            Some("Service") => "service:backend",
            Some("Admin") => "admin:ada",
            _ => &customer,
        };
        let path = &path.replace("{id}", &customer);
        let media = &body["content"]["application/json"];
        let schema = media["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        for (field, described) in document["components"]["schemas"][schema]["properties"].as_object().unwrap()
        {
            let mut sent = media["example"].clone();
            sent[field] = Value::Null;
            let sent =
                request(method.clone(), path, token).content_type("application/json").body(sent.to_string());
            let answer = api.send(sent).await;
            let is_refused = answer.json()["data"]["error"].get(field).is_some();
            assert_eq!(is_refused, !takes_null(described), "{name} {field}: {}", answer.text);
        }
    }
}

#[test]
fn no_schema_is_unused_and_none_is_a_single_word() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(spec().contains(&format!("\"#/components/schemas/{name}\"")), "{name}");
        assert!(schema["enum"].as_array().is_none_or(|words| words.len() > 1), "{name}");
    }
}

#[test]
fn no_text_is_written_for_rustdoc() {
    let document = document();
    let mut found = vec![];
    parts(&document, "", &mut found);
    for (at, part) in found {
        for text in ["summary", "description"].into_iter().filter_map(|name| part.get(name)?.as_str()) {
            let links = text.replace("[JSend](https://github.com/omniti-labs/jsend)", "");
            assert!(!links.contains(['[', ']']) && !links.contains("::"), "{at}: {text}");
        }
    }
}

#[test]
fn an_operation_names_its_tokens_or_that_it_needs_none() {
    let open: HashSet<String> = operations()
        .into_iter()
        .filter(|(name, operation)| operation["security"].as_array().expect(name).is_empty())
        .map(|(name, _)| name)
        .collect();
    let expected = ["/api/v1/errors", "/health", "/health/live", "/health/ready", "/metrics"];
    let mut expected: HashSet<String> = expected.map(|path| format!("get {path}")).into();
    expected.insert(CALLBACKS.to_owned());
    let sign_in = ["/users", "/sessions", "/sessions/refresh"].map(|path| format!("post /api/v1{path}"));
    expected.extend(sign_in);
    assert_eq!(open, expected);
}

#[test]
fn the_pattern_of_after_is_that_of_a_cursor() {
    let list = &document()["paths"]["/api/v1/wallet/transactions"]["get"];
    let after = list["parameters"].as_array().unwrap().iter().find(|one| one["name"] == "after").unwrap();
    assert_eq!(after["schema"]["pattern"], "^v[0-9a-f]{16}$");
    for cursor in [Cursor(1), Cursor(i64::MAX)].map(Cursor::encode) {
        let digits = cursor.strip_prefix('v').unwrap();
        assert!(
            digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        );
    }
}
