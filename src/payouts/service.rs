//! The service trait of the room.

use std::sync::Arc;

use async_trait::async_trait;
use shaku::{Component, Interface};
use tracing::warn;

use super::{
    attempt::Booked, bank::BankReport, booking::book, error::PayoutError, queue::PayoutQueue, store,
};
use crate::{db::Database, kernel::ids::OperationId, ledger::Ledger};

/// What happens to payouts beside their request.
#[async_trait]
pub trait Payouts: Interface {
    /// Whether another payout may be requested: there is a bank, and not too many wait. Asked before any work.
    fn admit(&self) -> Result<(), PayoutError>;

    /// Takes a report that the bank has sent by itself. It may come before the answer to the submission, twice, or late.
    async fn report(&self, id: OperationId, report: BankReport) -> Result<Reception, PayoutError>;
}

/// What became of the bank's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// The books have what it says, now or since before.
    Booked,
    /// It says that nothing is decided yet.
    Open,
    /// It contradicts the books: nothing was booked, and an operator has to decide.
    NeedsAttention,
}

/// Payouts over the ledger and Postgres.
#[derive(Component)]
#[shaku(interface = Payouts)]
pub struct PayoutsService {
    #[shaku(inject)]
    db: Arc<dyn Database>,
    #[shaku(inject)]
    ledger: Arc<dyn Ledger>,
    queue: Arc<PayoutQueue>,
}

#[async_trait]
impl Payouts for PayoutsService {
    fn admit(&self) -> Result<(), PayoutError> {
        self.queue.admit()
    }

    async fn report(&self, id: OperationId, report: BankReport) -> Result<Reception, PayoutError> {
        let db = self.db.internal_pool();
        let named = store::named(db, id).await?.ok_or(PayoutError::NotFound)?;
        let booked = if named.is_submitted {
            book(&self.ledger, named.payout, report).await?
        } else {
            Booked::Contradiction("the bank reports a payout that it was never sent".to_owned())
        };
        match booked {
            Booked::Open => Ok(Reception::Open),
            Booked::Ended => {
                store::done(db, id, "reported by the bank".to_owned()).await?;
                Ok(Reception::Booked)
            }
            Booked::Contradiction(reason) => {
                warn!(payout = %id, reason, "the bank contradicts the books; nothing is booked");
                store::needs_attention(db, id, reason).await?;
                Ok(Reception::NeedsAttention)
            }
        }
    }
}
