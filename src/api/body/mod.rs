//! Bodies: JSON, forms and `multipart/form-data` have the same fields and the same errors. Of a repeated field the last counts;
//! unknown fields are ignored; an empty body has no fields, whatever its content type.

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

pub use fields::{Field, Fields, FromFields, MustBeTrue};
pub use form::pairs;

use super::{
    api_error::ApiError, catalogue::Code, idempotency::Fingerprint, middleware::body_reader::Received,
    parameters::KnownParameters,
};

/// The media types.
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";
/// The encodings other than JSON, in the document.
const ENCODINGS: &str =
    "Taken as `application/x-www-form-urlencoded` and as `multipart/form-data`, too, with the same fields.";

/// What a body can be read as.
pub trait Payload: Sized + Send {
    /// Registers its schemas.
    fn register(registry: &mut Registry);

    /// The body in the document; none where there is none.
    fn request_meta() -> Option<MetaRequest>;

    /// Reads it, with the fingerprint of its fields where the request has a key.
    fn read(request: &Request) -> impl Future<Output = Result<(Self, Option<Fingerprint>), ApiError>> + Send;
}

impl<T: FromFields + Type + Send> Payload for T {
    fn register(registry: &mut Registry) {
        <T as Type>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        // The other encodings are described in words: generators of clients take three media types with one schema for three
        // bodies, and break.
        let content = vec![MetaMediaType { content_type: JSON, schema: T::schema_ref() }];
        Some(MetaRequest { description: Some(ENCODINGS), content, required: true })
    }

    async fn read(request: &Request) -> Result<(Self, Option<Fingerprint>), ApiError> {
        KnownParameters::check(request)?;
        let fields = fields(request).await?;
        let fingerprint = Fingerprint::is_wanted(request).then(|| fields.fingerprint());
        Ok((fields.finish()?, fingerprint))
    }
}

/// The fields of a body; an empty one has none.
async fn fields(request: &Request) -> Result<Fields, ApiError> {
    let bytes = Received::of(request)?;
    if bytes.is_empty() {
        return Ok(Fields::none());
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
    if essence.eq_ignore_ascii_case(JSON) {
        json::fields(&bytes)
    } else if essence.eq_ignore_ascii_case(FORM) {
        form::fields(&bytes)
    } else if essence.eq_ignore_ascii_case(MULTIPART) {
        multipart::fields(content_type, bytes).await
    } else {
        Err(Code::UnsupportedMediaType.into())
    }
}

/// No body is needed; one that is sent is ignored, if it is not too large.
pub struct NoBody;

impl Payload for NoBody {
    fn register(_: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        None
    }

    async fn read(request: &Request) -> Result<(Self, Option<Fingerprint>), ApiError> {
        KnownParameters::check(request)?;
        Received::of(request)?;
        Ok((Self, Fingerprint::is_wanted(request).then(Fingerprint::none)))
    }
}

/// A body with the fields of `T`, of a request that takes no `Idempotency-Key`.
pub struct Body<T>(pub T);

impl<'a, T: Payload> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        T::request_meta()
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self(T::read(request).await?.0))
    }
}
