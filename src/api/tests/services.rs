//! Services that answer as a test scripts them, and record what they were asked.

use std::{any::Any, collections::VecDeque, sync::Mutex};

use async_trait::async_trait;

use super::answers;
use crate::{
    accounts::{AccountError, Accounts, Booking, EnabledWallet, OwnedWallet, StatusOrder, Versioned},
    cache::WalletView,
    kernel::{
        actor::Actor,
        currency::Currency,
        ids::{CustomerXid, OperationId, WalletId},
        pagination::{DueCursor, Page, PageRequest},
    },
    ledger::{
        LargestTransfers, Outcome,
        read::{Filter, HistoryItem, HoldView, OpenRelease, PayoutView, TransactionView},
    },
    payments::{Mode, Order, PaymentError, Payments},
    payouts::{BankReport, PayoutError, Payouts, Reception},
};

/// A question to a service; a version is the oldest that the reader accepts.
#[derive(Debug)]
pub enum Call {
    Open(CustomerXid, Option<Currency>),
    View(WalletId, Option<i64>),
    Status(WalletId, StatusOrder, Booking),
    Transactions(PageRequest, Filter, Option<i64>),
    Transaction(OperationId, Option<i64>),
    Releases(PageRequest<DueCursor>, Option<i64>),
    Holds(PageRequest<DueCursor>, Option<i64>),
    Hold(OperationId),
    Payouts(PageRequest, Option<i64>),
    Payout(OperationId, Option<i64>),
    Report(OperationId, BankReport),
    TopTransfers(u16, Option<i64>),
    Payment(Order, Mode),
}

type Answer = Box<dyn FnOnce() -> Result<Box<dyn Any>, AccountError> + Send>;

/// What a call without a script is answered: an enabled, empty wallet; whatever is ordered succeeds.
#[derive(Default)]
pub struct ScriptedServices {
    script: Mutex<VecDeque<Answer>>,
    calls: Mutex<Vec<Call>>,
}

impl ScriptedServices {
    /// Adds the answer to the next call that has none yet.
    pub fn script<T: Any>(&self, answer: impl FnOnce() -> Result<T, AccountError> + Send + 'static) {
        let answer: Answer = Box::new(move || answer().map(|value| Box::new(value) as Box<dyn Any>));
        self.script.lock().unwrap().push_back(answer);
    }

    /// The calls since the last time that they were taken.
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    fn answer<T: Any>(&self, call: Call, default: impl FnOnce() -> T) -> Result<T, AccountError> {
        self.calls.lock().unwrap().push(call);
        // The lock is released first: the script may be a panic.
        let scripted = self.script.lock().unwrap().pop_front();
        match scripted {
            Some(answer) => {
                answer().map(|value| *value.downcast().expect("an answer of another type is scripted"))
            }
            None => Ok(default()),
        }
    }
}

#[async_trait]
impl Accounts for ScriptedServices {
    /// A wallet has its customer's number, so that a test can make a token.
    async fn open(
        &self,
        owner: CustomerXid,
        currency: Option<Currency>,
    ) -> Result<OwnedWallet, AccountError> {
        self.answer(Call::Open(owner, currency), || OwnedWallet { wallet: WalletId(owner.0), owner })
    }

    async fn open_and_view(
        &self,
        owner: CustomerXid,
        currency: Option<Currency>,
    ) -> Result<WalletView, AccountError> {
        self.answer(Call::Open(owner, currency), || answers::view(owner.0, 0, 0))
    }

    async fn view(&self, wallet: WalletId, at_least: Option<i64>) -> Result<WalletView, AccountError> {
        self.answer(Call::View(wallet, at_least), || answers::view(wallet.0, 0, 0))
    }

    async fn view_enabled(
        &self,
        wallet: WalletId,
        at_least: Option<i64>,
    ) -> Result<EnabledWallet, AccountError> {
        let view = self.view(wallet, at_least).await?;
        Ok(EnabledWallet { view, enabled_at: answers::moment() })
    }

