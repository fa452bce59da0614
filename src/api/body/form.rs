//! `application/x-www-form-urlencoded` (<https://url.spec.whatwg.org/#application/x-www-form-urlencoded>), read strictly:
//! a broken escape or text that is not UTF-8 is an error, not a replacement character.

use super::Fields;
use crate::api::{api_error::ApiError, catalogue::Code};

/// The fields of a form.
pub fn fields(bytes: &[u8]) -> Result<Fields, ApiError> {
    let values: Option<Vec<_>> = pairs(bytes).map(|(name, value)| Some((name?, value?))).collect();
    Fields::text(values.ok_or(Code::MalformedBody)?)
}

/// Names and values, each none where it cannot be decoded.
pub fn pairs(bytes: &[u8]) -> impl Iterator<Item = (Option<String>, Option<String>)> {
    bytes.split(|b| *b == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let end = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        (decoded(&pair[..end]), decoded(pair.get(end + 1..).unwrap_or_default()))
    })
}

fn decoded(bytes: &[u8]) -> Option<String> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        plain.push(match byte {
            b'+' => b' ',
            b'%' => hex(*rest.next()?)? << 4 | hex(*rest.next()?)?,
            byte => *byte,
        });
    }
    String::from_utf8(plain).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_strictly() {
        for (text, expected) in [
            ("a+b", Some("a b")),
            ("a%2Bb", Some("a+b")),
            ("%c3%BC", Some("ü")),
            ("ü", Some("ü")),
            ("", Some("")),
            ("%", None),
            ("%4", None),
            ("%zz", None),
            ("%+1", None),
            ("%ff", None),
            ("%c3", None),
        ] {
            assert_eq!(decoded(text.as_bytes()).as_deref(), expected, "{text}");
        }
        assert_eq!(decoded(b"\xff"), None);
    }

    #[test]
    fn pairs_may_lack_a_value_or_a_name() {
        let text = |pair: &str| Some(pair.to_owned());
        let found: Vec<_> = pairs(b"a=1&&b&=c&d=e=f&g=%").collect();
        let expected = vec![
            (text("a"), text("1")),
            (text("b"), text("")),
            (text(""), text("c")),
            (text("d"), text("e=f")),
            (text("g"), None),
        ];
        assert_eq!(found, expected);
    }
}
