//! The rows of the prior state that say what is due in a wallet.

use serde::Deserialize;
use sqlx::{Row, postgres::PgRow, types::Json};
use uuid::Uuid;

use crate::{
    db::DbError,
    kernel::{
        clock::Timestamp,
        ids::{OperationId, WalletId},
    },
    ledger::{
        due_item::{DUE_MAX, DUE_MAX_OF_BATCH, DueItem, DueKind, WalletDue},
        kind::Kind,
    },
};

/// The payload of an open release or hold: those that are due, the oldest ones of each kind, and the next one of each.
#[derive(Deserialize)]
struct OpenItem {
    /// The kind of the step that ends it.
    kind: i16,
    transaction_id: Uuid,
    amount: i64,
    last_step: i32,
    is_due: bool,
}

/// What is due, by wallet. A wallet of which no row came has its moment still before it.
#[derive(Default)]
pub(super) struct DueRows(Vec<WalletDue>);

impl DueRows {
    /// Takes a row of this wallet; a wallet's rows come one after another. One without a payload says that nothing of the wallet is
    /// open.
    pub(super) fn push(&mut self, wallet: WalletId, row: &PgRow) -> Result<(), DbError> {
        if self.0.last().is_none_or(|last| last.wallet != wallet) {
            self.0.push(WalletDue { wallet, items: Vec::new(), next_due_at: None });
        }
        let payload: Option<Json<OpenItem>> = row.try_get("payload")?;
        let (Some(Json(open)), Some(due)) = (payload, self.0.last_mut()) else { return Ok(()) };
        let OpenItem { kind, transaction_id, amount, last_step, is_due } = open;
        let due_at: Timestamp = row.try_get("at")?;
        if is_due {
            let kind = if kind == Kind::Release.code() { DueKind::Release } else { DueKind::HoldExpiry };
            let transaction = OperationId(transaction_id);
            due.items.push(DueItem { kind, transaction, amount, due_at, last_step });
        } else {
            due.next_due_at = due.next_due_at.into_iter().chain([due_at]).min();
        }
        Ok(())
    }

    /// The oldest items of each wallet first. What is too much for a batch only says when the next one is due.
    pub(super) fn into_due(mut self) -> Vec<WalletDue> {
        let mut left = DUE_MAX_OF_BATCH;
        for due in &mut self.0 {
            due.items.sort_by_key(|item| (item.due_at, item.transaction.0));
            let most = left.min(DUE_MAX);
            let rest = due.items.get(most).map(|item| item.due_at);
            due.items.truncate(most);
            left -= due.items.len();
            due.next_due_at = due.next_due_at.into_iter().chain(rest).min();
        }
        self.0
    }
}
