//! Single values of bodies and of the OpenAPI document.

use std::borrow::Cow;

use chrono::DateTime;
use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type},
};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::body::Field;
use crate::{
    identity::{DisplayName, LANGUAGE_LENGTH, Language, NAME_LENGTH, PASSWORD_LENGTH, Password},
    kernel::{
        bank_account::{AccountName, AccountNumber, BANK_CODE_LENGTH, BankCode, NAME_MAX},
        clock::{Timestamp, rfc3339_millis},
        currency::Currency,
        email::{EMAIL_MAX, Email},
        money::{Amount, MAX_MINOR_UNITS},
    },
};

/// Implements poem-openapi's `Type` with this name and schema; the type reads and writes its JSON itself.
macro_rules! scalar {
    ($type:ty, $name:literal, $schema:expr) => {
        impl Type for $type {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                $name.into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new($schema))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
    };
}

/// A text of the kernel that is read by its `try_new` and written by its `as_str`: with this name, these bounds of its length, and
/// this message for a wrong one.
macro_rules! text {
    ($type:ty, $name:literal, $length:expr, $message:literal) => {
        scalar!(
            $type,
            $name,
            MetaSchema {
                min_length: Some(*$length.start()),
                max_length: Some(*$length.end()),
                ..MetaSchema::new("string")
            }
        );

        impl Field for $type {
            const MESSAGE: &'static str = $message;

            fn from_json(value: &Value) -> Option<Self> {
                value.as_str().and_then(Self::try_new)
            }

            fn from_text(text: &str) -> Option<Self> {
                Self::try_new(text)
            }
        }

        impl ToJSON for $type {
            fn to_json(&self) -> Option<Value> {
                Some(self.as_str().into())
            }
        }

        impl ParseFromJSON for $type {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                Self::from_json(&value.unwrap_or_default())
                    .ok_or_else(|| ParseError::custom(<Self as Field>::MESSAGE))
            }
        }
    };
}

text!(BankCode, "string_bank_code", BANK_CODE_LENGTH, "Must be a bank code: 3 to 11 letters and digits.");
// Groups of an IBAN may be sent with spaces between them.
text!(
    AccountNumber,
    "string_account_number",
    5..=42_usize,
    "Must be an account number of 5 to 34 letters and digits, or an IBAN with a right checksum."
);
text!(AccountName, "string_account_name", 1..=NAME_MAX, "Must be a name of 1 to 70 characters.");

text!(Email, "string_email", 3..=EMAIL_MAX, "Must be an e-mail address.");
text!(DisplayName, "string_name", NAME_LENGTH, "Must be a name of 1 to 100 characters.");
text!(Language, "string_language", LANGUAGE_LENGTH, "Must be a language tag, such as en or de-CH.");

/// Any text: what is wrong with it is not said field by field.
#[derive(Clone, PartialEq, Eq)]
pub struct AnyText(pub String);

scalar!(AnyText, "string_any", MetaSchema::new("string"));

impl Field for AnyText {
    const MESSAGE: &'static str = "Must be a text.";

    fn from_json(value: &Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }
}

impl ToJSON for AnyText {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.as_str().into())
    }
}

impl ParseFromJSON for AnyText {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Self::from_json(&value.unwrap_or_default()).ok_or_else(|| ParseError::custom(Self::MESSAGE))
    }
}

/// A password that is chosen.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPassword(pub Password);

scalar!(
    NewPassword,
    "string_password",
    MetaSchema {
        format: Some("password"),
        min_length: Some(*PASSWORD_LENGTH.start()),
        max_length: Some(*PASSWORD_LENGTH.end()),
        ..MetaSchema::new("string")
    }
);

impl Field for NewPassword {
    const MESSAGE: &'static str = "Must have 12 to 128 characters.";

    fn from_json(value: &Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    /// Whether it fits is judged when it is hashed.
    fn from_text(text: &str) -> Option<Self> {
        Password::typed(text).map(Self)
    }
}

/// Never shown.
impl ToJSON for NewPassword {
    fn to_json(&self) -> Option<Value> {
        None
    }
}

impl ParseFromJSON for NewPassword {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Self::from_json(&value.unwrap_or_default()).ok_or_else(|| ParseError::custom(Self::MESSAGE))
    }
}

