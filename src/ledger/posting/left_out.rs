//! The operations that a batch goes on without, because another session holds one of their wallets. Pure.

use std::{borrow::Cow, collections::HashSet};

use crate::{kernel::ids::WalletId, ledger::operation::Operation};

/// An operation of a batch that was left out, because another session holds one of its wallets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Its place in the batch.
    pub(super) place: usize,
    /// The wallet that is held; none: the operation shares a wallet or a key with one before it that was left out.
    pub(super) held: Option<WalletId>,
}

/// Which operations cannot be decided while these wallets are held: those that need one, and those after them that
/// share a wallet or a key with one that is left out, so that the order stays.
pub(super) fn leave_out(batch: &[&Operation], held: &[WalletId]) -> Vec<LeftOut> {
    let (mut wallets, mut keys) = (HashSet::<WalletId>::new(), HashSet::new());
    let mut left_out = Vec::new();
    for (place, operation) in batch.iter().enumerate() {
        let key = operation.key.as_ref().map(|key| &key.name);
        let is_held = operation.wallets().find(|wallet| held.contains(wallet));
        let is_behind = || {
            operation.wallets().any(|wallet| wallets.contains(&wallet))
                || key.is_some_and(|key| keys.contains(key))
        };
        if is_held.is_some() || is_behind() {
            wallets.extend(operation.wallets());
            keys.extend(key);
            left_out.push(LeftOut { place, held: is_held });
        }
    }
    left_out
}

/// The operations of a batch that are not left out.
pub(super) fn without<'a, 'b>(batch: &'b [&'a Operation], left_out: &[LeftOut]) -> Cow<'b, [&'a Operation]> {
    if left_out.is_empty() {
        return Cow::Borrowed(batch);
    }
    let is_left_out = |place: usize| left_out.binary_search_by_key(&place, |left_out| left_out.place).is_ok();
    batch
        .iter()
        .enumerate()
        .filter(|(place, _)| !is_left_out(*place))
        .map(|(_, operation)| *operation)
        .collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        kernel::{actor::Actor, ids::OperationId},
        ledger::operation::{Action, Key, KeyName, Refusals},
    };

    fn wallet(number: u128) -> WalletId {
        WalletId(Uuid::from_u128(number))
    }

    /// An operation on this wallet, with this key; 0: none.
    fn asked(number: u128, key: u8) -> Operation {
        let name = KeyName { actor: "a test".to_owned(), key: key.to_string() };
        Operation {
            id: OperationId::generate(),
            actor: Actor::Service("a test".to_owned()),
            wallet: wallet(number),
            action: Action::Enable,
            key: (key > 0).then_some(Key { name, request_hash: [0; 32] }),
            refusals: Refusals::Stored,
        }
    }

    #[test]
    fn what_needs_a_held_wallet_is_left_out_with_everything_that_comes_after_it() {
        let all = [asked(1, 0), asked(2, 7), asked(3, 7), asked(4, 8), asked(3, 0), asked(1, 9)];
        let batch: Vec<&Operation> = all.iter().collect();
        let left_out = leave_out(&batch, &[wallet(2)]);
        let found: Vec<_> = left_out.iter().map(|left_out| (left_out.place, left_out.held)).collect();
        assert_eq!(found, [(1, Some(wallet(2))), (2, None), (4, None)]);
        let rest: Vec<WalletId> =
            without(&batch, &left_out).iter().map(|operation| operation.wallet).collect();
        assert_eq!(rest, [wallet(1), wallet(4), wallet(1)]);
        assert!(leave_out(&batch, &[]).is_empty());
    }
}
