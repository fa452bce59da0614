//! `/wallet/transactions`: what was booked on a customer's own wallet.

use std::sync::Arc;

use poem_openapi::{Enum, Object, OpenApi};
use serde::Serialize;
use uuid::Uuid;

use super::{REFERENCE, TRANSACTION, samples};
use crate::{
    api::{
        ApiError, FieldErrors, Tag,
        auth::Customer,
        catalogue::Code,
        document::{Notes, READING, SIGNED_IN, sample},
        envelope::WalletAnswer,
        headers::MinWalletVersion,
        query::{Limit, Param},
        scalars::Moment,
    },
    kernel::page::{Cursor, DEFAULT_LIMIT, PageRequest},
    ledger::{Kind, entry::TransactionStatus, history::HistoryItem},
    wallet::Wallets,
};

/// How a transaction ended.
#[derive(Enum, Serialize)]
#[oai(rename = "TransactionStatus", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum StatusWord {
    /// The money has moved.
    Success,
    /// Refused for want of funds; nothing has moved.
    Failed,
}

/// What a transaction was.
#[derive(Enum, Serialize)]
#[oai(rename = "TransactionType", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
enum TypeWord {
    Deposit,
    Withdrawal,
    TransferOut,
    TransferIn,
}

/// One line of the list.
#[derive(Object, Serialize)]
struct Transaction {
    id: Uuid,
    status: StatusWord,
    transacted_at: Moment,
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: TypeWord,
    /// In minor units; positive, whichever way the money went.
    amount: i64,
    /// The caller's own name for it.
    #[oai(nullable)]
    reference_id: Option<Uuid>,
}

/// Where the list goes on.
#[derive(Object, Serialize)]
struct PageInfo {
    /// What to send as `after` for the next page; null on the last one.
    #[oai(nullable)]
    next: Option<String>,
}

/// A page of the list, newest first.
#[derive(Object, Serialize)]
pub struct TransactionsData {
    transactions: Vec<Transaction>,
    page: PageInfo,
}

/// The operation.
pub struct TransactionsApi {
    pub wallets: Arc<dyn Wallets>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Wallet")]
impl TransactionsApi {
    /// The wallet's transactions, newest first
    ///
    /// The order is stable while new ones arrive. A withdrawal that was refused for want of funds is listed as `failed`;
    /// no other refusal is listed. 404 while the wallet is disabled.
    #[oai(path = "/wallet/transactions", method = "get", operation_id = "list_transactions")]
    async fn list_transactions(
        &self,
        customer: Customer,
        /// How many at most.
        limit: Param<Limit>,
        /// The `next` of the page before.
        after: Param<Cursor>,
        /// Never answer from an older state; 412 if the wallet has not come so far.
        #[oai(name = "Min-Wallet-Version")]
        at_least: MinWalletVersion,
    ) -> Result<WalletAnswer<200, TransactionsData>, ApiError> {
        let mut errors = FieldErrors::default();
        let limit = limit.take(&mut errors).map_or(DEFAULT_LIMIT, |limit| limit.0);
        let after = after.take(&mut errors);
        if !errors.is_empty() {
            return Err(errors.into());
        }
        let page = PageRequest { limit, after };
        let (view, page) = self.wallets.transactions(customer.wallet, page, at_least.0).await?;
        // The lines are read after the wallet, which may come from the cache: they may be further on than it.
        let version = page.items.first().map_or(0, |item| item.version).max(view.money.version);
        let data = TransactionsData {
            transactions: page.items.into_iter().map(line).collect(),
            page: PageInfo { next: page.next.map(Cursor::encode) },
        };
        Ok(WalletAnswer { data, version })
    }
}

fn line(item: HistoryItem) -> Transaction {
    Transaction {
        id: item.id.0,
        status: match item.status {
            TransactionStatus::Completed => StatusWord::Success,
            TransactionStatus::Refused => StatusWord::Failed,
        },
        transacted_at: Moment(item.occurred_at),
        kind: match item.kind {
            Kind::Deposit => TypeWord::Deposit,
            Kind::Withdrawal => TypeWord::Withdrawal,
            Kind::TransferOut => TypeWord::TransferOut,
            Kind::TransferIn => TypeWord::TransferIn,
        },
        amount: item.amount,
        reference_id: item.reference.map(|reference| reference.0),
    }
}

/// What the document says beside the types.
pub fn notes() -> Vec<Notes> {
    let transaction = Transaction {
        id: samples::id(TRANSACTION),
        status: StatusWord::Success,
        transacted_at: samples::moment(),
        kind: TypeWord::Deposit,
        amount: 10_000,
        reference_id: Some(samples::id(REFERENCE)),
    };
    let page = PageInfo { next: Some(Cursor(1).encode()) };
    vec![Notes {
        id: "list_transactions",
        codes: &[SIGNED_IN, &[Code::ValidationFailed], READING],
        request: None,
        answer: sample(&TransactionsData { transactions: vec![transaction], page }),
    }]
}
