//! Bodies: JSON, a form and `multipart/form-data` give the same fields and the same errors. A field that stands twice
//! counts as it stands last; unknown fields are ignored; an empty body has no fields, whatever its content type.

mod fields;
mod form;
mod json;
mod multipart;

use poem::{Request, RequestBody, http::header};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaMediaType, MetaRequest, Registry},
    types::Type,
};

pub use fields::{Field, Fields, FromFields, True};
pub use form::pairs;

use super::{
    catalogue::Code, failure::ApiError, idempotency::Fingerprint, middleware::receive::Received,
    parameters::KnownParameters,
};

/// The media types.
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";
/// How the document names those beside JSON.
const ENCODINGS: &str =
    "Taken as `application/x-www-form-urlencoded` and as `multipart/form-data`, too, with the same fields.";

/// A body with the fields of `T`, and how they were sent if that has to be known.
pub struct Body<T>(pub T, pub Option<Fingerprint>);

impl<T: FromFields> Body<T> {
    async fn read(request: &Request) -> Result<Self, ApiError> {
        KnownParameters::check(request)?;
        let is_wanted = Fingerprint::is_wanted(request);
        let bytes = Received::of(request)?;
        if bytes.is_empty() {
            return Ok(Self(Fields::none().give()?, is_wanted.then(Fingerprint::none)));
        }
        if request
            .headers()
            .get(header::CONTENT_ENCODING)
            .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            return Err(Code::UnsupportedMediaType.into());
        }
        let content_type = request.content_type().unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let fields = if essence.eq_ignore_ascii_case(JSON) {
            json::fields(&bytes)?
        } else if essence.eq_ignore_ascii_case(FORM) {
            form::fields(&bytes)?
        } else if essence.eq_ignore_ascii_case(MULTIPART) {
            multipart::fields(content_type, bytes).await?
        } else {
            return Err(Code::UnsupportedMediaType.into());
        };
        let fingerprint = is_wanted.then(|| fields.fingerprint());
        Ok(Self(fields.give()?, fingerprint))
    }
}

impl<'a, T: FromFields + Type> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        // The other encodings are described in words: generators of clients take three media types with one schema for three
        // bodies, and break.
        let content = vec![MetaMediaType { content_type: JSON, schema: T::schema_ref() }];
        Some(MetaRequest { description: Some(ENCODINGS), content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self::read(request).await?)
    }
}

/// No body is needed; one that is sent is ignored, if it is not too large.
pub struct NoBody;

impl<'a> ApiExtractor<'a> for NoBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::PoemExtractor];
    type ParamType = ();
    type ParamRawType = ();

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        KnownParameters::check(request)?;
        Received::of(request)?;
        Ok(Self)
    }
}
