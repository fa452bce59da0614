//! Passwords. What is asked of a new one follows NIST SP 800-63B, section 3.1.1: a length and no well-known words, and no rules
//! about kinds of characters.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zxcvbn::{Score, zxcvbn};

/// The lengths of a new password in characters.
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 12..=128;

/// The maximum length in bytes of what is compared with a password: more is no password, and costs no hash.
const TEXT_MAX: usize = 1_024;

/// A password in one spelling of its letters (NFKC), so that each keyboard gives the same. No log shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a password cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It has fewer or more characters than [`PASSWORD_LENGTH`].
    Length,
    /// It is among the first that are guessed.
    Common,
}

impl Password {
    /// What was typed; none if no password is that long.
    #[must_use]
    pub fn typed(text: &str) -> Option<Self> {
        (text.len() <= TEXT_MAX).then(|| Self(text.nfkc().collect()))
    }

    /// Whether it may be chosen as a new password by somebody of whom these words are known. Takes milliseconds.
    pub fn fits(&self, known: &[&str]) -> Result<(), Unfit> {
        if !PASSWORD_LENGTH.contains(&self.0.chars().count()) {
            return Err(Unfit::Length);
        }
        // Below ten million guesses.
        if zxcvbn(&self.0, known).score() < Score::Two { Err(Unfit::Common) } else { Ok(()) }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(text: &str) -> Result<(), Unfit> {
        Password::typed(text).unwrap().fits(&["ada.obi@example.com", "Ada Obi"])
    }

    #[test]
    fn a_new_password_is_long_enough_and_not_among_the_first_guesses() {
        for text in ["short", "elevenchars", &"é".repeat(11), &"correct horse ".repeat(10)] {
            assert_eq!(fits(text), Err(Unfit::Length), "{text}");
        }
        for text in
            ["passwordpassword", "123456789012", "qwertyuiopas", "aaaaaaaaaaaa", "ada.obi@example.com"]
        {
            assert_eq!(fits(text), Err(Unfit::Common), "{text}");
        }
        for text in
            ["correct horse battery", "Zm9vYmFyYmF6cXV4", "пароль для кошелька", "twelve-gulls-at-noon"]
        {
            assert_eq!(fits(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn each_keyboard_gives_the_same_password_and_no_log_shows_it() {
        assert_eq!(Password::typed("pa\u{30a}ssword"), Password::typed("p\u{e5}ssword"));
        assert_eq!(Password::typed(&"x".repeat(TEXT_MAX + 1)), None);
        assert_eq!(format!("{:?}", Password::typed("secret").unwrap()), "Password(…)");
    }
}
