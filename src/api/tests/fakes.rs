//! Faces without a database behind them: the rules of money are the real ones, kept in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    api::health::{Dependency, HealthReport, HealthSource, HealthStatus},
    cache::{MoneyView, StatusView, WalletView},
    identity::{Identity, IdentityError, Principal, Scope, Unauthorized},
    kernel::{
        clock::Timestamp,
        ids::{OperationId, ReferenceId, WalletId, Xid},
        money::Amount,
        page::{Cursor, Page, PageRequest},
    },
    ledger::{
        Action, Buckets, LedgerError, Operation, Receipt, Status, WalletState, book::Book,
        entry::TransactionStatus, history::HistoryItem, operation::ReferenceKey,
    },
    wallet::{OwnedWallet, WalletError, Wallets},
};

/// What the next call answers instead of doing anything.
pub type Trouble = Box<dyn FnOnce() -> WalletError + Send>;

#[derive(Default)]
pub struct FakeWallets {
    kept: Mutex<HashMap<WalletId, Kept>>,
    pub trouble: Mutex<Option<Trouble>>,
}

struct Kept {
    owner: Xid,
    state: WalletState,
    references: HashMap<ReferenceKey, OperationId>,
    history: Vec<HistoryItem>,
}

/// Long after 1970, and with a part of a millisecond that no answer shows.
pub fn moment() -> Timestamp {
    Timestamp::from_timestamp_micros(1_800_000_000_123_456).unwrap()
}

impl FakeWallets {
    fn kept(&self) -> Result<MutexGuard<'_, HashMap<WalletId, Kept>>, WalletError> {
        // The lock is given back first: the trouble may be a panic.
        let trouble = self.trouble.lock().unwrap().take();
        match trouble {
            Some(trouble) => Err(trouble()),
            None => Ok(self.kept.lock().unwrap()),
        }
    }

    /// All balances together: whether anything has moved.
    pub fn balances(&self) -> i64 {
        self.kept.lock().unwrap().values().map(|kept| kept.state.buckets.total()).sum()
    }

    pub fn freeze(&self, wallet: WalletId) {
        self.kept.lock().unwrap().get_mut(&wallet).unwrap().state.frozen_at = Some(moment());
    }

    fn post(&self, wallet: WalletId, action: Action) -> Result<Receipt, WalletError> {
        let mut all = self.kept()?;
        let refused = |refusal| WalletError::Ledger(LedgerError::Refused(refusal));
        let kept = all.get_mut(&wallet).ok_or(WalletError::NotFound)?;
        let operation = Operation { id: OperationId::generate(), wallet, action };
        let mut book = Book::new([kept.state.clone()], kept.references.clone());
        let decision = book.apply(&operation, moment());
        let changes = book.into_changes();
        for transaction in changes.transactions {
            if transaction.status == TransactionStatus::Completed {
                kept.references.extend(operation.reference().map(|key| (key, operation.id)));
            }
            kept.history.insert(
                0,
                HistoryItem {
                    id: transaction.id,
                    kind: transaction.kind,
                    status: transaction.status,
                    amount: transaction.amount,
                    reference: transaction.reference,
                    occurred_at: transaction.created_at,
                    version: transaction.version,
                },
            );
        }
        for changed in changes.wallets.into_iter().chain(changes.statuses) {
            kept.state = changed.after;
        }
        decision.map_err(refused)
    }
}

fn view(kept: &Kept) -> WalletView {
    let state = &kept.state;
    WalletView {
        id: state.id,
        owner: kept.owner,
        currency: state.currency,
        money: MoneyView {
            available: state.buckets.available,
            held: state.buckets.held,
            unreleased: state.buckets.unreleased,
            version: state.version,
        },
        status: StatusView {
            enabled: state.status == Status::Enabled,
            frozen: state.frozen_at.is_some(),
            enabled_at: state.enabled_at,
            disabled_at: state.disabled_at,
            version: state.status_version,
        },
    }
}

