//! Completes the schemas of the document for client generators and validators (OpenAPI 3.0.3, section 4.7.24): which fields are
//! always present, where null is valid, and no separate type for a single value.

use std::collections::HashSet;

use serde_json::{Map, Value};

type Schemas = Map<String, Value>;

const PREFIX: &str = "#/components/schemas/";

/// Completes the schemas of a document. Those that nothing refers to afterwards are taken out.
pub fn complete(document: &mut Value) {
    let requests = requests(document);
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    for (name, schema) in schemas.iter_mut() {
        if requests.contains(name) { accept_null(schema) } else { require_all(schema) }
    }
    let named = schemas.clone();
    schemas.values_mut().for_each(|schema| inline(schema, &named));
    let text = document.to_string();
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.retain(|name, _| text.contains(&format!("\"{PREFIX}{name}\"")));
    }
}

/// The schemas of what is sent.
fn requests(document: &Value) -> HashSet<String> {
    let operations = document["paths"].as_object().into_iter().flat_map(Map::values);
    let bodies = operations.filter_map(Value::as_object).flat_map(Map::values);
    let content = bodies.filter_map(|operation| operation["requestBody"]["content"].as_object());
    content.flat_map(Map::values).filter_map(|media| name(&media["schema"])).map(str::to_owned).collect()
}

/// A field of a request that may be left out may be null as well: `Fields::optional` takes both alike.
fn accept_null(schema: &mut Value) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, field) in fields(schema) {
        if !required.contains(&Value::from(name.as_str())) {
            field["nullable"] = true.into();
        }
    }
}

/// An answer is written with all its fields; one without a value is null.
fn require_all(schema: &mut Value) {
    let all: Vec<Value> = fields(schema).map(|(name, _)| Value::from(name.as_str())).collect();
    if !all.is_empty() {
        schema["required"] = all.into();
    }
}

fn fields(schema: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
}

/// Puts a schema in place of a reference to it where the reference cannot say enough.
fn inline(schema: &mut Value, named: &Schemas) {
    if let Some(whole) = in_place_of(schema, named) {
        *schema = whole;
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(|member| inline(member, named)),
        Value::Array(items) => items.iter_mut().for_each(|item| inline(item, named)),
        _ => {}
    }
}

fn in_place_of(reference: &Value, named: &Schemas) -> Option<Value> {
    // The framework wraps a reference with a description into `allOf`.
    let target = name(reference).or_else(|| name(&reference["allOf"][0]))?;
    let mut whole = named.get(target)?.clone();
    let values = whole.get_mut("enum").and_then(Value::as_array_mut);
    let is_single_value = values.as_ref().is_some_and(|values| values.len() == 1);
    // Null is valid only where one schema has `type` and `nullable`, and its `enum`, if it has one, contains null.
    let is_nullable = reference["nullable"] == true;
    if !is_single_value && !is_nullable {
        return None;
    }
    if is_nullable {
        if let Some(values) = values {
            values.push(Value::Null);
        }
        whole["nullable"] = true.into();
    }
    if let Some(description) = reference.get("description") {
        whole["description"] = description.clone();
    }
    Some(whole)
}

/// The name of the schema that this is a reference to.
fn name(reference: &Value) -> Option<&str> {
    reference["$ref"].as_str()?.strip_prefix(PREFIX)
}
