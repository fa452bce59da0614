//! E-mail addresses.

use std::fmt;

use email_address::{EmailAddress, Options};
use unicode_normalization::UnicodeNormalization;

/// The maximum length of an address in bytes (RFC 5321, section 4.5.3.1.3, less the angle brackets).
pub const EMAIL_MAX: usize = 254;

/// An address as its owner writes it, and the form by which two of them are compared.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    text: String,
    key: String,
}

impl Email {
    /// The address of a text; none where mail could not be sent to it. Display names and IP addresses are refused.
    #[must_use]
    pub fn try_new(text: &str) -> Option<Self> {
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        let address = EmailAddress::parse_with_options(text, options).ok()?;
        let is_plain = text.len() <= EMAIL_MAX && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        if !is_plain {
            return None;
        }
        let domain = idna::domain_to_ascii(address.domain()).ok()?;
        let key = format!("{}@{domain}", folded(address.local_part()));
        Some(Self { text: text.to_owned(), key })
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Equal for addresses that differ only in case or in how Unicode spells the same letters; the domain is in ASCII.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Compatibility caseless (Unicode, section 3.13, D146, without the second decomposition: addresses have no U+0345).
fn folded(text: &str) -> String {
    let decomposed: String = text.nfkd().collect();
    caseless::default_case_fold_str(&decomposed).nfkc().collect()
}

/// An address is personal: no log shows it.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_people_take_for_the_same_have_one_key() {
        for (one, other) in [
            ("Ada@Example.com", "ada@example.COM"),
            ("STRASSE@example.com", "straße@example.com"),
            ("ΣΊΣΥΦΟΣ@example.com", "σίσυφοσ@example.com"),
            ("e\u{301}va@example.com", "\u{e9}va@example.com"),
            ("ada@bücher.example", "ada@xn--bcher-kva.example"),
            ("ａｄａ@example.com", "ada@example.com"),
        ] {
            let (one, other) = (Email::try_new(one).unwrap(), Email::try_new(other).unwrap());
            assert_eq!(one.key(), other.key());
        }
        let differ = ["ada@example.com", "ada+1@example.com", "a.da@example.com", "ada@example.org"];
        let keys: Vec<_> = differ.iter().map(|text| Email::try_new(text).unwrap().key().to_owned()).collect();
        assert_eq!(keys, differ);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "ada@[127.0.0.1]",
            "Ada <ada@example.com>",
            "ada@@example.com",
            "ada@example..com",
            "a b@example.com",
            "ada@exa mple.com",
            "ada@example.com\r\nBcc: x",
            " ada@example.com",
            "ada@example.com\0",
            &long,
        ] {
            assert_eq!(Email::try_new(text), None, "{text:?}");
        }
        assert_eq!(format!("{:?}", Email::try_new("ada@example.com").unwrap()), "Email(…)");
    }
}