/// A time: RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ApiTimestamp(pub Timestamp);

scalar!(ApiTimestamp, "string_date-time", MetaSchema::new_with_format("string", "date-time"));

impl Field for ApiTimestamp {
    const MESSAGE: &'static str = "Must be a time (RFC 3339).";

    fn from_json(value: &Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    /// Without what is below a millisecond: an answer shows the time that is stored.
    fn from_text(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        // By its number: a second 60 becomes the next one, as Postgres has it.
        DateTime::from_timestamp_millis(time.timestamp_millis()).map(Self)
    }
}

impl Serialize for ApiTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339_millis(self.0))
    }
}

impl ToJSON for ApiTimestamp {
    fn to_json(&self) -> Option<Value> {
        Some(rfc3339_millis(self.0).into())
    }
}

impl ParseFromJSON for ApiTimestamp {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        serde_json::from_value(value.unwrap_or_default()).map_err(ParseError::custom)
    }
}

scalar!(
    Currency,
    "string_currency",
    MetaSchema { pattern: Some("^[A-Z]{3}$".to_owned()), ..MetaSchema::new("string") }
);

impl Field for Currency {
    const MESSAGE: &'static str = "Must be the code of a currency (ISO 4217).";

    fn from_json(value: &Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    fn from_text(text: &str) -> Option<Self> {
        Self::listed(text).ok()
    }
}

impl ToJSON for Currency {
    fn to_json(&self) -> Option<Value> {
        Some(self.as_str().into())
    }
}

impl ParseFromJSON for Currency {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Self::from_json(&value.unwrap_or_default()).ok_or_else(|| ParseError::custom(Self::MESSAGE))
    }
}

/// The note of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note(pub String);

/// Maximum length of a note, in characters.
const NOTE_MAX: usize = 140;

scalar!(Note, "string_note", MetaSchema { max_length: Some(NOTE_MAX), ..MetaSchema::new("string") });

impl Field for Note {
    const MESSAGE: &'static str = "Must be a text of at most 140 characters.";

    fn from_json(value: &Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    fn from_text(text: &str) -> Option<Self> {
        (text.chars().count() <= NOTE_MAX).then(|| Self(text.to_owned()))
    }
}

impl ToJSON for Note {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.as_str().into())
    }
}

impl ParseFromJSON for Note {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Self::from_json(&value.unwrap_or_default()).ok_or_else(|| ParseError::custom(Self::MESSAGE))
    }
}

/// The reason for an act of an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(pub String);

/// Maximum length of a reason, in characters.
const REASON_MAX: usize = 500;

scalar!(
    Reason,
    "string_reason",
    MetaSchema { min_length: Some(1), max_length: Some(REASON_MAX), ..MetaSchema::new("string") }
);

impl Field for Reason {
    const MESSAGE: &'static str = "Must be a text of 1 to 500 characters that is not blank.";

    fn from_json(value: &Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    fn from_text(text: &str) -> Option<Self> {
        let is_fit = !text.trim().is_empty() && text.chars().count() <= REASON_MAX;
        is_fit.then(|| Self(text.to_owned()))
    }
}

impl ToJSON for Reason {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.as_str().into())
    }
}

impl ParseFromJSON for Reason {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Self::from_json(&value.unwrap_or_default()).ok_or_else(|| ParseError::custom(Self::MESSAGE))
    }
}

scalar!(
    Amount,
    "integer_amount",
    MetaSchema {
        minimum: Some(1.0),
        maximum: Some(MAX_MINOR_UNITS as f64),
        ..MetaSchema::new_with_format("integer", "int64")
    }
);

impl ToJSON for Amount {
    fn to_json(&self) -> Option<Value> {
        Some(self.minor_units().into())
    }
}

impl ParseFromJSON for Amount {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Self::from_json(&value.unwrap_or_default()).ok_or_else(|| ParseError::custom(Self::MESSAGE))
    }
}
