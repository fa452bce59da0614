//! The face of the wallet room.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_trait::async_trait;
use metrics::{Counter, counter};
use shaku::{Component, Interface};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::{error::WalletError, recipients::Recipients, store};
use crate::{
    cache::{BalanceCache, Freshness, Lookup, StatusView, ViewPart, WalletView},
    db::{Database, DbError},
    kernel::{
        actor::Actor,
        currency::Currency,
        ids::{OperationId, ReferenceId, WalletId, Xid},
        money::Amount,
        page::{Page, PageRequest},
    },
    ledger::{
        Action, Adjustment, Done, Key, LargestTransfers, Ledger, Operation, Outcome, Refusals, Status,
        Transfer,
        read::{Filter, HistoryItem, TransactionView},
    },
};

/// A wallet and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedWallet {
    pub wallet: WalletId,
    pub owner: Xid,
}

/// How something is to be booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Who asks.
    pub actor: Actor,
    /// The client's Idempotency-Key, if it sent one.
    pub key: Option<Key>,
    pub refusals: Refusals,
}

/// How a request about money is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    Book(Booking),
    /// Only say what would happen. Nothing is stored.
    DryRun(Actor),
}

impl Mode {
    /// What becomes of a refusal; none: it is a dry run's.
    #[must_use]
    pub const fn refusals(&self) -> Option<Refusals> {
        match self {
            Self::Book(booking) => Some(booking.refusals),
            Self::DryRun(_) => None,
        }
    }
}

/// How a wallet's status is to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusOrder {
    /// The wallet may be used.
    Enable,
    /// The wallet may not be used.
    Disable,
    /// Nothing may be done with the wallet's money until it is unfrozen.
    Freeze { reason: String },
    /// The wallet may be used again as its status says.
    Unfreeze { reason: String },
}

impl From<StatusOrder> for Action {
    fn from(order: StatusOrder) -> Self {
        match order {
            StatusOrder::Enable => Self::Enable,
            StatusOrder::Disable => Self::Disable,
            StatusOrder::Freeze { reason } => Self::Freeze { reason },
            StatusOrder::Unfreeze { reason } => Self::Unfreeze { reason },
        }
    }
}

/// Money that is to go from one wallet to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferOrder {
    pub from: WalletId,
    /// A wallet's id or a customer's xid; where a UUID is both, the wallet's id wins.
    pub to: Uuid,
    /// What the receiver gets; the sender pays the fee beside it.
    pub amount: Amount,
    pub reference: ReferenceId,
    /// Shown to the receiver.
    pub note: Option<String>,
}

/// What a customer can do with a wallet.
#[async_trait]
pub trait Wallets: Interface {
    /// The customer's wallet in this currency, or in the default one; customer and wallet are made if they are not there.
    async fn open(&self, owner: Xid, currency: Option<Currency>) -> Result<OwnedWallet, WalletError>;

    /// The wallet as it stands, at version `at_least` or later. A disabled wallet is shown too: the caller refuses
    /// those who may not see it.
    async fn view(&self, wallet: WalletId, at_least: Option<i64>) -> Result<WalletView, WalletError>;

    /// Changes whether the wallet may be used; its money stays.
    async fn change_status(
        &self,
        wallet: OwnedWallet,
        order: StatusOrder,
        booking: Booking,
    ) -> Result<Outcome, WalletError>;

    /// Brings money in.
    async fn deposit(
        &self,
        wallet: WalletId,
        amount: Amount,
        reference: ReferenceId,
        mode: Mode,
    ) -> Result<Outcome, WalletError>;

    /// Takes money out.
    async fn withdraw(
        &self,
        wallet: WalletId,
        amount: Amount,
        reference: ReferenceId,
        mode: Mode,
    ) -> Result<Outcome, WalletError>;

    /// Corrects a wallet's balance, whatever its status.
    async fn adjust(
        &self,
        wallet: WalletId,
        adjustment: Adjustment,
        mode: Mode,
    ) -> Result<Outcome, WalletError>;

    /// Moves money to another wallet. Answers with the sender's wallet after it, and the fee.
    async fn transfer(&self, order: TransferOrder, mode: Mode) -> Result<Outcome, WalletError>;

