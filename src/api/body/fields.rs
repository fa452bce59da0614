//! The fields of a body in any encoding, and their errors.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    api::{
        api_error::{ApiError, FieldErrors},
        catalogue::Code,
        idempotency::Fingerprint,
    },
    kernel::money::Amount,
};

/// The message of a required field that is missing.
const MISSING: &str = "Missing data for required field.";

/// A value of a field. JSON and text are read by the same rules, and a wrong value has the same message in all encodings.
pub trait Field: Sized {
    /// The message of a wrong value.
    const MESSAGE: &'static str;

    /// From a JSON value.
    fn from_json(value: &Value) -> Option<Self>;

    /// From the text of a form.
    fn from_text(text: &str) -> Option<Self>;
}

/// A body that is made of fields.
pub trait FromFields: Sized {
    /// Takes every field, so that all errors are found at once; none if a required one was wrong.
    fn from_fields(fields: &mut Fields) -> Option<Self>;
}

/// The fields of one body.
pub struct Fields {
    values: Values,
    errors: FieldErrors,
}

enum Values {
    Json(Map<String, Value>),
    Text(Vec<(String, String)>),
}

impl Fields {
    /// The fields of a JSON object. Text with a NUL cannot be stored and is refused.
    pub fn json(values: Map<String, Value>) -> Result<Self, ApiError> {
        if values.values().any(|value| value.as_str().is_some_and(|text| text.contains('\0'))) {
            return Err(Code::MalformedBody.into());
        }
        Ok(Self { values: Values::Json(values), errors: FieldErrors::default() })
    }

    /// The fields of a form.
    pub fn text(values: Vec<(String, String)>) -> Result<Self, ApiError> {
        if values.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(Code::MalformedBody.into());
        }
        Ok(Self { values: Values::Text(values), errors: FieldErrors::default() })
    }

    /// No fields at all.
    #[must_use]
    pub fn none() -> Self {
        Self { values: Values::Text(Vec::new()), errors: FieldErrors::default() }
    }

    /// The value of a required field.
    pub fn required<T: Field>(&mut self, name: &'static str) -> Option<T> {
        match self.value(name) {
            Some(Some(value)) => return Some(value),
            Some(None) => self.errors.push(name, T::MESSAGE),
            None => self.errors.push(name, MISSING),
        }
        None
    }

    /// The value of an optional field; in JSON null means that it is left out.
    pub fn optional<T: Field>(&mut self, name: &'static str) -> Option<T> {
        if matches!(&self.values, Values::Json(values) if values.get(name).is_some_and(Value::is_null)) {
            return None;
        }
        let value = self.value(name);
        if let Some(None) = value {
            self.errors.push(name, T::MESSAGE);
        }
        value.flatten()
    }

    #[allow(clippy::option_option)] // missing, or present and wrong
    fn value<T: Field>(&self, name: &str) -> Option<Option<T>> {
        match &self.values {
            Values::Json(values) => values.get(name).map(T::from_json),
            Values::Text(values) => {
                values.iter().rev().find(|(field, _)| field == name).map(|(_, text)| T::from_text(text))
            }
        }
    }

    /// The fingerprint of all fields, known or not; independent of order and encoding.
    pub fn fingerprint(&self) -> Fingerprint {
        let fields: BTreeMap<&str, Cow<'_, str>> = match &self.values {
            Values::Json(values) => {
                values.iter().map(|(name, value)| (name.as_str(), as_text(value))).collect()
            }
            Values::Text(values) => {
                values.iter().map(|(name, text)| (name.as_str(), Cow::from(text.as_str()))).collect()
            }
        };
        Fingerprint::of(fields.iter().map(|(name, text)| (*name, &**text)))
    }

    /// The body, or all its errors.
    pub fn finish<T: FromFields>(mut self) -> Result<T, ApiError> {
        match T::from_fields(&mut self) {
            Some(body) if self.errors.is_empty() => Ok(body),
            _ => Err(self.errors.into()),
        }
    }
}

/// A JSON value as a form would send it.
fn as_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    }
}

/// JSON: a whole number written as one. 1.0 and 1e2 are not, nor is text. In a form: ASCII digits and nothing else;
/// leading zeros are accepted.
impl Field for Amount {
    const MESSAGE: &'static str = "Must be an integer from 1 to 9007199254740991.";

    fn from_json(value: &Value) -> Option<Self> {
        value.as_i64().and_then(|number| Self::try_new(number).ok())
    }

    fn from_text(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if digits { text.parse().ok().and_then(|number| Self::try_new(number).ok()) } else { None }
    }
}

/// The form with hyphens (RFC 9562, section 4), in either case; not the one without, with braces or as an URN.
impl Field for Uuid {
    const MESSAGE: &'static str = "Not a valid UUID.";

    fn from_json(value: &Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    fn from_text(text: &str) -> Option<Self> {
        if text.len() == uuid::fmt::Hyphenated::LENGTH { Self::try_parse(text).ok() } else { None }
    }
}

/// A flag that can only be true.
pub struct MustBeTrue;

impl Field for MustBeTrue {
    const MESSAGE: &'static str = "Must be true.";

    fn from_json(value: &Value) -> Option<Self> {
        (value == &Value::Bool(true)).then_some(Self)
    }

    fn from_text(text: &str) -> Option<Self> {
        text.eq_ignore_ascii_case("true").then_some(Self)
    }
}
