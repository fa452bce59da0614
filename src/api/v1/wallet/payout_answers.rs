//! Payouts, as answers show them. Of the account's number they have the last four characters.

use poem_openapi::{Enum, Object};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{page_info::PageInfo, transaction_line::TransactionStatusName};
use crate::{
    api::{
        balance::Balance,
        document::{
            sample,
            samples::{self, REFERENCE, TRANSACTION},
        },
        executed::MovedMoney,
        scalars::ApiTimestamp,
    },
    kernel::{
        bank_account::BankAccount,
        pagination::{Cursor, Page},
        payout_failure::PayoutFailure,
    },
    ledger::read::PayoutView,
};

/// Why a payout failed or came back.
#[derive(Clone, Copy, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum FailureCode {
    AccountNotFound,
    AccountClosed,
    AccountBlocked,
    NameMismatch,
    BankRejected,
    Cancelled,
}

impl From<PayoutFailure> for FailureCode {
    fn from(failure: PayoutFailure) -> Self {
        match failure {
            PayoutFailure::AccountNotFound => Self::AccountNotFound,
            PayoutFailure::AccountClosed => Self::AccountClosed,
            PayoutFailure::AccountBlocked => Self::AccountBlocked,
            PayoutFailure::NameMismatch => Self::NameMismatch,
            PayoutFailure::BankRejected => Self::BankRejected,
            PayoutFailure::Cancelled => Self::Cancelled,
        }
    }
}

/// A payout that was requested, and is pending: what the bank says later is in the payout itself. Money is in minor units; balances
/// are those right after.
#[derive(Object, Serialize)]
struct Payout {
    /// Null in a dry run.
    #[oai(nullable)]
    id: Option<Uuid>,
    status: TransactionStatusName,
    amount: i64,
    reference_id: Uuid,
    bank_code: String,
    /// The end of the account's number.
    account_last4: String,
    account_name: String,
    requested_at: ApiTimestamp,
    #[oai(flatten)]
    #[serde(flatten)]
    balance: Balance,
}

/// The payout.
#[derive(Object, Serialize)]
pub struct PayoutData {
    payout: Payout,
}

/// A payout as it stands now. Money is in minor units.
#[derive(Object, Serialize)]
#[oai(rename = "FoundPayout")]
struct Found {
    id: Uuid,
    status: TransactionStatusName,
    amount: i64,
    /// Three letters (ISO 4217).
    currency: String,
    #[oai(nullable)]
    reference_id: Option<Uuid>,
    bank_code: String,
    /// The end of the account's number.
    account_last4: String,
    account_name: String,
    requested_at: ApiTimestamp,
    /// When it became `success` or `failed`; null while it is pending.
    #[oai(nullable)]
    ended_at: Option<ApiTimestamp>,
    /// Why it failed, or came back after it had succeeded.
    #[oai(nullable)]
    failure_code: Option<FailureCode>,
    /// The transaction by which the money came back after the bank had paid.
    #[oai(nullable)]
    reversal_id: Option<Uuid>,
    #[oai(nullable)]
    reversed_at: Option<ApiTimestamp>,
}

/// The payout, as it stands now.
#[derive(Object, Serialize)]
pub struct FoundPayoutData {
    payout: Found,
}

/// A page of the list, newest first.
#[derive(Object, Serialize)]
pub struct PayoutsData {
    payouts: Vec<Found>,
    page: PageInfo,
}

pub fn requested(account: &BankAccount, reference_id: Uuid, money: MovedMoney) -> PayoutData {
    let MovedMoney { id, at: requested_at, amount, balance, .. } = money;
    PayoutData {
        payout: Payout {
            id,
            status: TransactionStatusName::Pending,
            amount,
            reference_id,
            bank_code: account.bank_code.as_str().to_owned(),
            account_last4: account.number.last4().to_owned(),
            account_name: account.holder.as_str().to_owned(),
            requested_at,
            balance,
        },
    }
}

fn shown(payout: &PayoutView) -> Found {
    Found {
        id: payout.id.0,
        status: payout.status.into(),
        amount: payout.amount,
        currency: payout.currency.to_string(),
        reference_id: payout.reference.map(|reference| reference.0),
        bank_code: payout.bank_code.clone(),
        account_last4: payout.account_last4.clone(),
        account_name: payout.account_name.clone(),
        requested_at: ApiTimestamp(payout.requested_at),
        ended_at: payout.ended_at.map(ApiTimestamp),
        failure_code: payout.failure.map(FailureCode::from),
        reversal_id: payout.reversal.map(|(id, _)| id.0),
        reversed_at: payout.reversal.map(|(_, at)| ApiTimestamp(at)),
    }
}

pub fn found(payout: &PayoutView) -> FoundPayoutData {
    FoundPayoutData { payout: shown(payout) }
}

pub fn listed(page: &Page<PayoutView>) -> PayoutsData {
    PayoutsData {
        payouts: page.items.iter().map(shown).collect(),
        page: PageInfo { next: page.next.map(Cursor::encode) },
    }
}

fn found_example() -> Found {
    let at = samples::timestamp();
    Found {
        id: samples::id(TRANSACTION),
        status: TransactionStatusName::Failed,
        amount: 10_000,
        currency: "USD".to_owned(),
        reference_id: Some(samples::id(REFERENCE)),
        bank_code: "COBADEFFXXX".to_owned(),
        account_last4: "3000".to_owned(),
        account_name: "Ada Obi".to_owned(),
        requested_at: at,
        ended_at: Some(at),
        failure_code: Some(FailureCode::AccountClosed),
        reversal_id: None,
        reversed_at: None,
    }
}

pub fn payout_sample() -> Option<Value> {
    let balance = Balance { available_balance: 0, ..Balance::sample(10_000, 2) };
    sample(&PayoutData {
        payout: Payout {
            id: Some(samples::id(TRANSACTION)),
            status: TransactionStatusName::Pending,
            amount: 10_000,
            reference_id: samples::id(REFERENCE),
            bank_code: "COBADEFFXXX".to_owned(),
            account_last4: "3000".to_owned(),
            account_name: "Ada Obi".to_owned(),
            requested_at: samples::timestamp(),
            balance,
        },
    })
}

pub fn found_sample() -> Option<Value> {
    sample(&FoundPayoutData { payout: found_example() })
}

pub fn payouts_sample() -> Option<Value> {
    let page = PageInfo { next: Some(Cursor(2).encode()) };
    sample(&PayoutsData { payouts: vec![found_example()], page })
}
