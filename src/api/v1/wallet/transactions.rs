//! `/wallet/transactions`: what was booked on a customer's own wallet.

use std::sync::Arc;

use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use uuid::Uuid;

use super::{
    page_info::PageInfo,
    transaction_line::{OfType, Transaction, TransactionStatusName, TransactionType, example, line},
};
use crate::{
    accounts::{Accounts, Versioned},
    api::{
        api_error::{ApiError, FieldErrors},
        auth::Customer,
        catalogue::Code,
        document::{
            OperationDoc, READING, SIGNED_IN, Tag, sample,
            samples::{self, RECIPIENT},
        },
        envelope::WalletAnswer,
        min_version::MinWalletVersion,
        query::{Limit, Param, PathId},
        scalars::ApiTimestamp,
    },
    kernel::{
        clock::Timestamp,
        ids::OperationId,
        pagination::{Cursor, DEFAULT_LIMIT, PageRequest},
    },
    ledger::{
        Kind,
        entry::TransactionStatus,
        read::{EntryView, Filter, TransactionView},
    },
};

/// A page of the list, newest first.
#[derive(Object, Serialize)]
pub struct TransactionsData {
    transactions: Vec<Transaction>,
    page: PageInfo,
}

/// The other side of a transfer.
#[derive(Object, Serialize)]
struct Counterparty {
    wallet_id: Uuid,
}

/// What a transaction did to the wallet. Money is in minor units.
#[derive(Object, Serialize)]
#[oai(rename = "Entry")]
struct Entry {
    /// The number of the entry in the wallet.
    version: i64,
    /// What it did to the transaction: `booked`, `released`, `held`, `captured`, `voided` or `expired`.
    step: String,
    occurred_at: ApiTimestamp,
    /// The signed change of the balance; 0 if nothing has moved.
    change: i64,
    balance_after: i64,
    available_balance_after: i64,
}

/// One transaction, as the wallet sees it. Money is in minor units.
#[derive(Object, Serialize)]
struct WholeTransaction {
    id: Uuid,
    status: TransactionStatusName,
    transacted_at: ApiTimestamp,
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: TransactionType,
    /// Positive, whichever way the money went.
    amount: i64,
    /// What the wallet paid in addition to the amount.
    fee: i64,
    /// Three letters (ISO 4217).
    currency: String,
    /// The wallet's own name for it; null where the other side gave it.
    #[oai(nullable)]
    reference_id: Option<Uuid>,
    #[oai(nullable)]
    note: Option<String>,
    /// Null where there is no other wallet.
    #[oai(nullable)]
    counterparty: Option<Counterparty>,
    /// The balance right after it.
    balance_after: i64,
    /// What it did to the wallet.
    entries: Vec<Entry>,
}

/// The transaction.
#[derive(Object, Serialize)]
pub struct TransactionData {
    transaction: WholeTransaction,
}

/// The operations.
pub struct TransactionsApi {
    pub accounts: Arc<dyn Accounts>,
}

#[allow(clippy::too_many_arguments)] // the parameters of a query
#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Wallet")]
impl TransactionsApi {
    /// The wallet's transactions, newest first
    ///
    /// The order is stable while new ones arrive. A withdrawal that was refused for lack of funds is listed as `failed`;
    /// no other refusal is listed. 404 while the wallet is disabled. With a filter a page looks at 10,000 transactions at
    /// most: it may be short, or empty, and still have a `next`.
    #[oai(path = "/wallet/transactions", method = "get", operation_id = "list_transactions")]
    async fn list_transactions(
        &self,
        customer: Customer,
        /// How many at most.
        limit: Param<Limit>,
        /// The `next` of the page before.
        after: Param<Cursor>,
        /// Only transactions of this type.
        #[oai(name = "type")]
        kind: Param<OfType>,
        /// Only transactions of this status.
        status: Param<TransactionStatus>,
        /// Only from this moment on.
        from: Param<Timestamp>,
        /// Only before this moment.
        to: Param<Timestamp>,
        /// The oldest version that may be shown; 412 if the wallet has not reached it.
        #[oai(name = "Min-Wallet-Version")]
        at_least: MinWalletVersion,
    ) -> Result<WalletAnswer<200, TransactionsData>, ApiError> {
        let mut errors = FieldErrors::default();
        let limit = limit.take(&mut errors).map_or(DEFAULT_LIMIT, |limit| limit.0);
        let after = after.take(&mut errors);
        let filter = Filter {
            kinds: kind.take(&mut errors).map(|OfType(kinds)| kinds),
            statuses: status.take(&mut errors).map(|status| vec![status]),
            from: from.take(&mut errors),
            to: to.take(&mut errors),
        };
        if !errors.is_empty() {
            return Err(errors.into());
        }
        let page = PageRequest { limit, after };
        let listed = self.accounts.transactions(customer.wallet, page, filter, at_least.0).await?;
        let Versioned { value: page, version } = listed;
        let data = TransactionsData {
            transactions: page.items.into_iter().map(line).collect(),
            page: PageInfo { next: page.next.map(Cursor::encode) },
        };
        Ok(WalletAnswer { data, version })
    }

