//! What each ending of an account's number does, as the wallet sees it.

use std::time::{Duration, Instant};

use wallet::{
    kernel::payout_failure::PayoutFailure,
    payouts::{Bank, BankError, BankStatus},
    simulated_bank::{BookEntry, SimulatedBank, Status},
};

use super::{LATER, client, client_within, payment_to, report, settings, start};
use crate::support::wait::until;

/// The bank's only payment: its status and the number of its submissions.
fn only(bank: &SimulatedBank) -> (Status, u32) {
    let [BookEntry { amount: 1250, status, submissions, .. }] = bank.entries()[..] else {
        panic!("not one payment: {:?}", bank.entries());
    };
    (status, submissions)
}

#[tokio::test]
async fn a_payment_is_settled_or_rejected_at_once() {
    use PayoutFailure::{AccountBlocked, AccountClosed, AccountNotFound, BankRejected, NameMismatch};
    let bank = start(settings()).await;
    let client = client(bank.base());
    for (ending, status, reason) in [
        ("3000", BankStatus::Settled, None),
        ("9023", BankStatus::Settled, None),
        ("9011", BankStatus::Rejected(AccountNotFound), Some("account_not_found")),
        ("9012", BankStatus::Rejected(AccountClosed), Some("account_closed")),
        ("9013", BankStatus::Rejected(AccountBlocked), Some("account_blocked")),
        ("9014", BankStatus::Rejected(NameMismatch), Some("name_mismatch")),
        ("9015", BankStatus::Rejected(BankRejected), Some("limit_exceeded")),
    ] {
        let payment = payment_to(ending);
        assert_eq!(client.find(payment.id).await, Ok(None), "{ending}");
        assert_eq!(client.submit(&payment).await, Ok(report(status)), "{ending}");
        assert_eq!(client.find(payment.id).await, Ok(Some(report(status))), "{ending}");
        let entries = bank.entries();
        let entry = entries.iter().find(|entry| entry.id == payment.id.0).expect("an entry");
        let found = (entry.amount, entry.currency.as_str(), entry.account_last4.as_str(), entry.submissions);
        assert_eq!(found, (1250, "EUR", ending, 1));
        assert_eq!(entry.reason.as_deref(), reason);
    }
}

#[tokio::test]
async fn a_payment_is_decided_later() {
    let bank = start(settings()).await;
    let client = client(bank.base());
    for (ending, first, last) in [
        ("9001", BankStatus::Pending, BankStatus::Settled),
        ("9002", BankStatus::Pending, BankStatus::Rejected(PayoutFailure::AccountClosed)),
        ("9031", BankStatus::Settled, BankStatus::Bounced(PayoutFailure::AccountClosed)),
    ] {
        let payment = payment_to(ending);
        assert_eq!(client.submit(&payment).await, Ok(report(first)), "{ending}");
        until("the decision", LATER, async || {
            (client.find(payment.id).await == Ok(Some(report(last)))).then_some(())
        })
        .await;
        assert_eq!(client.submit(&payment).await, Ok(report(last)), "{ending} again");
    }
}

#[tokio::test]
async fn a_stalled_or_lost_answer_is_unknown_and_the_payment_is_found() {
    for (ending, within) in [("9021", Duration::from_millis(300)), ("9022", Duration::from_secs(10))] {
        let bank = start(settings()).await;
        let client = client_within(bank.base(), within);
        let payment = payment_to(ending);
        let since = Instant::now();
        let outcome = client.submit(&payment).await;
        assert!(matches!(outcome, Err(BankError::Unknown(_))), "{ending}: {outcome:?}");
        assert!(since.elapsed() < Duration::from_secs(5), "{ending}");
        assert_eq!(only(&bank), (Status::Settled, 1), "{ending}: it is sent once");
        assert_eq!(client.find(payment.id).await, Ok(Some(report(BankStatus::Settled))), "{ending}");
        assert_eq!(client.submit(&payment).await, Ok(report(BankStatus::Settled)), "{ending} again");
        assert_eq!(only(&bank), (Status::Settled, 2), "{ending}: it is paid once");
    }
}

/// The connection is one that has served before, which clients like to replace without a word.
#[tokio::test]
async fn an_answer_that_is_lost_on_an_open_connection_is_unknown_too() {
    let bank = start(settings()).await;
    let client = client(bank.base());
    assert!(client.submit(&payment_to("3000")).await.is_ok());
    let payment = payment_to("9022");
    let outcome = client.submit(&payment).await;
    assert!(matches!(outcome, Err(BankError::Unknown(_))), "{outcome:?}");
    let entries = bank.entries();
    assert_eq!(entries.iter().map(|entry| entry.submissions).collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn three_failures_pay_nothing_and_the_fourth_submission_does() {
    let bank = start(settings()).await;
    let client = client(bank.base());
    let payment = payment_to("9024");
    for submissions in 1..=3 {
        let outcome = client.submit(&payment).await;
        assert!(matches!(outcome, Err(BankError::Unknown(_))), "{outcome:?}");
        assert_eq!(client.find(payment.id).await, Ok(None));
        assert_eq!(only(&bank), (Status::Unknown, submissions));
    }
    assert_eq!(client.submit(&payment).await, Ok(report(BankStatus::Settled)));
    assert_eq!(only(&bank), (Status::Settled, 4));
}

#[tokio::test]
async fn a_forgotten_payment_is_paid_once_when_it_comes_again() {
    let bank = start(settings()).await;
    let client = client(bank.base());
    let payment = payment_to("9025");
    assert_eq!(client.submit(&payment).await, Ok(report(BankStatus::Pending)));
    assert_eq!(client.find(payment.id).await, Ok(None));
    assert_eq!(only(&bank), (Status::Unknown, 1));
    for submissions in 2..=3 {
        assert_eq!(client.submit(&payment).await, Ok(report(BankStatus::Settled)));
        assert_eq!(only(&bank), (Status::Settled, submissions));
    }
}

#[tokio::test]
async fn an_id_is_one_payment_and_has_one_set_of_fields() {
    let bank = start(settings()).await;
    let client = client(bank.base());
    let payment = payment_to("3000");
    for submissions in 1..=2 {
        assert_eq!(client.submit(&payment).await, Ok(report(BankStatus::Settled)));
        assert_eq!(only(&bank), (Status::Settled, submissions));
    }
    let mut more = payment.clone();
    more.amount += 1;
    let mut elsewhere = payment.clone();
    elsewhere.account = payment_to("3001").account;
    for other in [more, elsewhere] {
        let outcome = client.submit(&other).await;
        assert_eq!(outcome, Err(BankError::Refused("409 Conflict".to_owned())));
    }
    assert_eq!(only(&bank), (Status::Settled, 2));
}
