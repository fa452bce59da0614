//! What users say of themselves.

use std::fmt;

/// The lengths of a name in characters.
pub const NAME_LENGTH: std::ops::RangeInclusive<usize> = 1..=100;
/// The lengths of a language tag.
pub const LANGUAGE_LENGTH: std::ops::RangeInclusive<usize> = 2..=35;

/// The name that others see beside a payment.
#[derive(Clone, PartialEq, Eq)]
pub struct DisplayName(String);

/// A language tag (BCP 47), by its form alone: a language, and perhaps more parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language(String);

impl DisplayName {
    /// The name of a text; none if it is empty, too long, or cannot be shown in a line.
    #[must_use]
    pub fn try_new(text: &str) -> Option<Self> {
        let name = text.trim();
        let is_right = NAME_LENGTH.contains(&name.chars().count()) && !name.chars().any(is_not_shown);
        is_right.then(|| Self(name.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters, and those that turn the direction of the text after them (Unicode, UAX 9).
fn is_not_shown(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Debug for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DisplayName(…)")
    }
}

impl Language {
    /// The tag of a text; none if it has not the form of one.
    #[must_use]
    pub fn try_new(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let is_language =
            |part: &str| (2..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic());
        let is_part =
            |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let is_right = LANGUAGE_LENGTH.contains(&text.len())
            && parts.next().is_some_and(is_language)
            && parts.all(is_part);
        is_right.then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_in_a_line_and_languages_have_the_form_of_a_tag() {
        let name = |text: &str| DisplayName::try_new(text).map(|name| name.as_str().to_owned());
        assert_eq!(name("  Ada Obi "), Some("Ada Obi".to_owned()));
        assert_eq!(name("李 明"), Some("李 明".to_owned()));
        for text in ["", "  ", "a\nb", "\u{202e}ada", &"x".repeat(101)] {
            assert_eq!(name(text), None, "{text:?}");
        }
        for text in ["en", "de-CH", "zh-Hant-TW", "yue"] {
            assert!(Language::try_new(text).is_some(), "{text}");
        }
        for text in ["", "e", "english", "en_GB", "en-", "1n", "en-abcdefghi"] {
            assert!(Language::try_new(text).is_none(), "{text}");
        }
    }
}
