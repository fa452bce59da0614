//! Parts of SQL that several statements share, so that each rule is written once. They read an entry `e`, its transaction `t`,
//! and its step `s` (see [`step!`]).
//!
//! They are texts and no view: the statements fence each look-up (docs/decisions/0003-the-loops-statements.md), and a view's joins
//! would be planned again around the fences.

/// The status of an entry: what it says by itself, never what its transaction became later. A withdrawal that was refused has an
/// entry of zero.
macro_rules! entry_status {
    () => {
        "case when e.kind = 2 and e.delta_available = 0 and e.delta_held = 0 and e.delta_unreleased = 0 then 2::int2
            when e.kind in (6, 12) then 1::int2 when e.kind in (10, 11, 14) then 2::int2 else 0::int2 end"
    };
}

/// The status of an entry's transaction now, for lists: that of a hold or a payout is its newest step's.
macro_rules! transaction_status {
    () => {
        concat!(
            "case when e.kind in (6, 12) then coalesce((
                select case when f.kind in (10, 11, 14) then 2::int2 else 0::int2 end
                from steps f where f.transaction_id = e.transaction_id order by f.n desc limit 1), 1::int2)
            else ",
            $crate::ledger::fragments::entry_status!(),
            " end"
        )
    };
}

/// The step of an entry that is not one of its transaction's first: nulls for those. Where `e` is a first one, the look-up is not
/// made.
macro_rules! step {
    () => {
        "left join lateral (
    select * from steps s
    where s.transaction_id = e.transaction_id
      and ((s.wallet_id = e.wallet_id and s.version = e.version)
           or (s.other_wallet_id = e.wallet_id and s.other_version = e.version))
      and (t.wallet_id, t.version) is distinct from (e.wallet_id, e.version)
      and (t.other_wallet_id, t.other_version) is distinct from (e.wallet_id, e.version)
    offset 0) s on true"
    };
}

/// The amount of an entry's step.
macro_rules! step_amount {
    () => {
        "coalesce(s.amount, t.amount)"
    };
}

/// The version of a transaction's first entry on the wallet of `e`: where a list shows the transaction.
macro_rules! first_version {
    () => {
        "case when t.wallet_id = e.wallet_id then t.version when t.other_wallet_id = e.wallet_id then t.other_version
         else (select case when f.wallet_id = e.wallet_id then f.version else f.other_version end
               from steps f where f.transaction_id = t.id and e.wallet_id in (f.wallet_id, f.other_wallet_id)
               order by f.n limit 1) end"
    };
}

/// The reference, for the side that gave it: the receiver of a transfer or of a capture (kinds 4 and 9) does not see the sender's.
macro_rules! visible_reference {
    () => {
        "case when e.kind not in (4, 9) then case when s.id is null then t.reference_id else s.reference_id end end"
    };
}

/// The fee, for the side that paid it.
macro_rules! visible_fee {
    () => {
        "case when e.kind not in (4, 9) then coalesce(s.fee, t.fee) else 0 end"
    };
}

/// The columns of a line.
macro_rules! entry_line {
    () => {
        concat!(
            "e.version, e.kind, e.occurred_at, t.id, ",
            $crate::ledger::fragments::step_amount!(),
            " as amount,
       ",
            $crate::ledger::fragments::transaction_status!(),
            " as status,
       ",
            $crate::ledger::fragments::visible_reference!(),
            " as reference_id"
        )
    };
}

pub(super) use {
    entry_line, entry_status, first_version, step, step_amount, transaction_status, visible_fee,
    visible_reference,
};

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
