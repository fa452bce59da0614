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
    ledger::release::{DUE_MAX, DueItem, WalletDue},
};

/// The payload of an open release: those that are due, the oldest ones, and the next one.
#[derive(Deserialize)]
struct OpenRelease {
    transaction_id: Uuid,
    amount: i64,
    last_step: i32,
    is_due: bool,
}

/// What is due, by wallet. A wallet of which no row came has its moment still before it.
#[derive(Default)]
pub(super) struct DueRows(Vec<WalletDue>);

impl DueRows {
    /// Takes a row of this wallet; a wallet's rows come one after another, the oldest due ones first. One without a payload says
    /// that nothing of the wallet is open.
    pub(super) fn push(&mut self, wallet: WalletId, row: &PgRow) -> Result<(), DbError> {
        if self.0.last().is_none_or(|last| last.wallet != wallet) {
            self.0.push(WalletDue { wallet, items: Vec::new(), next_due_at: None });
        }
        let payload: Option<Json<OpenRelease>> = row.try_get("payload")?;
        let (Some(Json(open)), Some(due)) = (payload, self.0.last_mut()) else { return Ok(()) };
        let due_at: Timestamp = row.try_get("at")?;
        if open.is_due && due.items.len() < DUE_MAX {
            let OpenRelease { transaction_id, amount, last_step, .. } = open;
            due.items.push(DueItem { transaction: OperationId(transaction_id), amount, due_at, last_step });
        } else {
            due.next_due_at = Some(due.next_due_at.map_or(due_at, |next| next.min(due_at)));
        }
        Ok(())
    }

    pub(super) fn into_due(self) -> Vec<WalletDue> {
        self.0
    }
}
