//! Currencies by their three-letter code. Any stored code can be read; a new one must be a currency of ISO 4217 with an
//! exponent: no metal, no fund unit without an exponent, no code for tests.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A currency code: three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// The text is not a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a currency is three capital letters of ISO 4217, such as USD")]
pub struct NotACurrency;

impl Currency {
    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Always ASCII: checked by the constructor.
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// The currency of ISO 4217 with this code.
    pub fn listed(code: &str) -> Result<Self, NotACurrency> {
        let currency: Self = code.parse()?;
        currency.minor_unit_digits().map(|_| currency).ok_or(NotACurrency)
    }

    /// The exponent, which is the number of decimal digits of a minor unit: 2 for USD, 0 for JPY, 3 for BHD. None: the code is
    /// not listed, or has no exponent.
    #[must_use]
    pub fn minor_unit_digits(self) -> Option<u16> {
        iso_currency::Currency::from_code(self.as_str())?.exponent()
    }
}

impl FromStr for Currency {
    type Err = NotACurrency;

    fn from_str(text: &str) -> Result<Self, NotACurrency> {
        match text.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(|l| l.is_ascii_uppercase()) => Ok(Self([*a, *b, *c])),
            _ => Err(NotACurrency),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = NotACurrency;

    fn try_from(text: String) -> Result<Self, NotACurrency> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_capital_letters_are_a_currency() {
        assert_eq!("USD".parse::<Currency>().unwrap().as_str(), "USD");
        for wrong in ["", "US", "usd", "USDT", "U$D", "ÄÖ"] {
            assert_eq!(wrong.parse::<Currency>(), Err(NotACurrency), "{wrong}");
        }
    }

    #[test]
    fn what_comes_in_is_listed_with_its_exponent() {
        for (code, digits) in [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("ZWG", 2)] {
            assert_eq!(Currency::listed(code).map(Currency::minor_unit_digits), Ok(Some(digits)), "{code}");
        }
        for wrong in ["ZZZ", "XAU", "XTS", "XXX", "usd", "US"] {
            assert_eq!(Currency::listed(wrong), Err(NotACurrency), "{wrong}");
        }
    }
}
