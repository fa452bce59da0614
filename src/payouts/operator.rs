//! What an operator sees of payouts, and decides when the worker cannot.

use std::sync::Arc;

use super::{booking::post, error::PayoutError, payout::ListedPayout, store};
use crate::{
    db::Pool,
    kernel::{actor::Actor, ids::OperationId},
    ledger::{Ledger, PayoutEnding},
};

/// The payouts that need attention, or all that are open; at most `limit`, the oldest first.
pub async fn list(
    db: &Pool,
    only_needing_attention: bool,
    limit: i64,
) -> Result<Vec<ListedPayout>, PayoutError> {
    Ok(store::list(db, only_needing_attention, limit).await?)
}

/// Has the worker take up a payout that needs attention; one that has ended needs none any more.
pub async fn retry(db: &Pool, id: OperationId) -> Result<(), PayoutError> {
    if store::retry(db, id).await? { Ok(()) } else { Err(PayoutError::NeedsNoAttention) }
}

/// Books the end of a payout that the operator has learnt from the bank. While it is decided the worker is kept away; a payout that
/// the worker still works on, or that the bank may still pay, is refused.
pub async fn end(
    db: &Pool,
    ledger: &Arc<dyn Ledger>,
    id: OperationId,
    end: PayoutEnding,
    operator: &str,
    reason: &str,
) -> Result<(), PayoutError> {
    let named = store::named(db, id).await?.ok_or(PayoutError::NotFound)?;
    let note = format!("operator {operator}: {reason}");
    // The ledger says how one has ended.
    if !named.is_closed && !store::hold_back(db, id, note.clone()).await? {
        return Err(PayoutError::AtWork);
    }
    let actor = Actor::Operator(operator.to_owned());
    let decision = post(ledger, named.payout, actor, end, Some(reason.to_owned())).await?;
    decision.map_err(PayoutError::Refused)?;
    Ok(store::ended(db, id, note).await?)
}
