//! An event loop in memory, as one is usually written: a task owns the state, and what is to be done comes as a closure
//! over a channel, with a channel of its own for the answer. It keeps balances and nothing else.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use tokio::sync::{mpsc, oneshot};
use wallet::kernel::ids::WalletId;

type Balances = HashMap<WalletId, i64>;
type Event = Box<dyn FnOnce(&mut Balances) + Send>;

/// One transfer, in minor units.
#[derive(Clone, Copy)]
pub struct Move {
    pub from: WalletId,
    pub to: WalletId,
    pub amount: i64,
    pub fee: i64,
}

/// Unknown, or too little.
#[derive(Debug)]
pub struct Refused;

impl Move {
    /// Moves the money; answers with the sender's balance.
    pub fn make(&self, balances: &mut Balances) -> Result<i64, Refused> {
        let paid = self.amount + self.fee;
        if !balances.contains_key(&self.to) {
            return Err(Refused);
        }
        let from = balances.get_mut(&self.from).filter(|balance| **balance >= paid).ok_or(Refused)?;
        *from -= paid;
        let left = *from;
        *balances.get_mut(&self.to).ok_or(Refused)? += self.amount;
        Ok(left)
    }
}

/// The way into the loop.
#[derive(Clone)]
pub struct EventLoop {
    events: mpsc::UnboundedSender<Event>,
    at_first: i64,
    fees: Arc<AtomicI64>,
}

impl EventLoop {
    /// Starts the loop on a task of its own. The channel has no bound: it is the faster one.
    pub fn start(balances: impl Iterator<Item = (WalletId, i64)>) -> Self {
        let (events, mut waiting) = mpsc::unbounded_channel::<Event>();
        let mut balances: Balances = balances.collect();
        let at_first = balances.values().sum();
        tokio::spawn(async move {
            while let Some(event) = waiting.recv().await {
                event(&mut balances);
            }
        });
        Self { events, at_first, fees: Arc::default() }
    }

    async fn ask<T: Send + 'static>(&self, question: impl FnOnce(&mut Balances) -> T + Send + 'static) -> T {
        let (answer, answered) = oneshot::channel();
        let event = move |balances: &mut Balances| drop(answer.send(question(balances)));
        assert!(self.events.send(Box::new(event)).is_ok(), "the loop has ended");
        answered.await.unwrap()
    }

    /// Makes transfers one after another, each after the answer to the one before. All of them succeed.
    pub async fn make(&self, transfers: &[Move]) {
        let mut fees = 0;
        for transfer in transfers {
            let transfer = *transfer;
            self.ask(move |balances| transfer.make(balances)).await.unwrap();
            fees += transfer.fee;
        }
        self.fees.fetch_add(fees, Ordering::Relaxed);
    }

    /// All the money is there but for the fees.
    pub async fn check(&self) {
        let left: i64 = self.ask(|balances| balances.values().sum()).await;
        let fees = self.fees.load(Ordering::Relaxed);
        assert!(fees > 0);
        assert_eq!(left, self.at_first - fees);
    }
}
