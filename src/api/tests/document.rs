//! The OpenAPI document: complete, and the same as the one that is committed.

use std::collections::HashSet;

use serde_json::Value;

use crate::api::{
    catalogue::CATALOGUE,
    openapi::{notes, spec},
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

/// Fails where the code has moved on: `wallet openapi > swagger/openapi.json` writes the file anew.
#[test]
fn the_committed_document_is_the_codes() {
    let committed = include_str!("../../../swagger/openapi.json");
    assert!(
        committed == spec(),
        "swagger/openapi.json is not what the code says: write it anew with `wallet openapi`"
    );
}

#[test]
fn every_operation_is_described_and_no_note_is_left_over() {
    let ids: HashSet<_> = operations()
        .into_iter()
        .map(|(name, operation)| {
            for field in ["summary", "operationId", "tags"] {
                assert!(operation.get(field).is_some_and(|text| !text.is_null()), "{name} lacks {field}");
            }
            operation["operationId"].as_str().unwrap().to_owned()
        })
        .collect();
    let notes: Vec<_> = notes().into_iter().map(|notes| notes.id.to_owned()).collect();
    assert_eq!(ids, notes.iter().cloned().collect());
    assert_eq!(ids.len(), notes.len(), "an operation has two notes");
}

#[test]
fn every_operation_has_examples_and_every_error_a_code() {
    for (name, operation) in operations() {
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("500"), "{name}");
        for (status, response) in responses {
            assert!(!response["description"].as_str().unwrap().is_empty(), "{name} {status}");
            for (kind, media) in response["content"].as_object().unwrap() {
                let told = media.get("example").or(media.get("examples")).is_some() || kind == "text/plain";
                assert!(told, "{name} {status}");
            }
        }
        if let Some(body) = operation.get("requestBody") {
            let content = body["content"].as_object().unwrap();
            let kinds: Vec<_> = content.keys().map(String::as_str).collect();
            assert_eq!(
                kinds,
                ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]
            );
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
    let expected: Vec<Value> = CATALOGUE.iter().map(|entry| entry.word.into()).collect();
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
        assert_eq!(schema["nullable"], true, "{at}");
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
            let names = |of: &serde_json::Map<String, Value>| of.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(known), names(given), "{at}");
            for (name, schema) in known {
                conforms(document, schema, &given[name], &format!("{at} {name}"));
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
