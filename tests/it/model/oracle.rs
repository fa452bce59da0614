//! The rules of the wallet once more, as plainly as they can be written, and with nothing of the service's own code.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::asked::Kind;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wallet {
    pub enabled: bool,
    pub balance: i64,
    pub version: i64,
    pub status_version: i64,
}

/// Every wallet; a wallet that was never touched is disabled and empty.
pub type Wallets = BTreeMap<Uuid, Wallet>;

/// What a decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub reference_is_used: bool,
    pub enabled: bool,
    pub balance: i64,
    pub is_recipient_itself: bool,
    pub recipient_is_enabled: bool,
}

/// What a transfer costs its sender beside the amount: 1.5 %, half a cent and more rounded up.
pub fn fee(kind: Kind, amount: i64) -> i64 {
    if kind == Kind::Transfer { (amount * 15 + 500) / 1_000 } else { 0 }
}

/// Why this is refused; none: it is done.
pub fn refusal(kind: Kind, amount: i64, view: View) -> Option<&'static str> {
    if kind == Kind::Enable {
        return view.enabled.then_some("already_enabled");
    }
    if kind == Kind::Disable {
        return (!view.enabled).then_some("already_disabled");
    }
    if view.reference_is_used {
        return Some("duplicate_reference");
    }
    if !view.enabled {
        return Some("wallet_disabled");
    }
    if kind == Kind::Transfer && view.is_recipient_itself {
        return Some("self_transfer");
    }
    if kind != Kind::Deposit && view.balance < amount + fee(kind, amount) {
        return Some("insufficient_funds");
    }
    if kind == Kind::Transfer && !view.recipient_is_enabled {
        return Some("recipient_unavailable");
    }
    None
}

/// Does what is asked.
pub fn effect(wallets: &mut Wallets, wallet: Uuid, kind: Kind, amount: i64, to: Option<Uuid>) {
    let own = wallets.entry(wallet).or_default();
    match kind {
        Kind::Enable => own.enabled = true,
        Kind::Disable => own.enabled = false,
        Kind::Deposit => own.balance += amount,
        Kind::Withdrawal | Kind::Transfer => own.balance -= amount + fee(kind, amount),
    }
    if kind.is_money() {
        own.version += 1;
    } else {
        own.status_version += 1;
    }
    if let Some(to) = to {
        let other = wallets.entry(to).or_default();
        other.balance += amount;
        other.version += 1;
    }
}
