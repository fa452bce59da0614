//! Parameters in the query string. A wrong value does not end the reading: the handler gets all errors at once.

use std::ops::RangeInclusive;

use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef},
};
use uuid::Uuid;

use super::{
    api_error::{ApiError, FieldErrors},
    body::{Field, pairs},
    catalogue::Code,
};
use crate::kernel::{
    clock::Timestamp,
    pagination::{Cursor, DEFAULT_LIMIT, DUE_PATTERN, DueCursor, LIMIT_RANGE, PATTERN},
};

/// A value in the query string.
pub trait QueryValue: Sized {
    /// The message of a wrong value.
    const MESSAGE: &'static str;

    /// From the decoded text.
    fn from_text(text: &str) -> Option<Self>;

    /// The schema of the value in the OpenAPI document.
    fn schema() -> MetaSchema;
}

/// A parameter that may be left out. Of several with one name the last counts.
pub struct Param<T> {
    name: &'static str,
    value: Option<Option<T>>,
}

impl<T: QueryValue> Param<T> {
    /// The value, if one was given; a wrong one is added to the errors.
    pub fn take(self, errors: &mut FieldErrors) -> Option<T> {
        let value = self.value?;
        if value.is_none() {
            errors.push(self.name, T::MESSAGE);
        }
        value
    }

    /// The value, if one was given, where no other parameter can be wrong.
    pub fn optional(self) -> Result<Option<T>, ApiError> {
        let mut errors = FieldErrors::default();
        let value = self.take(&mut errors);
        if errors.is_empty() { Ok(value) } else { Err(errors.into()) }
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

/// An id in the path. A value that is not an id is answered 404.
pub struct PathId(pub Uuid);

impl<'a> ApiExtractor<'a> for PathId {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;
    type ParamType = Uuid;
    type ParamRawType = Uuid;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Path)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "uuid"))))
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<Uuid>,
    ) -> poem::Result<Self> {
        // The framework renames the parameters of a path; each of our paths has at most one.
        let id = request.path_params::<String>().ok().and_then(|text| <Uuid as Field>::from_text(&text));
        Ok(Self(id.ok_or_else(|| ApiError::from(Code::NotFound))?))
    }
}

/// Maximum number of rows of a page.
pub struct Limit(pub u16);

impl QueryValue for Limit {
    const MESSAGE: &'static str = "Must be an integer from 1 to 1000.";

    fn from_text(text: &str) -> Option<Self> {
        number(text).filter(|limit| LIMIT_RANGE.contains(limit)).map(Self)
    }

    fn schema() -> MetaSchema {
        from_to(LIMIT_RANGE, DEFAULT_LIMIT)
    }
}

/// Digits and nothing else.
pub fn number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

/// A whole number in a range.
pub fn from_to(range: RangeInclusive<u16>, default: u16) -> MetaSchema {
    MetaSchema {
        minimum: Some(f64::from(*range.start())),
        maximum: Some(f64::from(*range.end())),
        default: Some(default.into()),
        ..MetaSchema::new_with_format("integer", "int32")
    }
}

/// A text of one of these names.
pub fn names(all: impl IntoIterator<Item = &'static str>) -> MetaSchema {
    MetaSchema { enum_items: all.into_iter().map(Into::into).collect(), ..MetaSchema::new("string") }
}

impl QueryValue for Timestamp {
    const MESSAGE: &'static str = "Must be a moment in RFC 3339, such as 2026-01-31T00:00:00Z.";

    fn from_text(text: &str) -> Option<Self> {
        let moment = chrono::DateTime::parse_from_rfc3339(text).ok()?.to_utc();
        // What Postgres can hold, with api to spare.
        (0..=9_999).contains(&chrono::Datelike::year(&moment)).then_some(moment)
    }

    fn schema() -> MetaSchema {
        MetaSchema::new_with_format("string", "date-time")
    }
}

/// A flag.
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

impl QueryValue for DueCursor {
    const MESSAGE: &'static str = Cursor::MESSAGE;

    fn from_text(text: &str) -> Option<Self> {
        Self::decode(text).ok()
    }

    fn schema() -> MetaSchema {
        MetaSchema { pattern: Some(DUE_PATTERN.to_owned()), ..MetaSchema::new("string") }
    }
}

impl QueryValue for Cursor {
    const MESSAGE: &'static str = "Not a cursor of this list.";

    fn from_text(text: &str) -> Option<Self> {
        Self::decode(text).ok()
    }

    fn schema() -> MetaSchema {
        MetaSchema { pattern: Some(PATTERN.to_owned()), ..MetaSchema::new("string") }
    }
}
