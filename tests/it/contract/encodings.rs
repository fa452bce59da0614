//! The three encodings of a body.

use reqwest::Method;
use serde_json::{Map, Value};

use super::wire::{Reply, Wire};

/// How fields are written.
#[derive(Clone, Copy, Debug)]
pub enum Encoding {
    Json,
    Form,
    Multipart,
}

pub const ENCODINGS: [Encoding; 3] = [Encoding::Json, Encoding::Form, Encoding::Multipart];

impl Encoding {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
            Self::Multipart => "multipart/form-data; boundary=a-boundary",
        }
    }

    /// The fields as a body. A form has their text.
    pub fn body(self, fields: &[(&str, Value)]) -> String {
        match self {
            Self::Json => {
                let object: Map<_, _> =
                    fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                Value::Object(object).to_string()
            }
            Self::Form => {
                let texts: Vec<_> = fields.iter().map(|(name, value)| (*name, text(value))).collect();
                serde_urlencoded::to_string(texts).expect("a form")
            }
            Self::Multipart => {
                let part = |(name, value): &(&str, Value)| {
                    format!(
                        "--a-boundary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{}\r\n",
                        text(value)
                    )
                };
                fields.iter().map(part).collect::<String>() + "--a-boundary--\r\n"
            }
        }
    }

    pub async fn send(self, wire: &Wire, method: Method, path: &str, fields: &[(&str, Value)]) -> Reply {
        wire.api(method, path, self.content_type(), self.body(fields)).await
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
