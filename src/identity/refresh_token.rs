//! Refresh tokens: random, and stored as their hash only.

use std::fmt;

use aws_lc_rs::{digest, rand};

use super::error::IdentityError;

/// The length of a token in bytes.
const LENGTH: usize = 32;

/// A refresh token. No log shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken([u8; LENGTH]);

/// SHA-256 of a token: the token has 256 random bits, so a slow hash would protect nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenHash(pub(super) Vec<u8>);

impl RefreshToken {
    pub(super) fn generate() -> Result<Self, IdentityError> {
        let mut bytes = [0; LENGTH];
        rand::fill(&mut bytes).map_err(|_| IdentityError::Defect("no random numbers".to_owned()))?;
        Ok(Self(bytes))
    }

    /// The token of 64 hexadecimal digits.
    #[must_use]
    pub fn try_new(text: &str) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// As it is sent to its user.
    #[must_use]
    pub fn to_text(&self) -> String {
        hex::encode(self.0)
    }

    pub(super) fn hash(&self) -> TokenHash {
        TokenHash(digest::digest(&digest::SHA256, &self.0).as_ref().to_vec())
    }
}

impl TokenHash {
    /// It alone, as an array of Postgres.
    pub(super) fn to_array(&self) -> String {
        format!("{{\"\\\\x{}\"}}", hex::encode(&self.0))
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_sent_and_no_other_text_is_one() {
        let token = RefreshToken::generate().unwrap();
        assert_eq!(RefreshToken::try_new(&token.to_text()).unwrap().hash(), token.hash());
        assert_eq!(TokenHash(vec![7, 255]).to_array(), r#"{"\\x07ff"}"#);
        assert_ne!(RefreshToken::generate().unwrap(), token);
        for text in ["", "0", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64)] {
            assert_eq!(RefreshToken::try_new(text), None);
        }
        assert_eq!(format!("{token:?}"), "RefreshToken(…)");
    }
}
