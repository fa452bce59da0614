//! Parameters in the query string. A wrong value does not end the reading: the handler hears of all of them at once.

use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef},
};

use super::{FieldErrors, body::pairs};
use crate::kernel::page::{Cursor, DEFAULT_LIMIT, LIMIT_RANGE};

/// A value in the query string.
pub trait QueryValue: Sized {
    /// What is said of a wrong value.
    const MESSAGE: &'static str;

    /// From the decoded text.
    fn from_text(text: &str) -> Option<Self>;

    /// How the value stands in the OpenAPI document.
    fn schema() -> MetaSchema;
}

/// A parameter that may be left out. Of several with one name the last counts.
pub struct Param<T> {
    name: &'static str,
    value: Option<Option<T>>,
}

impl<T> Param<T> {
    /// The value, if one was given; a wrong one is noted.
    pub fn take(self, errors: &mut FieldErrors) -> Option<T>
    where
        T: QueryValue,
    {
        let value = self.value?;
        if value.is_none() {
            errors.push(self.name, T::MESSAGE);
        }
        value
    }
}

impl<'a, T: QueryValue + Send> ApiExtractor<'a> for Param<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(T::schema())))
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        options: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        let name = options.name;
        let query = request.uri().query().unwrap_or_default();
        let last = pairs(query.as_bytes()).filter(|(found, _)| found.as_deref() == Some(name)).last();
        let value = last.map(|(_, text)| text.and_then(|text| T::from_text(&text)));
        Ok(Self { name, value })
    }
}

/// How many rows a page may hold.
pub struct Limit(pub u16);

impl QueryValue for Limit {
    const MESSAGE: &'static str = "Must be an integer from 1 to 1000.";

    fn from_text(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|limit| digits && LIMIT_RANGE.contains(limit)).map(Self)
    }

    fn schema() -> MetaSchema {
        MetaSchema {
            minimum: Some(f64::from(*LIMIT_RANGE.start())),
            maximum: Some(f64::from(*LIMIT_RANGE.end())),
            default: Some(DEFAULT_LIMIT.into()),
            ..MetaSchema::new_with_format("integer", "int32")
        }
    }
}

/// A switch.
pub struct Flag(pub bool);

impl QueryValue for Flag {
    const MESSAGE: &'static str = "Must be true or false.";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "true" => Some(Self(true)),
            "false" => Some(Self(false)),
            _ => None,
        }
    }

    fn schema() -> MetaSchema {
        MetaSchema { default: Some(false.into()), ..MetaSchema::new("boolean") }
    }
}

impl QueryValue for Cursor {
    const MESSAGE: &'static str = "Not a cursor of this list.";

    fn from_text(text: &str) -> Option<Self> {
        Self::decode(text).ok()
    }

    fn schema() -> MetaSchema {
        MetaSchema::new("string")
    }
}
