//! The bank's client against a bank: the simulated one over real HTTP, and servers that answer as no bank should.

mod answers;
mod book;
mod callbacks;
mod endings;

use std::{sync::Arc, time::Duration};

use wallet::{
    adapters::{
        bank::{BankSettings, HttpBank},
        clock::SystemClock,
    },
    config::Secret,
    kernel::{
        bank_account::{AccountName, AccountNumber, BankAccount, BankCode},
        currency::Currency,
        ids::OperationId,
    },
    payouts::{BankReport, BankStatus, PayoutInstruction},
    simulated_bank::{SimulatedBank, SimulatedBankSettings},
};

const TOKEN: &str = "hush-the-token-of-the-tests";
const SECRET: &str = "whsec_VGhpcyBpcyBhIHNlY3JldCBvZiB0aGUgdGVzdHM=";
/// What a payment takes to settle by itself, on a slow machine.
const LATER: Duration = Duration::from_secs(10);

fn settings() -> SimulatedBankSettings {
    SimulatedBankSettings {
        address: "127.0.0.1:0".parse().expect("an address"),
        token: TOKEN.to_owned(),
        callbacks: None,
        book: None,
        latency: Duration::ZERO,
        clock: Arc::new(SystemClock),
    }
}

async fn start(settings: SimulatedBankSettings) -> SimulatedBank {
    SimulatedBank::start(settings).await.expect("the bank")
}

/// A client that waits for an answer as long as this.
fn client_within(base: &str, timeout: Duration) -> HttpBank {
    let settings = BankSettings::new(base.to_owned(), Secret::new(TOKEN.to_owned()));
    HttpBank::try_new(BankSettings { timeout, ..settings }).expect("a client")
}

fn client(base: &str) -> HttpBank {
    client_within(base, Duration::from_secs(10))
}

/// A payment of 12.50 to an account whose number ends so.
fn payment_to(ending: &str) -> PayoutInstruction {
    PayoutInstruction {
        id: OperationId::generate(),
        amount: 1250,
        currency: Currency::listed("EUR").expect("a currency"),
        account: BankAccount {
            bank_code: BankCode::try_new("044").expect("a code"),
            number: AccountNumber::try_new(&format!("777777{ending}")).expect("a number"),
            holder: AccountName::try_new("Ada Obi").expect("a name"),
        },
    }
}

/// The report of such a payment.
fn report(status: BankStatus) -> BankReport {
    BankReport { amount: 1250, status }
}