    /// One transaction
    ///
    /// As the token's wallet sees it: of the other side of a transfer only the wallet's id is shown. 404 for a
    /// transaction of others.
    #[oai(path = "/wallet/transactions/:id", method = "get", operation_id = "get_transaction")]
    async fn get_transaction(
        &self,
        customer: Customer,
        /// The transaction.
        id: PathId,
        /// The oldest version that may be shown; 412 if the wallet has not reached it.
        #[oai(name = "Min-Wallet-Version")]
        at_least: MinWalletVersion,
    ) -> Result<WalletAnswer<200, TransactionData>, ApiError> {
        let id = OperationId(id.0);
        let found = self.accounts.transaction(customer.wallet, id, at_least.0).await?;
        let Versioned { value, version } = found;
        Ok(WalletAnswer { data: TransactionData { transaction: whole(value) }, version })
    }
}

fn whole(found: TransactionView) -> WholeTransaction {
    let TransactionView { item, currency, fee, note, counterparty, entries } = found;
    let entries: Vec<Entry> = entries.iter().map(entry).collect();
    let Transaction { id, status, transacted_at, kind, amount, reference_id } = line(item);
    WholeTransaction {
        id,
        status,
        transacted_at,
        kind,
        amount,
        fee,
        currency: currency.to_string(),
        reference_id,
        note,
        counterparty: counterparty.map(|wallet| Counterparty { wallet_id: wallet.0 }),
        balance_after: entries.last().map_or(0, |newest| newest.balance_after),
        entries,
    }
}

fn entry(found: &EntryView) -> Entry {
    let EntryView { version, kind, occurred_at, delta, after } = found;
    Entry {
        version: *version,
        step: kind.step().to_owned(),
        occurred_at: ApiTimestamp(*occurred_at),
        change: delta.total(),
        balance_after: after.total(),
        available_balance_after: after.available,
    }
}

/// The documentation of the operations, in addition to their types.
pub fn operation_docs() -> Vec<OperationDoc> {
    let transaction = example(Kind::Deposit, 10_000);
    let page = PageInfo { next: Some(Cursor(1).encode()) };
    let entry = Entry {
        version: 2,
        step: Kind::TransferOut.step().to_owned(),
        occurred_at: samples::timestamp(),
        change: -1_015,
        balance_after: 8_985,
        available_balance_after: 8_985,
    };
    let Transaction { id, status, transacted_at, kind, amount, reference_id } =
        example(Kind::TransferOut, 1_000);
    let whole = WholeTransaction {
        id,
        status,
        transacted_at,
        kind,
        amount,
        fee: 15,
        currency: "USD".to_owned(),
        reference_id,
        note: Some("Lunch".to_owned()),
        counterparty: Some(Counterparty { wallet_id: samples::id(RECIPIENT) }),
        balance_after: 8_985,
        entries: vec![entry],
    };
    let one = OperationDoc {
        id: "get_transaction",
        codes: &[SIGNED_IN, READING],
        request: None,
        answer: sample(&TransactionData { transaction: whole }),
    };
    let list = OperationDoc {
        id: "list_transactions",
        codes: &[SIGNED_IN, &[Code::ValidationFailed], READING],
        request: None,
        answer: sample(&TransactionsData { transactions: vec![transaction], page }),
    };
    vec![list, one]
}
