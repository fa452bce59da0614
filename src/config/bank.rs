//! The settings of the bank.

use super::{
    defaults::{DEVELOPMENT_BANK_TOKEN, DEVELOPMENT_BANK_WEBHOOK_SECRET},
    production::is_known,
    reader::Reader,
    settings::{AppEnv, BankAccess, Secret},
    urls,
    values::{self, Requirement},
};

/// Before the base64 of a secret (Standard Webhooks, "Signature scheme").
const SECRET_PREFIX: &str = "whsec_";
/// The length of a secret's key in bytes (there, too).
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

impl Reader<'_> {
    /// The bank, if there is one. Development has a token and a secret that are public, production must be given its own.
    pub(super) fn bank(&mut self, app_env: AppEnv) -> Option<BankAccess> {
        let url = self.given("BANK_URL", urls::bank_url);
        let token = self.given("BANK_TOKEN", values::api_key);
        let webhook_secret = self.given("BANK_WEBHOOK_SECRET", webhook_secret);
        let url = url?;
        if app_env == AppEnv::Production {
            for (name, secret) in [("BANK_TOKEN", &token), ("BANK_WEBHOOK_SECRET", &webhook_secret)] {
                if self.value(name).is_none() {
                    self.problems.push(format!("{name} must be given in production, as BANK_URL is."));
                } else if secret.as_ref().is_some_and(is_known) {
                    self.problems.push(format!("{name} is one that everybody knows; the bank has another."));
                }
            }
        }
        let or =
            |secret: Option<Secret>, known: &str| secret.unwrap_or_else(|| Secret::new(known.to_owned()));
        Some(BankAccess {
            url,
            token: or(token, DEVELOPMENT_BANK_TOKEN),
            webhook_secret: or(webhook_secret, DEVELOPMENT_BANK_WEBHOOK_SECRET),
        })
    }
}

/// `whsec_` and the base64 of 24 to 64 bytes.
fn webhook_secret(text: &str) -> Result<Secret, Requirement> {
    let length = text.strip_prefix(SECRET_PREFIX).and_then(decoded_length);
    if !length.is_some_and(|length| KEY_BYTES.contains(&length)) {
        return Err(format!(
            "must be {SECRET_PREFIX} and the base64 of {} to {} bytes",
            KEY_BYTES.start(),
            KEY_BYTES.end()
        ));
    }
    Ok(Secret::new(text.to_owned()))
}

/// The number of bytes that a base64 text stands for, with its padding (RFC 4648, section 4); none if it is not valid.
fn decoded_length(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if text.is_empty() || !text.len().is_multiple_of(4) {
        return None;
    }
    let value = |digit: u8| match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let last = digits.bytes().map(value).try_fold(0, |_, value| value)?;
    // The bits that stand for no byte are 0.
    let unused = match padding {
        0 => 0,
        1 => last & 0b11,
        2 => last & 0b1111,
        _ => return None,
    };
    (unused == 0).then_some(text.len() / 4 * 3 - padding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_measured_or_refused() {
        for (text, length) in [
            ("AAAA", Some(3)),
            ("+/9=", None),
            ("+/8=", Some(2)),
            ("QQ==", Some(1)),
            ("QR==", None),
            ("AA==AAAA", None),
            ("A===", None),
            ("AAA", None),
            ("AA-_", None),
            ("====", None),
            ("", None),
        ] {
            assert_eq!(decoded_length(text), length, "{text}");
        }
    }

    #[test]
    fn a_secret_has_its_prefix_and_24_to_64_bytes() {
        let of = |bytes: usize| format!("whsec_{}", "AAAA".repeat(bytes / 3));
        for (text, is_right) in [
            (DEVELOPMENT_BANK_WEBHOOK_SECRET.to_owned(), true),
            (of(24), true),
            (of(63), true),
            (of(21), false),
            (of(66), false),
            (of(24).to_uppercase(), false),
            ("AAAA".repeat(8), false),
            ("whsec_".to_owned(), false),
        ] {
            assert_eq!(webhook_secret(&text).is_ok(), is_right, "{text}");
        }
    }
}