    /// What was booked on an enabled wallet, newest first, at version `at_least` or later.
    async fn transactions(
        &self,
        wallet: WalletId,
        page: PageRequest,
        filter: Filter,
        at_least: Option<i64>,
    ) -> Result<(WalletView, Page<HistoryItem>), WalletError>;

    /// A transaction of an enabled wallet, as that wallet sees it.
    async fn transaction(
        &self,
        wallet: WalletId,
        id: OperationId,
        at_least: Option<i64>,
    ) -> Result<(WalletView, TransactionView), WalletError>;

    /// The largest transfers of an enabled wallet, at most `limit` each way, at version `at_least` or later.
    async fn top_transfers(
        &self,
        wallet: WalletId,
        limit: u16,
        at_least: Option<i64>,
    ) -> Result<LargestTransfers, WalletError>;
}

/// Within which a transfer is answered once its recipient is known: a refusal that came late leaves less time for what follows it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Where balances were read. Looking a series up costs more than the rest of a read's counting.
static FROM_CACHE: LazyLock<Counter> =
    LazyLock::new(|| counter!("wallet_balance_reads_total", "from" => "cache"));
static FROM_POSTGRES: LazyLock<Counter> =
    LazyLock::new(|| counter!("wallet_balance_reads_total", "from" => "postgres"));

/// The wallets over the ledger, Postgres and the cache.
#[derive(Component)]
#[shaku(interface = Wallets)]
pub struct WalletService {
    #[shaku(inject)]
    db: Arc<dyn Database>,
    #[shaku(inject)]
    ledger: Arc<dyn Ledger>,
    #[shaku(inject)]
    cache: Arc<dyn BalanceCache>,
    freshness: Arc<Freshness>,
    currency: Currency,
    /// What a transfer costs its sender, in basis points of the amount.
    transfer_fee_bps: u32,
    recipients: Recipients,
}

#[async_trait]
impl Wallets for WalletService {
    async fn open(&self, owner: Xid, currency: Option<Currency>) -> Result<OwnedWallet, WalletError> {
        let currency = currency.unwrap_or(self.currency);
        let wallet = store::open(self.db.connection(), owner, currency).await?;
        Ok(OwnedWallet { wallet, owner })
    }

    async fn view(&self, wallet: WalletId, at_least: Option<i64>) -> Result<WalletView, WalletError> {
        let new_enough = |view: &WalletView| at_least.is_none_or(|version| view.money.version >= version);
        let mut ticket = None;
        if self.freshness.cache_may_answer() {
            match self.cache.get(wallet).await {
                // Judged again after the answer: the process may have stood still while the cache was asked.
                Ok(Lookup::Hit(view)) if new_enough(&view) && self.freshness.cache_may_answer() => {
                    FROM_CACHE.increment(1);
                    return Ok(view);
                }
                Ok(Lookup::Miss(taken)) => ticket = Some(taken),
                // Too old for this reader. A cache that is away is no error of the reader's: it has counted and
                // logged it itself.
                Ok(Lookup::Hit(_)) | Err(_) => {}
            }
        }
        let view = store::view(self.db.connection(), wallet).await?.ok_or(WalletError::NotFound)?;
        FROM_POSTGRES.increment(1);
        if !new_enough(&view) {
            return Err(WalletError::VersionNotReached { current: view.money.version });
        }
        if let Some(ticket) = ticket {
            let _ = self.cache.fill(&[(ticket, view)]).await;
        }
        Ok(view)
    }

    /// A status does not lag: it is in the cache before the caller is answered. Where the cache cannot be written, the
    /// refresher writes it later.
    async fn change_status(
        &self,
        of: OwnedWallet,
        order: StatusOrder,
        booking: Booking,
    ) -> Result<Outcome, WalletError> {
        let outcome = self.move_money(of.wallet, order.into(), Mode::Book(booking)).await?;
        if let Ok(Done::Status(receipt)) = &outcome.decision {
            let status = StatusView {
                enabled: receipt.status == Status::Enabled,
                frozen: receipt.frozen,
                enabled_at: receipt.enabled_at,
                disabled_at: receipt.disabled_at,
                version: receipt.status_version,
            };
            let _ = self.cache.refresh(&[(of.wallet, ViewPart::Status { owner: of.owner, status })]).await;
        }
        Ok(outcome)
    }

