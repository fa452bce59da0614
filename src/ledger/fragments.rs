//! Parts of SQL that several statements share, so that each rule stands once. They read an entry `e` and its transaction `t`.
//!
//! They are texts and no view: the statements fence each look-up (docs/decisions/0003-the-loops-statements.md), and a view's joins
//! would be planned anew around the fences.

/// The status of an entry: what it says by itself, never what its transaction became later. A withdrawal that was refused has an
/// entry of zero.
macro_rules! entry_status {
    () => {
        "case when e.kind = 2 and e.delta_available = 0 and e.delta_held = 0 and e.delta_unreleased = 0
            then 2::int2 else 0::int2 end"
    };
}

/// The reference, for the side that gave it: the receiver of a transfer (kind 4) does not see the sender's.
macro_rules! visible_reference {
    () => {
        "case when e.kind <> 4 then t.reference_id end"
    };
}

/// The fee, for the side that paid it.
macro_rules! visible_fee {
    () => {
        "case when e.kind <> 4 then t.fee else 0 end"
    };
}

/// The columns of a line, out of an entry `e` and its transaction `t`.
macro_rules! entry_line {
    () => {
        concat!(
            "e.version, e.kind, e.occurred_at, t.id, t.amount,
       ",
            $crate::ledger::fragments::entry_status!(),
            " as status,
       ",
            $crate::ledger::fragments::visible_reference!(),
            " as reference_id"
        )
    };
}

pub(super) use {entry_line, entry_status, visible_fee, visible_reference};

#[cfg(test)]
mod tests {
    use crate::ledger::{entry::TransactionStatus, kind::Kind};

    #[test]
    fn the_numbers_are_those_of_the_types() {
        assert_eq!(Kind::Withdrawal.code(), 2);
        assert_eq!(Kind::TransferIn.code(), 4);
        assert_eq!((TransactionStatus::Completed.code(), TransactionStatus::Refused.code()), (0, 2));
    }
}
