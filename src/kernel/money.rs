//! Money: whole minor units (cents) in 64 bits, checked, never a float.

use thiserror::Error;

/// The largest amount and the largest balance, in minor units: 2^53 − 1, the largest integer that a JavaScript
/// number holds exactly (ECMA-262, `Number.MAX_SAFE_INTEGER`).
pub const MAX_MINOR_UNITS: i64 = 9_007_199_254_740_991;

/// A positive amount in minor units, 1 to [`MAX_MINOR_UNITS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

/// The number is not a valid amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an amount is an integer from 1 to {MAX_MINOR_UNITS}")]
pub struct NotAnAmount;

impl Amount {
    /// An amount of this number of minor units.
    pub fn try_new(minor_units: i64) -> Result<Self, NotAnAmount> {
        if (1..=MAX_MINOR_UNITS).contains(&minor_units) { Ok(Self(minor_units)) } else { Err(NotAnAmount) }
    }

    /// The number of minor units.
    #[must_use]
    pub fn minor_units(self) -> i64 {
        self.0
    }

    /// `bps` basis points (hundredths of a per cent) of the amount, rounded half up to the minor unit, in minor units.
    /// At no more than 10,000 basis points it is no more than the amount.
    #[must_use]
    pub fn fee(self, bps: u32) -> i64 {
        // In 128 bits the product cannot overflow.
        let exact = i128::from(self.0) * i128::from(bps);
        i64::try_from((exact + 5_000) / 10_000).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_rounded_half_up_to_the_minor_unit() {
        let fee = |minor_units, bps| Amount::try_new(minor_units).unwrap().fee(bps);
        for (minor_units, bps, expected) in [
            (1, 150, 0),
            (33, 150, 0),  // 0.495
            (34, 150, 1),  // 0.51
            (100, 150, 2), // 1.5
            (99, 150, 1),  // 1.485
            (1_000, 150, 15),
            (10_000, 150, 150),
            (1, 4_999, 0),
            (1, 5_000, 1), // 0.5
            (3, 5_000, 2), // 1.5
            (7, 0, 0),
            (7, 10_000, 7),
            (MAX_MINOR_UNITS, 150, 135_107_988_821_115), // 135,107,988,821,114.865
            (MAX_MINOR_UNITS, 10_000, MAX_MINOR_UNITS),
        ] {
            assert_eq!(fee(minor_units, bps), expected, "{minor_units} at {bps} basis points");
        }
    }

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