    async fn change_status(
        &self,
        wallet: WalletId,
        order: StatusOrder,
        booking: Booking,
    ) -> Result<(OwnedWallet, Outcome), AccountError> {
        let owner = match booking.actor {
            Actor::Customer(xid) => xid,
            _ => CustomerXid(wallet.0),
        };
        let outcome = answers::status_changed(&order, 0, 0);
        let outcome = self.answer(Call::Status(wallet, order, booking), || outcome)?;
        Ok((OwnedWallet { wallet, owner }, outcome))
    }

    async fn transactions(
        &self,
        _: WalletId,
        page: PageRequest,
        filter: Filter,
        at_least: Option<i64>,
    ) -> Result<Versioned<Page<HistoryItem>>, AccountError> {
        let empty = || Versioned { value: Page { items: vec![], next: None }, version: 0 };
        self.answer(Call::Transactions(page, filter, at_least), empty)
    }

    async fn transaction(
        &self,
        _: WalletId,
        id: OperationId,
        at_least: Option<i64>,
    ) -> Result<Versioned<TransactionView>, AccountError> {
        self.answer(Call::Transaction(id, at_least), || answers::transaction(id))
    }

    async fn releases(
        &self,
        _: WalletId,
        page: PageRequest<DueCursor>,
        at_least: Option<i64>,
    ) -> Result<Versioned<Page<OpenRelease, DueCursor>>, AccountError> {
        let empty = || Versioned { value: Page { items: vec![], next: None }, version: 0 };
        self.answer(Call::Releases(page, at_least), empty)
    }

    async fn holds(
        &self,
        _: WalletId,
        page: PageRequest<DueCursor>,
        at_least: Option<i64>,
    ) -> Result<Versioned<Page<HoldView, DueCursor>>, AccountError> {
        let empty = || Versioned { value: Page { items: vec![], next: None }, version: 0 };
        self.answer(Call::Holds(page, at_least), empty)
    }

    async fn payouts(
        &self,
        _: WalletId,
        page: PageRequest,
        at_least: Option<i64>,
    ) -> Result<Versioned<Page<PayoutView>>, AccountError> {
        let empty = || Versioned { value: Page { items: vec![], next: None }, version: 0 };
        self.answer(Call::Payouts(page, at_least), empty)
    }

    async fn payout(
        &self,
        _: WalletId,
        id: OperationId,
        at_least: Option<i64>,
    ) -> Result<Versioned<PayoutView>, AccountError> {
        self.answer(Call::Payout(id, at_least), || answers::payout(id))
    }

    async fn top_transfers(
        &self,
        _: WalletId,
        limit: u16,
        at_least: Option<i64>,
    ) -> Result<LargestTransfers, AccountError> {
        let none = || LargestTransfers { version: 0, incoming: vec![], outgoing: vec![] };
        self.answer(Call::TopTransfers(limit, at_least), none)
    }
}

#[async_trait]
impl Payments for ScriptedServices {
    async fn execute(&self, order: Order, mode: Mode) -> Result<Outcome, PaymentError> {
        let outcome = match mode {
            Mode::Book(_) => answers::moved(0, 0, 0),
            Mode::DryRun(_) => answers::previewed(0, 0, 0),
        };
        self.answer(Call::Payment(order, mode), || outcome).map_err(|error| match error {
            AccountError::Ledger(error) => error.into(),
            error => panic!("no error of payments: {error}"),
        })
    }

    async fn hold(&self, id: OperationId) -> Result<HoldView, PaymentError> {
        self.answer(Call::Hold(id), || answers::hold(id)).map_err(|_| PaymentError::HoldNotFound)
    }
}

#[async_trait]
impl Payouts for ScriptedServices {
    fn admit(&self) -> Result<(), PayoutError> {
        Ok(())
    }

    async fn report(&self, id: OperationId, report: BankReport) -> Result<Reception, PayoutError> {
        self.answer(Call::Report(id, report), || Reception::Booked).map_err(|_| PayoutError::NotFound)
    }
}
