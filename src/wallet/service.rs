//! The face of the wallet room.

use std::sync::Arc;

use async_trait::async_trait;
use shaku::{Component, Interface};

use super::{error::WalletError, store};
use crate::{
    cache::{BalanceCache, Freshness, WalletView},
    db::Database,
    kernel::{
        currency::Currency,
        ids::{OperationId, ReferenceId, WalletId, Xid},
        money::Amount,
        page::{Page, PageRequest},
    },
    ledger::{Action, Ledger, Operation, Receipt, history::HistoryItem},
};

/// A customer's wallet, just opened or opened before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedWallet {
    pub wallet: WalletId,
    pub owner: Xid,
}

/// What a customer can do with a wallet.
#[async_trait]
pub trait Wallets: Interface {
    /// The customer's wallet; customer and wallet are made if they are not there.
    async fn open(&self, owner: Xid) -> Result<OpenedWallet, WalletError>;

    /// The wallet as it stands, at version `at_least` or later. A disabled wallet is shown too; whoever may not see
    /// it is refused by the caller.
    async fn view(&self, wallet: WalletId, at_least: Option<i64>) -> Result<WalletView, WalletError>;

    /// Lets the wallet be used. Answers with the wallet after it.
    async fn enable(&self, wallet: WalletId, actor: &str) -> Result<Receipt, WalletError>;

    /// Keeps the wallet from being used; its money stays. Answers with the wallet after it.
    async fn disable(&self, wallet: WalletId, actor: &str) -> Result<Receipt, WalletError>;

    /// Brings money in.
    async fn deposit(&self, wallet: WalletId, amount: Amount, reference: ReferenceId) -> Result<Receipt, WalletError>;

    /// Takes money out.
    async fn withdraw(&self, wallet: WalletId, amount: Amount, reference: ReferenceId) -> Result<Receipt, WalletError>;

    /// What was booked on an enabled wallet, newest first, at version `at_least` or later.
    async fn transactions(
        &self,
        wallet: WalletId,
        page: PageRequest,
        at_least: Option<i64>,
    ) -> Result<(WalletView, Page<HistoryItem>), WalletError>;
}
