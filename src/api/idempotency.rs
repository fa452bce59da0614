//! `Idempotency-Key`: a repeated request with the same key gets the stored response. The header is read here and bound to the
//! caller and the request; the ledger stores the decision.

use aws_lc_rs::digest::{self, SHA256};
use poem::{Request, http::HeaderValue};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};

use super::{
    api_error::{ApiError, Detail},
    catalogue::Code,
    headers::IDEMPOTENCY_KEY,
};
use crate::{
    kernel::{actor::Actor, ids::WalletId},
    ledger::{Key, KeyName},
};

/// Maximum length of a key, in characters.
const KEY_MAX: usize = 255;

/// The fields of a body as they were sent, in whatever order and encoding: equal fields have equal fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// From the fields, each once, in the order of their names.
    pub fn of<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(hash(fields.into_iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()])))
    }

    /// The fingerprint of a request without fields.
    pub fn none() -> Self {
        Self::of([])
    }

    /// Whether a request's body needs one.
    pub fn is_wanted(request: &Request) -> bool {
        request.headers().contains_key(IDEMPOTENCY_KEY)
    }
}

/// SHA-256 over texts, each after its length, so that different lists have different hashes.
fn hash<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut context = digest::Context::new(&SHA256);
    for text in texts {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// A request's key, if it has one.
pub struct IdempotencyKey(Option<Sent>);

struct Sent {
    key: String,
    method: String,
    path: String,
}

impl IdempotencyKey {
    /// The header's schema in the document.
    pub fn schema() -> MetaSchemaRef {
        let schema =
            MetaSchema { min_length: Some(1), max_length: Some(KEY_MAX), ..MetaSchema::new("string") };
        MetaSchemaRef::Inline(Box::new(schema))
    }

    /// The key of a request.
    pub fn read(request: &Request) -> Result<Self, ApiError> {
        let mut values = request.headers().get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let key = key(value).filter(|_| values.next().is_none()).ok_or_else(|| {
            let rule = "Idempotency-Key must be one key of 1 to 255 visible ASCII characters, quoted or bare";
            ApiError::new(Code::InvalidHeader, Detail::Message(rule))
        })?;
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        Ok(Self(Some(Sent { key: key.to_owned(), method, path })))
    }

    /// The key as the ledger stores it: with its owner and the hash of the request. `wallet` is the one that the request is about.
    pub fn bind(self, actor: &Actor, wallet: WalletId, fields: Option<Fingerprint>) -> Option<Key> {
        let Sent { key, method, path } = self.0?;
        let fields = fields.unwrap_or_else(Fingerprint::none);
        let request_hash = hash([method.as_bytes(), path.as_bytes(), wallet.0.as_bytes(), &fields.0]);
        Some(Key { name: KeyName { actor: actor.to_string(), key }, request_hash })
    }
}

/// The text between the quotes, or all of it.
fn key(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?;
    let key = match text.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"').filter(|inner| !inner.contains(['"', '\\']))?,
        None => text,
    };
    let is_visible = key.bytes().all(|b| b.is_ascii_graphic());
    ((1..=KEY_MAX).contains(&key.len()) && is_visible).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_quoted_or_bare_and_visible() {
        let long = "k".repeat(255);
        for (text, expected) in [
            ("a", Some("a")),
            ("\"a\"", Some("a")),
            ("a\"b", Some("a\"b")),
            (long.as_str(), Some(long.as_str())),
            ("", None),
            ("\"\"", None),
            ("\"", None),
            ("\"a", None),
            ("\"a\"b\"", None),
            ("\"a\\\"b\"", None),
            ("a b", None),
            ("\"a b\"", None),
            ("a\tb", None),
            (&"k".repeat(256), None),
        ] {
            assert_eq!(key(&HeaderValue::from_str(text).unwrap()), expected, "{text}");
        }
        assert_eq!(key(&HeaderValue::from_bytes("ü".as_bytes()).unwrap()), None);
    }

    #[test]
    fn different_lists_of_fields_have_different_fingerprints() {
        let lists: [&[(&str, &str)]; 5] =
            [&[], &[("a", "bc")], &[("ab", "c")], &[("a", "b"), ("c", "")], &[("", "")]];
        for (at, one) in lists.iter().enumerate() {
            for other in &lists[at + 1..] {
                assert_ne!(Fingerprint::of(one.iter().copied()), Fingerprint::of(other.iter().copied()));
            }
        }
    }
}
