//! Payouts: money goes to a bank, which is slow, forgets, and answers twice. The ledger holds the money and books how it ends; this
//! room has the bank pay, asks what became of it, and keeps what an operator has to decide.

mod attempt;
pub mod bank;
pub mod bank_message;
mod booking;
mod error;
pub mod operator;
mod payout;
mod queue;
mod service;
pub mod store;
mod worker;

pub use self::{
    bank::{
        Bank, BankError, BankReport, BankStatus, CallbackHeaders, CallbackVerifier, InvalidSignature,
        PayoutInstruction,
    },
    bank_message::{BankMessage, InvalidBankMessage},
    error::PayoutError,
    payout::{ListedPayout, PayoutRef},
    queue::PayoutQueue,
    service::{Payouts, PayoutsService, PayoutsServiceParameters, Reception},
    worker::PayoutWorker,
};
