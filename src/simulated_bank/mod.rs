//! A bank for development and tests, with an HTTP server and a book of its own (docs/bank-api.md). It shares no code with
//! the wallet's client, so that a mistake in one of them shows in the other. What becomes of a payment is said by the last
//! digits of the account's number, as with the test numbers of payment providers.

mod behaviour;
mod book;
mod callbacks;
mod connections;
mod http;
mod payment;
mod server;
mod service;

pub use callbacks::CallbackSettings;
pub use connections::Mode;
pub use payment::{BookEntry, Status};
pub use server::{SimulatedBank, SimulatedBankSettings, StartError};
