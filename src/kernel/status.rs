//! Whether a wallet may be used.

use serde::{Deserialize, Serialize};

/// Whether a wallet may be used. Freezing is independent of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Disabled,
    Enabled,
}

impl Status {
    /// The stored number.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Status::Disabled => 0,
            Status::Enabled => 1,
        }
    }

    /// The status with this stored number.
    #[must_use]
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Status::Disabled),
            1 => Some(Status::Enabled),
            _ => None,
        }
    }

    /// The word in answers and messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Status::Disabled => "disabled",
            Status::Enabled => "enabled",
        }
    }
}
