//! `multipart/form-data` (RFC 7578). The body is in memory already, within the limit.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use multer::Multipart;
use poem::http::{HeaderMap, header};

use super::Fields;
use crate::api::{api_error::ApiError, catalogue::Code};

/// The fields of a form. A file counts as the text in it; a part without a name, text that is not UTF-8, or an end
/// that does not come make the whole body malformed.
pub async fn fields(content_type: &str, bytes: Bytes) -> Result<Fields, ApiError> {
    let malformed = || ApiError::from(Code::MalformedBody);
    let boundary = multer::parse_boundary(content_type).map_err(|_| malformed())?;
    let mut parts = Multipart::new(stream::iter([Ok::<_, Infallible>(bytes)]), boundary);
    let mut values = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(|_| malformed())? {
        let name = name(part.headers()).ok_or_else(malformed)?;
        let text = String::from_utf8(part.bytes().await.map_err(|_| malformed())?.into());
        values.push((name, text.map_err(|_| malformed())?));
    }
    Fields::text(values)
}

/// The name of a part: the parameter `name` of its one `Content-Disposition`, which must be `form-data`.
fn name(headers: &HeaderMap) -> Option<String> {
    let mut dispositions = headers.get_all(header::CONTENT_DISPOSITION).iter();
    let (disposition, None) = (dispositions.next()?, dispositions.next()) else { return None };
    let (kind, mut rest) = split(std::str::from_utf8(disposition.as_bytes()).ok()?, ';');
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let mut name = None;
    while let Some(parameters) = rest.filter(|rest| !rest.trim().is_empty()) {
        let (key, value) = parameters.split_once('=')?;
        let (value, after) = value_of(value)?;
        // Two names are none: another reader may take the other one.
        if key.trim().eq_ignore_ascii_case("name") && name.replace(value).is_some() {
            return None;
        }
        rest = after;
    }
    name
}

/// The value at the beginning of this text, a token or a quoted string (RFC 9110, section 5.6), and the parameters after it.
fn value_of(text: &str) -> Option<(String, Option<&str>)> {
    let Some(quoted) = text.trim_start().strip_prefix('"') else {
        let (token, rest) = split(text, ';');
        return (!token.contains('"')).then(|| (token.trim().to_owned(), rest));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => {
                let (nothing, rest) = split(&quoted[at + 1..], ';');
                return nothing.trim().is_empty().then_some((value, rest));
            }
            '\\' => value.push(letters.next()?.1),
            _ => value.push(letter),
        }
    }
    None
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn name_in(disposition: &str) -> Option<String> {
        let value = HeaderValue::from_bytes(disposition.as_bytes()).unwrap();
        name(&[(header::CONTENT_DISPOSITION, value)].into_iter().collect())
    }

    #[test]
    fn the_name_is_the_parameter_and_not_a_part_of_another_ones_value() {
        for (disposition, expected) in [
            (r#"form-data; name="note""#, "note"),
            (r#"form-data; name=note"#, "note"),
            (r#"form-data; name="note"; "#, "note"),
            (r#"FORM-DATA ; filename="a.txt" ; NAME = "note""#, "note"),
            (r#"form-data; filename="; name=amount; .txt"; name="note""#, "note"),
            (r#"form-data; filename="\"; name=\"amount"; name="note""#, "note"),
            (r#"form-data; filename*=utf-8''name%3Damount; name="note""#, "note"),
            (r#"form-data; filename=name; name="a;b""#, "a;b"),
            (r#"form-data; name="zażółć""#, "zażółć"),
        ] {
            assert_eq!(name_in(disposition).as_deref(), Some(expected), "{disposition}");
        }
    }

    #[test]
    fn without_one_clear_name_there_is_none() {
        for disposition in [
            "form-data",
            "form-data; name",
            r#"form-data; filename="name=amount""#,
            r#"form-data; filename="; name=amount"#,
            r#"form-data; name="note"; name="amount""#,
            r#"form-data; name="note"x; name="amount""#,
            r#"form-data; name=no"te"#,
            r#"attachment; name="note""#,
        ] {
            assert_eq!(name_in(disposition), None, "{disposition}");
        }
    }
}
