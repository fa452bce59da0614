//! The result of a command, and the answer that it becomes.

use uuid::Uuid;

use super::{
    api_error::ApiError,
    balance::Balance,
    document::samples::{self, TRANSACTION},
    envelope::PostedAnswer,
    scalars::ApiTimestamp,
};
use crate::ledger::{Done, Preview, Receipt, StatusReceipt};

/// What a command did.
pub struct Executed {
    pub done: Done,
    /// It is the stored response to an earlier request with the same key.
    pub replayed: bool,
}

/// Money that was booked, or would be.
pub struct MovedMoney {
    /// The transaction; none in a dry run.
    pub id: Option<Uuid>,
    pub at: ApiTimestamp,
    /// Minor units.
    pub amount: i64,
    pub fee: i64,
    /// When a deposit that waits can be spent, or a hold expires.
    pub due_at: Option<ApiTimestamp>,
    pub balance: Balance,
}

impl MovedMoney {
    /// An example for the document. Amount and fee are in minor units.
    pub fn sample(amount: i64, fee: i64, balance: Balance) -> Self {
        let (id, at) = (Some(samples::id(TRANSACTION)), samples::timestamp());
        Self { id, at, amount, fee, due_at: None, balance }
    }
}

impl Executed {
    /// The answer about money: 200 for a dry run, otherwise `STATUS`.
    pub fn money<const STATUS: u16, T>(
        self,
        data: impl FnOnce(MovedMoney) -> T,
    ) -> Result<PostedAnswer<STATUS, T>, ApiError> {
        let Self { done, replayed } = self;
        let (id, occurred_at, amount, fee, due_at) = match done {
            Done::Money(Receipt { id, occurred_at, amount, fee, due_at, .. }) => {
                (Some(id.0), occurred_at, amount, fee, due_at)
            }
            Done::Preview(Preview { occurred_at, amount, fee, due_at, .. }) => {
                (None, occurred_at, amount, fee, due_at)
            }
            Done::Status(_) | Done::Settled(_) => {
                return Err(ApiError::internal("another answer than one of money"));
            }
        };
        let balance = Balance::from(done.balance());
        let version = balance.version;
        let (at, due_at) = (ApiTimestamp(occurred_at), due_at.map(ApiTimestamp));
        let data = data(MovedMoney { id, at, amount, fee, due_at, balance });
        Ok(PostedAnswer { data, version, replayed, is_dry_run: id.is_none() })
    }

    /// The answer about a changed status.
    pub fn status<const STATUS: u16, T>(
        self,
        data: impl FnOnce(&StatusReceipt) -> T,
    ) -> Result<PostedAnswer<STATUS, T>, ApiError> {
        let Done::Status(receipt) = self.done else {
            return Err(ApiError::internal("money in place of a status change"));
        };
        let version = receipt.balance.version;
        Ok(PostedAnswer { data: data(&receipt), version, replayed: self.replayed, is_dry_run: false })
    }
}
