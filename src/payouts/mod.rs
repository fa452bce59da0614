//! Payouts: money goes to a bank, which is slow, forgets, and answers twice.

pub mod bank;

pub use self::bank::{Bank, BankError, BankReport, BankStatus, PayoutInstruction};
