//! Faces without a database behind them: the rules of money are the real ones, kept in memory.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    accounts::{AccountError, Accounts, Booking, EnabledWallet, OwnedWallet, StatusOrder, Versioned},
    api::health::{Dependency, HealthReport, HealthSource, HealthStatus},
    cache::{MoneyView, StatusView, WalletView},
    identity::{Identity, IdentityError, Principal, Scope, Subject, Unauthorized},
    kernel::{
        actor::Actor,
        clock::{Clock, Timestamp},
        currency::Currency,
        ids::{OperationId, WalletId, Xid},
        pagination::{Cursor, Page, PageRequest},
    },
    ledger::{
        Action, Buckets, Decision, IdempotencyRecord, Key, KeyName, Kind, LargestTransfers, Operation,
        Outcome, PriorState, Refusals, Status, Transfer, WalletState,
        book::{AnsweredKey, Book, Changes},
        entry::{Transaction, TransactionStatus},
        operation::ReferenceKey,
        read::{EntryView, Filter, HistoryItem, TransactionView},
    },
    payments::{self, Mode, Order, Payment, PaymentError, Payments},
};

/// What the next call answers instead of doing anything.
pub type Trouble = Box<dyn FnOnce() -> AccountError + Send>;

#[derive(Default)]
pub struct FakeWallets {
    kept: Mutex<Books>,
    pub trouble: Mutex<Option<Trouble>>,
}

/// Everything, as the ledger would find it.
#[derive(Default)]
struct Books {
    wallets: HashMap<WalletId, Kept>,
    references: HashMap<ReferenceKey, OperationId>,
    keys: HashMap<KeyName, IdempotencyRecord>,
}

struct Kept {
    owner: Xid,
    state: WalletState,
    history: Vec<HistoryItem>,
}

/// It is always [`moment`].
pub struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        moment()
    }

    fn since_boot(&self) -> Duration {
        Duration::ZERO
    }
}

/// Long after 1970, and with a part of a millisecond that no answer shows.
pub fn moment() -> Timestamp {
    Timestamp::from_timestamp_micros(1_800_000_000_123_456).unwrap()
}

impl FakeWallets {
    fn kept(&self) -> Result<MutexGuard<'_, Books>, AccountError> {
        // The lock is given back first: the trouble may be a panic.
        let trouble = self.trouble.lock().unwrap().take();
        match trouble {
            Some(trouble) => Err(trouble()),
            None => Ok(self.kept.lock().unwrap()),
        }
    }

    /// All balances together: whether anything has moved.
    pub fn balances(&self) -> i64 {
        self.kept.lock().unwrap().wallets.values().map(|kept| kept.state.buckets.total()).sum()
    }

    /// Changes a wallet behind everybody's back.
    pub fn meddle(&self, wallet: WalletId, change: impl FnOnce(&mut WalletState)) {
        change(&mut self.kept.lock().unwrap().wallets.get_mut(&wallet).unwrap().state);
    }

    pub fn freeze(&self, wallet: WalletId) {
        self.meddle(wallet, |state| state.frozen_at = Some(moment()));
    }

    fn post(&self, wallet: WalletId, action: Action, mode: Mode) -> Result<Outcome, AccountError> {
        let mut books = self.kept()?;
        let (actor, key, refusals, is_dry_run) = match mode {
            Mode::Book(Booking { actor, key, refusals }) => (actor, key, refusals, false),
            Mode::DryRun(actor) => (actor, None, Refusals::NotStored, true),
        };
        let operation = Operation { id: OperationId::generate(), actor, wallet, action, key, refusals };
        let mut book = Book::new(PriorState {
            wallets: books.wallets.values().map(|kept| kept.state.clone()).collect(),
            used_references: books.references.clone().into_iter().collect(),
            known_keys: books.keys.clone().into_iter().collect(),
        });
        if is_dry_run {
            return Ok(Outcome::new(book.preview(&operation, moment())));
        }
        let outcome = book.apply(&operation, moment());
        books.take(&operation, book.into_changes(), outcome.decision.clone());
        Ok(outcome)
    }
}

