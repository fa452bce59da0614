//! What the bank reports becomes steps in the books. It may come twice, late, and from several processes at once: the ledger
//! judges under the wallet's lock, and books each end once.

use std::sync::Arc;

use super::{
    attempt::Booked,
    bank::{BankReport, BankStatus},
    payout::PayoutRef,
};
use crate::{
    kernel::{actor::Actor, ids::OperationId},
    ledger::{Action, Decision, EndPayout, Ledger, LedgerError, Operation, PayoutEnding, Refusal, Refusals},
};

/// Books what the bank reports of a payout that was submitted. A report that contradicts the books, or names another amount,
/// moves nothing.
pub(super) async fn book(
    ledger: &Arc<dyn Ledger>,
    payout: PayoutRef,
    report: BankReport,
) -> Result<Booked, LedgerError> {
    if report.amount != payout.amount {
        let reason = format!("the bank reports an amount of {}, {} is held", report.amount, payout.amount);
        return Ok(Booked::Contradiction(reason));
    }
    let actor = Actor::Worker("payouts".to_owned());
    match report.status {
        BankStatus::Pending => Ok(Booked::Open),
        BankStatus::Settled => end(ledger, payout, actor, PayoutEnding::Settled).await,
        BankStatus::Rejected(failure) => end(ledger, payout, actor, PayoutEnding::Returned(failure)).await,
        BankStatus::Bounced(failure) => {
            let settled = end(ledger, payout, actor.clone(), PayoutEnding::Settled).await?;
            match settled {
                Booked::Ended => end(ledger, payout, actor, PayoutEnding::Bounced(failure)).await,
                other => Ok(other),
            }
        }
    }
}

async fn end(
    ledger: &Arc<dyn Ledger>,
    payout: PayoutRef,
    actor: Actor,
    end: PayoutEnding,
) -> Result<Booked, LedgerError> {
    let decision = post(ledger, payout, actor, end, None).await?;
    Ok(match (end, decision) {
        (_, Ok(_))
        // The report came before.
        | (PayoutEnding::Settled, Err(Refusal::PayoutSettled | Refusal::PayoutReversed))
        | (PayoutEnding::Returned(_), Err(Refusal::PayoutReturned))
        | (PayoutEnding::Bounced(_), Err(Refusal::PayoutReversed)) => Booked::Ended,
        (_, Err(refusal)) => Booked::Contradiction(format!("the bank reports {}: {refusal}", word(end))),
    })
}

/// Asks the ledger to end a payout.
pub(super) async fn post(
    ledger: &Arc<dyn Ledger>,
    payout: PayoutRef,
    actor: Actor,
    end: PayoutEnding,
    reason: Option<String>,
) -> Result<Decision, LedgerError> {
    let operation = Operation {
        id: OperationId::generate(),
        actor,
        wallet: payout.wallet,
        action: Action::EndPayout(EndPayout { payout: payout.id, end, reason }),
        key: None,
        refusals: Refusals::NotStored,
    };
    Ok(ledger.post(operation).await?.decision)
}

fn word(end: PayoutEnding) -> String {
    match end {
        PayoutEnding::Settled => "settled".to_owned(),
        PayoutEnding::Returned(failure) => format!("rejected ({})", failure.word()),
        PayoutEnding::Bounced(failure) => format!("bounced ({})", failure.word()),
    }
}
