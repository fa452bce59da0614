//! What can be ordered. A new kind of payment is a variant here, and its action in [`Payment::into_action`].

use uuid::Uuid;

use crate::{
    kernel::{
        ids::{OperationId, ReferenceId, WalletId},
        money::Amount,
    },
    ledger::{self, Action, Adjustment, Deposit, PlaceHold, RequestPayout},
};

/// An order about a wallet's money.
#[derive(Clone, Debug)]
pub struct Order {
    /// The wallet that it is about: the one that pays, where there are two.
    pub wallet: WalletId,
    pub payment: Payment,
}

/// What is to be done with the money. Amounts are in minor units.
#[derive(Clone, Debug)]
pub enum Payment {
    /// Money comes in from outside.
    Deposit(Deposit),
    /// Money goes out.
    Withdrawal { amount: Amount, reference: ReferenceId },
    /// Money goes to another wallet.
    Transfer(Transfer),
    /// Money is reserved.
    Hold(PlaceHold),
    /// Reserved money is taken.
    Capture(Capture),
    /// Reserved money is given up.
    Void { hold: OperationId },
    /// Money is reserved for a bank, which is to pay it.
    Payout(RequestPayout),
    /// The back office corrects the balance, whatever the wallet's status.
    Adjustment(Adjustment),
}

/// Money that is to go from one wallet to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// A wallet's id or a customer's xid; where a UUID is both, the wallet's id wins.
    pub to: Uuid,
    /// What the receiver gets; the sender pays the fee on top.
    pub amount: Amount,
    pub reference: ReferenceId,
    /// Shown to the receiver.
    pub note: Option<String>,
}

/// Reserved money that is to be taken. What is not taken may be spent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capture {
    pub hold: OperationId,
    /// None: as much as the hold covers, with the fee.
    pub amount: Option<Amount>,
    /// A wallet's id or a customer's xid, as of a transfer; none: the money goes out.
    pub to: Option<Uuid>,
    pub reference: ReferenceId,
}

impl Payment {
    /// The recipient that has to be looked up before the order can be decided.
    pub(super) const fn recipient(&self) -> Option<Uuid> {
        match self {
            Self::Transfer(transfer) => Some(transfer.to),
            Self::Capture(capture) => capture.to,
            Self::Deposit(_)
            | Self::Withdrawal { .. }
            | Self::Hold(_)
            | Self::Void { .. }
            | Self::Payout(_)
            | Self::Adjustment(_) => None,
        }
    }

    /// The action of the ledger. `found` is the recipient's wallet: the ledger refuses an unknown recipient in its order of
    /// decisions, after it has asked for this wallet as for any other. `fee_bps` is the fee of a transfer, in basis points.
    pub(super) fn into_action(self, found: Option<WalletId>, fee_bps: u32) -> Action {
        match self {
            Self::Deposit(deposit) => Action::Deposit(deposit),
            Self::Withdrawal { amount, reference } => Action::Withdraw { amount, reference },
            Self::Transfer(Transfer { to, amount, reference, note }) => Action::Transfer(ledger::Transfer {
                to: found.unwrap_or(WalletId(to)),
                amount,
                fee: amount.fee(fee_bps),
                reference,
                note,
            }),
            Self::Hold(hold) => Action::Hold(hold),
            Self::Capture(Capture { hold, amount, to, reference }) => Action::Capture(ledger::Capture {
                hold,
                amount,
                to: to.map(|to| found.unwrap_or(WalletId(to))),
                fee_bps,
                reference,
            }),
            Self::Void { hold } => Action::Void { hold },
            Self::Payout(payout) => Action::RequestPayout(payout),
            Self::Adjustment(adjustment) => Action::Adjust(adjustment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_costs_the_fee_and_names_the_wallet_that_was_found() {
        let (to, wallet) = (Uuid::from_u128(1), WalletId(Uuid::from_u128(2)));
        for (found, expected) in [(Some(wallet), wallet), (None, WalletId(to))] {
            let (amount, reference) = (Amount::try_new(1_000).unwrap(), ReferenceId(Uuid::from_u128(3)));
            let payment =
                Payment::Transfer(Transfer { to, amount, reference, note: Some("Lunch".to_owned()) });
            assert_eq!(payment.recipient(), Some(to));
            let Action::Transfer(action) = payment.into_action(found, 150) else { panic!("a transfer") };
            assert_eq!((action.to, action.amount, action.fee), (expected, amount, 15));
            assert_eq!((action.reference, action.note.as_deref()), (reference, Some("Lunch")));
        }
    }
}
