//! `multipart/form-data` (RFC 7578). The body is in memory already, within the limit.

use poem::{Body, FromRequest, Request, RequestBody, web::Multipart};

use super::Fields;
use crate::api::{ApiError, catalogue::Code};

/// The fields of a form. A file counts as the text in it; a part without a name, text that is not UTF-8, or an end
/// that does not come make the whole body malformed.
pub async fn fields(request: &Request, bytes: Vec<u8>) -> Result<Fields, ApiError> {
    let malformed = || ApiError::from(Code::MalformedBody);
    let mut body = RequestBody::new(Body::from(bytes));
    let mut parts = Multipart::from_request(request, &mut body).await.map_err(|_| malformed())?;
    let mut values = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(|_| malformed())? {
        let name = part.name().ok_or_else(malformed)?.to_owned();
        values.push((name, part.text().await.map_err(|_| malformed())?));
    }
    Fields::text(values)
}