    async fn deposit(
        &self,
        wallet: WalletId,
        amount: Amount,
        reference: ReferenceId,
        mode: Mode,
    ) -> Result<Outcome, WalletError> {
        self.move_money(wallet, Action::Deposit { amount, reference }, mode).await
    }

    async fn withdraw(
        &self,
        wallet: WalletId,
        amount: Amount,
        reference: ReferenceId,
        mode: Mode,
    ) -> Result<Outcome, WalletError> {
        self.move_money(wallet, Action::Withdraw { amount, reference }, mode).await
    }

    async fn adjust(
        &self,
        wallet: WalletId,
        adjustment: Adjustment,
        mode: Mode,
    ) -> Result<Outcome, WalletError> {
        self.move_money(wallet, Action::Adjust(adjustment), mode).await
    }

    async fn transfer(&self, order: TransferOrder, mode: Mode) -> Result<Outcome, WalletError> {
        let TransferOrder { from, to, amount, reference, note } = order;
        let found = self
            .recipients
            .of_history(self.freshness.histories())
            .find(self.db.internal_pool(), from, to)
            .await?;
        // The ledger refuses an unknown recipient in its order of decisions, after it has asked for this wallet as for any
        // other.
        let transfer = Transfer {
            to: found.unwrap_or(WalletId(to)),
            amount,
            fee: amount.fee(self.transfer_fee_bps),
            reference,
            note,
        };
        let answer_by = Instant::now() + ANSWER_TIMEOUT;
        let outcome = self.move_money(from, Action::Transfer(transfer), mode).await?;
        if outcome.decision.is_err() {
            let looked_up = self.recipients.refused(self.db.internal_pool(), from, to);
            let late = |_| Err(DbError::Away("no answer in time".to_owned()));
            timeout_at(answer_by, looked_up).await.unwrap_or_else(late)?;
        }
        Ok(outcome)
    }

    async fn transactions(
        &self,
        wallet: WalletId,
        page: PageRequest,
        filter: Filter,
        at_least: Option<i64>,
    ) -> Result<(WalletView, Page<HistoryItem>), WalletError> {
        let view = self.enabled(wallet, at_least).await?;
        Ok((view, self.ledger.history(wallet, page, &filter).await?))
    }

    async fn transaction(
        &self,
        wallet: WalletId,
        id: OperationId,
        at_least: Option<i64>,
    ) -> Result<(WalletView, TransactionView), WalletError> {
        let view = self.enabled(wallet, at_least).await?;
        let transaction = self.ledger.transaction(wallet, id).await?;
        Ok((view, transaction.ok_or(WalletError::NotFound)?))
    }

    async fn top_transfers(
        &self,
        wallet: WalletId,
        limit: u16,
        at_least: Option<i64>,
    ) -> Result<LargestTransfers, WalletError> {
        self.enabled(wallet, at_least).await?;
        Ok(self.ledger.top_transfers(wallet, limit).await?)
    }
}

impl WalletService {
    /// The wallet, if it may be looked into.
    async fn enabled(&self, wallet: WalletId, at_least: Option<i64>) -> Result<WalletView, WalletError> {
        let view = self.view(wallet, at_least).await?;
        if view.status.enabled { Ok(view) } else { Err(WalletError::Disabled) }
    }

    async fn move_money(&self, wallet: WalletId, action: Action, mode: Mode) -> Result<Outcome, WalletError> {
        let id = OperationId::generate();
        Ok(match mode {
            Mode::Book(Booking { actor, key, refusals }) => {
                self.ledger.post(Operation { id, actor, wallet, action, key, refusals }).await?
            }
            Mode::DryRun(actor) => {
                let refusals = Refusals::NotStored;
                self.ledger.preview(Operation { id, actor, wallet, action, key: None, refusals }).await?
            }
        })
    }
}