#[async_trait]
impl Wallets for FakeWallets {
    async fn open(&self, owner: Xid) -> Result<OwnedWallet, WalletError> {
        let mut all = self.kept()?;
        // A wallet has its customer's number, so that a token can be made up for it.
        let id = WalletId(owner.0);
        let state = WalletState {
            id,
            currency: "USD".parse().unwrap(),
            status: Status::Disabled,
            frozen_at: None,
            status_version: 0,
            enabled_at: None,
            disabled_at: None,
            buckets: Buckets::default(),
            version: 0,
            head_hash: [0; 32],
            last_entry_at: None,
        };
        all.entry(id).or_insert(Kept { owner, state, references: HashMap::new(), history: vec![] });
        Ok(OwnedWallet { wallet: id, owner })
    }

    async fn view(&self, wallet: WalletId, at_least: Option<i64>) -> Result<WalletView, WalletError> {
        let view = view(self.kept()?.get(&wallet).ok_or(WalletError::NotFound)?);
        if at_least.is_some_and(|version| version > view.money.version) {
            return Err(WalletError::VersionNotReached { current: view.money.version });
        }
        Ok(view)
    }

    async fn rebuild_cache(&self) -> Result<u64, WalletError> {
        Ok(0)
    }

    async fn enable(&self, wallet: OwnedWallet, actor: &str) -> Result<Receipt, WalletError> {
        self.post(wallet.wallet, Action::Enable { actor: actor.to_owned() })
    }

    async fn disable(&self, wallet: OwnedWallet, actor: &str) -> Result<Receipt, WalletError> {
        self.post(wallet.wallet, Action::Disable { actor: actor.to_owned() })
    }

    async fn deposit(
        &self,
        wallet: WalletId,
        amount: Amount,
        reference: ReferenceId,
    ) -> Result<Receipt, WalletError> {
        self.post(wallet, Action::Deposit { amount, reference })
    }

    async fn withdraw(
        &self,
        wallet: WalletId,
        amount: Amount,
        reference: ReferenceId,
    ) -> Result<Receipt, WalletError> {
        self.post(wallet, Action::Withdraw { amount, reference })
    }

    async fn transactions(
        &self,
        wallet: WalletId,
        page: PageRequest,
        at_least: Option<i64>,
    ) -> Result<(WalletView, Page<HistoryItem>), WalletError> {
        let view = self.view(wallet, at_least).await?;
        if !view.status.enabled {
            return Err(WalletError::Disabled);
        }
        let all = self.kept()?;
        let beyond = |item: &&HistoryItem| page.after.is_none_or(|cursor| item.version < cursor.0);
        let mut items: Vec<_> = all[&wallet].history.iter().filter(beyond).cloned().collect();
        let more = items.len() > usize::from(page.limit);
        items.truncate(page.limit.into());
        let next = items.last().filter(|_| more).map(|item| Cursor(item.version));
        Ok((view, Page { items, next }))
    }
}

/// Tokens are `<xid>` or, without a scope, `none:<xid>`; everybody's wallet has the customer's number.
pub struct FakeIdentity(pub Arc<FakeWallets>);

#[async_trait]
impl Identity for FakeIdentity {
    async fn init(&self, xid: Xid) -> Result<String, IdentityError> {
        Ok(self.0.open(xid).await?.owner.to_string())
    }

    fn authenticate(&self, token: &str) -> Result<Principal, Unauthorized> {
        let (scopes, xid) = match token.strip_prefix("none:") {
            Some(xid) => (vec![], xid),
            None => (vec![Scope::Wallet], token),
        };
        let xid = Uuid::try_parse(xid).map_err(|_| Unauthorized)?;
        Ok(Principal { xid: Xid(xid), wallet: WalletId(xid), scopes, expires_at: moment() })
    }
}

/// Says what it was told to say.
pub struct FakeHealth(pub Mutex<HealthStatus>);

#[async_trait]
impl HealthSource for FakeHealth {
    async fn report(&self) -> HealthReport {
        let status = *self.0.lock().unwrap();
        let dependency = |kind: &str| Dependency { kind: kind.to_owned(), ok: true };
        HealthReport {
            status,
            queue_length: 0,
            queue_max: 10,
            postgres: status != HealthStatus::Down,
            cache: dependency("in-process"),
            bus: dependency("in-process"),
            topic_behind_ms: 0,
            refresher_behind_ms: 0,
            notes: vec![],
        }
    }

    async fn is_ready(&self) -> bool {
        *self.0.lock().unwrap() != HealthStatus::Down
    }
}
