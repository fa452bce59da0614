//! An account at a bank, as a payout names it.

use std::fmt;

use iban::Iban;

/// The length of a national bank code or a BIC.
pub const BANK_CODE_LENGTH: std::ops::RangeInclusive<usize> = 3..=11;
/// The length of an account number; 34 is the longest IBAN (ISO 13616).
const NUMBER_LENGTH: std::ops::RangeInclusive<usize> = 5..=34;
/// The longest name that SEPA's credit transfer takes, in characters (rulebook, AT-E001).
pub const NAME_MAX: usize = 70;

/// Where a payout goes. The number appears in no log and no message: its debug text has the last four characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankAccount {
    pub bank_code: BankCode,
    pub number: AccountNumber,
    pub holder: AccountName,
}

/// A national bank code, or a BIC: letters and digits, in capitals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankCode(String);

/// An account's number, without spaces and in capitals. One that looks like an IBAN (two letters, two digits) has a right
/// checksum.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountNumber(String);

/// The name of the account's holder, without spaces around it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountName(String);

impl BankCode {
    /// The code of a text; none where a bank would not take it.
    #[must_use]
    pub fn try_new(text: &str) -> Option<Self> {
        let code = text.trim().to_ascii_uppercase();
        is_code(&code, BANK_CODE_LENGTH).then_some(Self(code))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AccountNumber {
    /// The number of a text, which may be printed in groups; none where a bank would not take it.
    #[must_use]
    pub fn try_new(text: &str) -> Option<Self> {
        let number: String = text.chars().filter(|c| *c != ' ').collect::<String>().to_ascii_uppercase();
        let is_right =
            is_code(&number, NUMBER_LENGTH) && (!looks_like_iban(&number) || number.parse::<Iban>().is_ok());
        is_right.then_some(Self(number))
    }

    /// The whole number, for the bank alone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last four characters: all that is shown.
    #[must_use]
    pub fn last4(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }
}

impl AccountName {
    /// The name of a text; none where a bank would not take it.
    #[must_use]
    pub fn try_new(text: &str) -> Option<Self> {
        let name = text.trim();
        let is_right = (1..=NAME_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        is_right.then(|| Self(name.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…{}", self.last4())
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountName(…)")
    }
}

fn is_code(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn looks_like_iban(number: &str) -> bool {
    let bytes = number.as_bytes();
    bytes[..2].iter().all(u8::is_ascii_alphabetic) && bytes[2..4].iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_as_banks_take_it() {
        for (text, number) in [
            ("DE89 3704 0044 0532 0130 00", Some("DE89370400440532013000")),
            ("de89370400440532013000", Some("DE89370400440532013000")),
            ("DE89370400440532013001", None),
            ("DE8937040044053201300", None),
            ("0532013000", Some("0532013000")),
            ("12345", Some("12345")),
            ("1234", None),
            ("12-345", None),
            ("", None),
            ("١٢٣٤٥", None),
            ("12345678901234567890123456789012345", None),
        ] {
            let found = AccountNumber::try_new(text);
            assert_eq!(found.as_ref().map(AccountNumber::as_str), number, "{text}");
        }
    }

    #[test]
    fn codes_and_names_have_their_lengths() {
        for (text, is_right) in
            [("COBADEFFXXX", true), ("044", true), ("04", false), ("COBADEFFXXXX", false), ("04 4", false)]
        {
            assert_eq!(BankCode::try_new(text).is_some(), is_right, "{text}");
        }
        let long = "é".repeat(NAME_MAX);
        for (text, is_right) in [
            ("Ada Obi", true),
            (long.as_str(), true),
            ("  ", false),
            ("A\u{7}da", false),
            (&format!("{long}é"), false),
        ] {
            assert_eq!(AccountName::try_new(text).is_some(), is_right, "{text}");
        }
    }

    #[test]
    fn a_log_shows_the_last_four() {
        let account = BankAccount {
            bank_code: BankCode::try_new("044").unwrap(),
            number: AccountNumber::try_new("0532013000").unwrap(),
            holder: AccountName::try_new("Ada Obi").unwrap(),
        };
        let text = format!("{account:?}");
        assert!(text.contains("3000") && !text.contains("013000") && !text.contains("Ada"), "{text}");
    }
}
