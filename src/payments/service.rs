//! The service trait of the room.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use shaku::{Component, Interface};
use tokio::time::{Instant, timeout_at};

use super::{error::PaymentError, mode::Mode, order::Order, recipients::Recipients};
use crate::{
    accounts::Booking,
    cache::Freshness,
    db::{Database, DbError},
    kernel::ids::{OperationId, WalletId},
    ledger::{Action, Ledger, Outcome, Refusals, read::HoldView},
};

/// Where money is moved.
#[async_trait]
pub trait Payments: Interface {
    /// Books an order, or says what it would do. A refusal is an outcome. The outcome is of the order's own wallet, which is
    /// the sender of a transfer.
    async fn execute(&self, order: Order, mode: Mode) -> Result<Outcome, PaymentError>;

    /// A hold, whatever has become of it.
    async fn hold(&self, id: OperationId) -> Result<HoldView, PaymentError>;
}

/// Maximum time for the answer to a transfer once its recipient is known. A refusal that came late leaves less time for
/// the look-up that follows it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Payments over the ledger.
#[derive(Component)]
#[shaku(interface = Payments)]
pub struct PaymentsService {
    #[shaku(inject)]
    db: Arc<dyn Database>,
    #[shaku(inject)]
    ledger: Arc<dyn Ledger>,
    /// Knows when the books have begun another history, of which no recipient is remembered.
    freshness: Arc<Freshness>,
    recipients: Recipients,
    /// The fee of a transfer, in basis points of the amount.
    transfer_fee_bps: u32,
}

#[async_trait]
impl Payments for PaymentsService {
    async fn execute(&self, Order { wallet, payment }: Order, mode: Mode) -> Result<Outcome, PaymentError> {
        let Some(recipient) = payment.recipient() else {
            return self.post(wallet, payment.into_action(None, self.transfer_fee_bps), mode).await;
        };
        let recipients = self.recipients.of_history(self.freshness.histories());
        let found = recipients.find(self.db.internal_pool(), wallet, recipient).await?;
        let action = payment.into_action(found, self.transfer_fee_bps);
        let answer_by = Instant::now() + ANSWER_TIMEOUT;
        let outcome = self.post(wallet, action, mode).await?;
        if outcome.decision.is_err() {
            let looked_up = self.recipients.refused(self.db.internal_pool(), wallet, recipient);
            let late = |_| Err(DbError::Unavailable("no answer in time".to_owned()));
            timeout_at(answer_by, looked_up).await.unwrap_or_else(late)?;
        }
        Ok(outcome)
    }

    async fn hold(&self, id: OperationId) -> Result<HoldView, PaymentError> {
        self.ledger.hold(id).await?.ok_or(PaymentError::HoldNotFound)
    }
}

impl PaymentsService {
    async fn post(&self, wallet: WalletId, action: Action, mode: Mode) -> Result<Outcome, PaymentError> {
        Ok(match mode {
            Mode::Book(booking) => self.ledger.post(booking.operation(wallet, action)).await?,
            Mode::DryRun(actor) => {
                let booking = Booking { actor, key: None, refusals: Refusals::NotStored };
                self.ledger.preview(booking.operation(wallet, action)).await?
            }
        })
    }
}
