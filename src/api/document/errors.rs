//! Errors in the document.

use serde_json::{Map, Value, json};

use super::samples::TRANSACTION;
use crate::api::catalogue::{CATALOGUE, Code};

/// The answer of one status: its codes, each with an example.
pub fn refusal(status: u16, codes: &[Code]) -> Value {
    let lines: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}.", code.as_str(), code.message())).collect();
    let examples: Map<String, Value> =
        codes.iter().map(|code| (code.as_str().to_owned(), json!({"value": example(*code)}))).collect();
    let schema = if status < 500 { "#/components/schemas/Fail" } else { "#/components/schemas/Error" };
    let mut response = json!({
        "description": lines.join("\n\n"),
        "content": {"application/json": {"schema": {"$ref": schema}, "examples": examples}},
    });
    match status {
        405 => response["headers"]["Allow"] = header("The methods that the path has."),
        401 => response["headers"]["WWW-Authenticate"] = header("`Bearer realm=\"wallet\"`"),
        429 | 503 => response["headers"]["Retry-After"] = header("Seconds to wait."),
        _ => {}
    }
    response
}

/// A header of an answer.
pub fn header(description: &str) -> Value {
    json!({"description": description, "schema": {"type": "string"}})
}

fn example(code: Code) -> Value {
    let (name, message) = (code.as_str(), code.message());
    if code.status().is_server_error() {
        return json!({"status": "error", "message": message, "code": name});
    }
    let mut data = json!({"error": message, "code": name});
    match code {
        Code::ValidationFailed => data["error"] = json!({"amount": ["Missing data for required field."]}),
        Code::DuplicateReference => data["transaction_id"] = TRANSACTION.into(),
        _ => {}
    }
    json!({"status": "fail", "data": data})
}

fn names(of: impl Fn(Code) -> bool) -> Vec<&'static str> {
    CATALOGUE.iter().filter(|entry| of(entry.code)).map(|entry| entry.name).collect()
}

/// The schema of an error of the caller.
pub fn fail_schema() -> Value {
    let lists =
        json!({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}});
    json!({
        "type": "object",
        "description": "JSend `fail`: the caller can correct the request.",
        "required": ["status", "data"],
        "properties": {
            "status": {"type": "string", "enum": ["fail"]},
            "data": {
                "type": "object",
                "required": ["error", "code"],
                "properties": {
                    "error": {"oneOf": [{"type": "string"}, lists]},
                    "code": {"type": "string", "enum": names(|code| code.status().is_client_error())},
                    "transaction_id": {
                        "type": "string",
                        "format": "uuid",
                        "description": "With `duplicate_reference`: the transaction that used the reference.",
                    },
                },
            },
        },
    })
}

/// The schema of an error of the server.
pub fn error_schema() -> Value {
    json!({
        "type": "object",
        "description": "JSend `error`: a failure of the server.",
        "required": ["status", "message", "code"],
        "properties": {
            "status": {"type": "string", "enum": ["error"]},
            "message": {"type": "string"},
            "code": {"type": "string", "enum": names(|code| code.status().is_server_error())},
            "data": {"type": "object", "description": "With `GET /health`: the report."},
        },
    })
}
