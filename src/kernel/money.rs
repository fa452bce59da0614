//! Money: whole minor units (cents) in 64 bits, checked, never a float.

use thiserror::Error;

/// The largest amount and the largest balance, in minor units: 2^53 − 1, the largest integer that a JavaScript
/// number holds exactly (ECMA-262, `Number.MAX_SAFE_INTEGER`).
pub const MAX_MINOR_UNITS: i64 = 9_007_199_254_740_991;

/// A positive amount in minor units, 1 to [`MAX_MINOR_UNITS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

/// The number is not an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an amount is an integer from 1 to {MAX_MINOR_UNITS}")]
pub struct NotAnAmount;

impl Amount {
    /// Takes a number of minor units.
    pub fn try_new(minor_units: i64) -> Result<Self, NotAnAmount> {
        if (1..=MAX_MINOR_UNITS).contains(&minor_units) { Ok(Self(minor_units)) } else { Err(NotAnAmount) }
    }

    /// The number of minor units.
    #[must_use]
    pub fn minor_units(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_positive_and_exact_in_javascript() {
        assert_eq!(Amount::try_new(0), Err(NotAnAmount));
        assert_eq!(Amount::try_new(-1), Err(NotAnAmount));
        assert_eq!(Amount::try_new(i64::MAX), Err(NotAnAmount));
        assert_eq!(Amount::try_new(MAX_MINOR_UNITS + 1), Err(NotAnAmount));
        assert_eq!(Amount::try_new(1).unwrap().minor_units(), 1);
        assert_eq!(Amount::try_new(MAX_MINOR_UNITS).unwrap().minor_units(), MAX_MINOR_UNITS);
    }
}