impl Books {
    /// Takes over what has changed.
    fn take(&mut self, operation: &Operation, changes: Changes, decision: Decision) {
        for Transaction { id, kind, status, amount, reference, created_at, wallet, version, other, .. } in
            changes.transactions
        {
            if status == TransactionStatus::Completed {
                self.references.extend(operation.reference().map(|key| (key, operation.id)));
            }
            let item = HistoryItem { id, kind, status, amount, reference, occurred_at: created_at, version };
            if let Some((receiver, version)) = other {
                let incoming =
                    HistoryItem { kind: Kind::TransferIn, reference: None, version, ..item.clone() };
                self.wallets.get_mut(&receiver).unwrap().history.insert(0, incoming);
            }
            self.wallets.get_mut(&wallet).unwrap().history.insert(0, item);
        }
        for changed in changes.wallets.into_iter().chain(changes.statuses) {
            let id = changed.after.id;
            self.wallets.get_mut(&id).unwrap().state = changed.after;
        }
        for AnsweredKey { key: Key { name, request_hash }, .. } in changes.keys {
            self.keys.insert(name, IdempotencyRecord { request_hash, decision: decision.clone() });
        }
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
impl Accounts for FakeWallets {
    async fn open(&self, owner: Xid, currency: Option<Currency>) -> Result<OwnedWallet, AccountError> {
        let mut all = self.kept()?;
        // A wallet has its customer's number, so that a token can be made up for it.
        let id = WalletId(owner.0);
        let state = WalletState {
            id,
            currency: currency.unwrap_or("USD".parse().unwrap()),
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
        all.wallets.entry(id).or_insert(Kept { owner, state, history: vec![] });
        Ok(OwnedWallet { wallet: id, owner })
    }

    async fn view(&self, wallet: WalletId, at_least: Option<i64>) -> Result<WalletView, AccountError> {
        let view = view(self.kept()?.wallets.get(&wallet).ok_or(AccountError::NotFound)?);
        if at_least.is_some_and(|version| version > view.money.version) {
            return Err(AccountError::VersionNotReached { current: view.money.version });
        }
        Ok(view)
    }

    async fn open_and_view(
        &self,
        owner: Xid,
        currency: Option<Currency>,
    ) -> Result<WalletView, AccountError> {
        let opened = self.open(owner, currency).await?;
        self.view(opened.wallet, None).await
    }

    async fn view_enabled(
        &self,
        wallet: WalletId,
        at_least: Option<i64>,
    ) -> Result<EnabledWallet, AccountError> {
        let view = self.view(wallet, at_least).await?;
        let enabled_at = view.status.enabled_at.filter(|_| view.status.enabled);
        Ok(EnabledWallet { view, enabled_at: enabled_at.ok_or(AccountError::Disabled)? })
    }

    async fn change_status(
        &self,
        wallet: WalletId,
        order: StatusOrder,
        booking: Booking,
    ) -> Result<(OwnedWallet, Outcome), AccountError> {
        let owner = match booking.actor {
            Actor::Customer(xid) => xid,
            _ => self.view(wallet, None).await?.owner,
        };
        Ok((OwnedWallet { wallet, owner }, self.post(wallet, order.into(), Mode::Book(booking))?))
    }

    async fn transactions(
        &self,
        wallet: WalletId,
        page: PageRequest,
        filter: Filter,
        at_least: Option<i64>,
    ) -> Result<Versioned<Page<HistoryItem>>, AccountError> {
        let EnabledWallet { view, .. } = self.view_enabled(wallet, at_least).await?;
        let all = self.kept()?;
        let beyond = |item: &&HistoryItem| {
            page.after.is_none_or(|cursor| item.version < cursor.0)
                && filter.kinds.as_ref().is_none_or(|kinds| kinds.contains(&item.kind))
                && filter.statuses.as_ref().is_none_or(|statuses| statuses.contains(&item.status))
                && filter.from.is_none_or(|from| item.occurred_at >= from)
                && filter.to.is_none_or(|to| item.occurred_at < to)
        };
        let mut items: Vec<_> = all.wallets[&wallet].history.iter().filter(beyond).cloned().collect();
        let more = items.len() > usize::from(page.limit);
        items.truncate(page.limit.into());
        let next = items.last().filter(|_| more).map(|item| Cursor(item.version));
        Ok(Versioned { value: Page { items, next }, version: view.money.version })
    }

    /// Enough for the manners; what is in it is tried on a real database.
    async fn transaction(
        &self,
        wallet: WalletId,
        id: OperationId,
        at_least: Option<i64>,
    ) -> Result<Versioned<TransactionView>, AccountError> {
        let EnabledWallet { view, .. } = self.view_enabled(wallet, at_least).await?;
        let all = self.kept()?;
        let item = all.wallets[&wallet].history.iter().find(|item| item.id == id);
        let item = item.cloned().ok_or(AccountError::NotFound)?;
        let (delta, after) = (Buckets::available(item.amount), Buckets::available(item.amount));
        let entries = vec![EntryView { version: item.version, delta, after }];
        let currency = view.currency;
        let value = TransactionView { item, currency, fee: 0, note: None, counterparty: None, entries };
        Ok(Versioned { value, version: view.money.version })
    }

    async fn top_transfers(
        &self,
        wallet: WalletId,
        limit: u16,
        at_least: Option<i64>,
    ) -> Result<LargestTransfers, AccountError> {
        let EnabledWallet { view, .. } = self.view_enabled(wallet, at_least).await?;
        let mut all = self.kept()?.wallets[&wallet].history.clone();
        all.retain(|item| item.status == TransactionStatus::Completed);
        all.sort_by_key(|item| std::cmp::Reverse((item.amount, item.version)));
        let is_incoming = |item: &HistoryItem| matches!(item.kind, Kind::Deposit | Kind::TransferIn);
        let (mut incoming, mut outgoing): (Vec<_>, Vec<_>) = all.into_iter().partition(is_incoming);
        incoming.truncate(limit.into());
        outgoing.truncate(limit.into());
        Ok(LargestTransfers { version: view.money.version, incoming, outgoing })
    }
}

#[async_trait]
impl Payments for FakeWallets {
    async fn execute(&self, Order { wallet, payment }: Order, mode: Mode) -> Result<Outcome, PaymentError> {
        let action = match payment {
            Payment::Deposit { amount, reference } => Action::Deposit { amount, reference },
            Payment::Withdrawal { amount, reference } => Action::Withdraw { amount, reference },
            // A wallet has its customer's number.
            Payment::Transfer(payments::Transfer { to, amount, reference, note }) => {
                let (to, fee) = (WalletId(to), amount.fee(150));
                Action::Transfer(Transfer { to, amount, fee, reference, note })
            }
            Payment::Adjustment(adjustment) => Action::Adjust(adjustment),
        };
        self.post(wallet, action, mode).map_err(|error| match error {
            AccountError::Ledger(error) => error.into(),
            error => panic!("{error}"),
        })
    }
}

/// Tokens are `<xid>`, without a scope `none:<xid>`, a back end's `service:<name>`, an admin's `admin:<name>`; everybody's wallet has the customer's number.
pub struct FakeIdentity(pub Arc<FakeWallets>);

#[async_trait]
impl Identity for FakeIdentity {
    async fn init(&self, xid: Xid) -> Result<String, IdentityError> {
        Ok(self.0.open(xid, None).await?.owner.to_string())
    }

    fn authenticate(&self, token: &str) -> Result<Principal, Unauthorized> {
        if let Some(name) = token.strip_prefix("service:") {
            let subject = Subject::Service { name: name.to_owned() };
            return Ok(Principal { subject, scopes: vec![Scope::Service], expires_at: moment() });
        }
        if let Some(name) = token.strip_prefix("admin:") {
            let subject = Subject::Admin { name: name.to_owned() };
            return Ok(Principal { subject, scopes: vec![Scope::Admin], expires_at: moment() });
        }
        let (scopes, xid) = match token.strip_prefix("none:") {
            Some(xid) => (vec![], xid),
            None => (vec![Scope::Wallet], token),
        };
        let xid = Uuid::try_parse(xid).map_err(|_| Unauthorized)?;
        let subject = Subject::Customer { xid: Xid(xid), wallet: WalletId(xid) };
        Ok(Principal { subject, scopes, expires_at: moment() })
    }
}

/// Says what it was told to say.
/// The status, and whether everything runs.
pub struct FakeHealth(pub Mutex<HealthStatus>, pub AtomicBool);

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

    fn is_live(&self) -> bool {
        self.1.load(Ordering::Relaxed)
    }

    async fn is_ready(&self) -> bool {
        *self.0.lock().unwrap() != HealthStatus::Down
    }
}
