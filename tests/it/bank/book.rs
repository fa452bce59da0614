//! The simulated bank's book: to the cent, and over a restart.

use std::{io::Write, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use wallet::{
    adapters::bank::{BankSettings, HttpBank},
    config::{DEVELOPMENT_BANK_TOKEN, Secret},
    payouts::{Bank, BankStatus, PayoutInstruction},
    simulated_bank::{BookEntry, SimulatedBankSettings, StartError, Status},
};

use super::{LATER, TOKEN, client, payment_to, report, settings, start};
use crate::support::{
    app::Settings,
    directory::Directory,
    process::{Server, command},
    wait::until,
};

/// The number of payments under way at a time.
const CLIENTS: usize = 32;

#[tokio::test]
async fn many_payments_at_once_are_in_the_book_to_the_cent() {
    let directory = Directory::new();
    let book = Some(directory.path().join("book.jsonl"));
    let bank = start(SimulatedBankSettings { book, ..settings() }).await;
    let client = Arc::new(client(bank.base()));
    let payments: Vec<PayoutInstruction> =
        (1..=300).map(|amount| PayoutInstruction { amount, ..payment_to("3000") }).collect();
    let twice = payments.iter().chain(&payments).cloned().map(|payment| {
        let client = Arc::clone(&client);
        async move { client.submit(&payment).await }
    });
    let outcomes: Vec<_> = stream::iter(twice).buffer_unordered(CLIENTS).collect().await;
    assert!(outcomes.iter().all(Result::is_ok), "{:?}", outcomes.iter().find(|outcome| outcome.is_err()));
    let book = crate::support::client::builder()
        .build()
        .expect("a client")
        .get(format!("{}/book", bank.base()))
        .bearer_auth(TOKEN);
    let book: Vec<BookEntry> = book.send().await.expect("an answer").json().await.expect("the book");
    assert_eq!(book, bank.entries());
    let paid: Vec<i64> =
        book.iter().filter(|entry| entry.status == Status::Settled).map(|e| e.amount).collect();
    assert_eq!((paid.len(), paid.iter().sum::<i64>()), (300, 300 * 301 / 2));
    assert!(book.iter().all(|entry| entry.submissions == 2));
    let refused = crate::support::client::get(format!("{}/book", bank.base())).await.expect("an answer");
    assert_eq!(refused.status().as_u16(), 401);
}

#[tokio::test]
async fn a_restart_forgets_nothing_and_goes_on() {
    let directory = Directory::new();
    let path = directory.path().join("book.jsonl");
    let on_file = || SimulatedBankSettings { book: Some(path.clone()), ..settings() };
    let bank = start(on_file()).await;
    let before = client(bank.base());
    let [settled, later, failing, forgotten] = ["3000", "9001", "9024", "9025"].map(payment_to);
    assert_eq!(before.submit(&settled).await, Ok(report(BankStatus::Settled)));
    assert_eq!(before.submit(&later).await, Ok(report(BankStatus::Pending)));
    assert!(before.submit(&failing).await.is_err());
    assert_eq!(before.submit(&forgotten).await, Ok(report(BankStatus::Pending)));
    let entries = bank.entries();
    bank.stop().await;
    // A line that a crash has cut was never answered.
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("the book");
    file.write_all(br#"{"id":"0190a6a0"#).expect("half a line");
    drop(file);

    let bank = start(on_file()).await;
    let after = client(bank.base());
    let unchanged = |entry: &&BookEntry| entry.status != Status::Pending && entry.id != later.id.0;
    let now = bank.entries();
    assert_eq!(
        now.iter().filter(unchanged).collect::<Vec<_>>(),
        entries.iter().filter(unchanged).collect::<Vec<_>>()
    );
    assert_eq!(after.find(settled.id).await, Ok(Some(report(BankStatus::Settled))));
    assert_eq!(after.submit(&settled).await, Ok(report(BankStatus::Settled)));
    assert_eq!(after.submit(&forgotten).await, Ok(report(BankStatus::Settled)));
    let other = PayoutInstruction { amount: 1, ..settled.clone() };
    assert!(after.submit(&other).await.is_err(), "the fields are compared with those from before");
    until("the settlement", LATER, async || {
        (after.find(later.id).await == Ok(Some(report(BankStatus::Settled)))).then_some(())
    })
    .await;
    bank.stop().await;
    let bank = start(on_file()).await;
    assert_eq!(bank.entries().len(), 4, "nothing was written behind half a line");
    let text = std::fs::read_to_string(&path).expect("the book");
    assert!(!text.contains("777777") && !text.contains("Ada"), "the book shows no account");

    std::fs::write(&path, "no book\n").expect("a file");
    assert!(matches!(
        wallet::simulated_bank::SimulatedBank::start(on_file()).await,
        Err(StartError::Book { .. })
    ));
}

#[tokio::test]
async fn the_command_is_a_bank_that_can_be_killed_and_ends_when_it_is_asked_to() {
    let directory = Directory::new();
    let book = directory.path().join("book.jsonl");
    let arguments = ["simulate-bank", "--addr", "127.0.0.1:0", "--book", book.to_str().expect("a path")];
    let begin = || Server::of(command(&Settings::new(), &arguments));
    let client = |server: &Server| {
        let token = Secret::new(DEVELOPMENT_BANK_TOKEN.to_owned());
        HttpBank::try_new(BankSettings::new(server.base.clone(), token)).expect("a client")
    };
    let payment = payment_to("3000");
    let server = begin();
    assert_eq!(client(&server).submit(&payment).await, Ok(report(BankStatus::Settled)));
    // By SIGKILL.
    drop(server);
    let mut server = begin();
    assert_eq!(client(&server).find(payment.id).await, Ok(Some(report(BankStatus::Settled))));
    let listed = crate::support::client::builder()
        .build()
        .expect("a client")
        .get(format!("{}/book", server.base))
        .bearer_auth(DEVELOPMENT_BANK_TOKEN);
    let listed: Value = listed.send().await.expect("an answer").json().await.expect("JSON");
    let entry = json!({
        "id": payment.id, "amount": 1250, "currency": "EUR", "account_last4": "3000",
        "status": "settled", "reason": null, "submissions": 1,
    });
    assert_eq!(listed, json!([entry]));
    server.signal("TERM");
    assert_eq!(server.ended(Duration::from_secs(10)).code(), Some(0));
    assert_eq!(server.logged("ERROR"), Vec::<String>::new());
}
