//! What one successful transfer costs in the book, beside the same transfer in an in-memory event loop.
//! `docs/benchmarks/README.md` explains the figures.
//!
//! Every benchmark makes 256 transfers between 10,000 wallets, drawn evenly; an item is one transfer. The book decides
//! them as a batch of the posting loop; it checks status, room, currency, cover, reference and, where it is keyed, the
//! key, and writes a transaction and two entries. The event loop checks the cover, moves the amount, and answers.
//!
//! `event_loop_transfer::task` is what the book is compared with first: a server's requests and its loop are tasks of one
//! multi-thread runtime. The other two say how much of that is the runtime: `from_outside` has a producer that is no
//! task, so that each answer crosses threads; `current_thread` has one thread for both, as no server would.

#![allow(clippy::unwrap_used)] // a benchmark that cannot go on says so by a panic

mod batch;
mod event_loop;

use divan::{Bencher, counter::ItemsCount};
use tokio::runtime::{Builder, Runtime};
use wallet::ledger::{
    Outcome,
    book::{Book, Changes},
    entry::Entry,
};

use batch::{BATCH, Batch, Keys, batches};
use event_loop::EventLoop;

/// The service's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

fn apply(mut book: Book, batch: &Batch) -> (Book, Vec<Outcome>) {
    let outcomes =
        batch.operations.iter().filter_map(|operation| book.apply(operation, batch.now).ok()).collect();
    (book, outcomes)
}

/// Only [`Book::apply`]; the book is made before, and what it wrote is taken out after.
fn bench_apply(bencher: Bencher<'_, '_>, keys: Keys) {
    let batches = batches(keys);
    let book = |batch: &Batch| Book::new(batch.wallets.clone().into());
    for batch in &batches {
        let (book, outcomes) = apply(book(batch), batch);
        batch.check(&outcomes, &book.into_changes());
    }
    let mut next = batches.iter().cycle();
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| {
            let batch = next.next().unwrap();
            (book(batch), batch)
        })
        .bench_local_values(|(book, batch)| apply(book, batch));
}

#[divan::bench_group(max_time = 5)]
mod book_apply {
    use super::*;

    #[divan::bench]
    fn hashed(bencher: Bencher<'_, '_>) {
        bench_apply(bencher, Keys::None);
    }

    #[divan::bench]
    fn hashed_keyed(bencher: Bencher<'_, '_>) {
        bench_apply(bencher, Keys::OneEach);
    }

    /// The hashes alone, two for each transfer: what the chain costs of the above.
    #[divan::bench]
    fn hashes(bencher: Bencher<'_, '_>) {
        let batches = batches(Keys::None);
        let entries: Vec<Entry> = batches
            .iter()
            .take(1)
            .flat_map(|batch| apply(Book::new(batch.wallets.clone().into()), batch).0.into_changes().entries)
            .collect();
        bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
            entries.iter().map(|entry| entry.chained(&entry.hash)).fold(0, |sum, hash| sum ^ hash[0])
        });
    }
}

/// All that the posting loop does with a batch between reading and writing: the book is made, decides, and is taken
/// apart.
#[divan::bench(max_time = 5)]
fn book_whole_hashed_keyed(bencher: Bencher<'_, '_>) {
    let batches = batches(Keys::OneEach);
    let mut next = batches.iter().cycle();
    let whole = |batch: &Batch| -> (Vec<Outcome>, Changes) {
        let (book, outcomes) = apply(Book::new(batch.wallets.clone().into()), batch);
        (outcomes, book.into_changes())
    };
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(|| next.next().unwrap()).bench_local_values(whole);
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().build().unwrap()
}

/// One producer sends a transfer, awaits its answer, and only then sends the next.
fn bench_loop(bencher: Bencher<'_, '_>, runtime: &Runtime, is_task: bool) {
    let batches = batches(Keys::None);
    let event_loop = runtime.block_on(async { EventLoop::start(batches.iter().flat_map(Batch::balances)) });
    let mut next = batches.iter().map(|batch| batch.transfers()).collect::<Vec<_>>().into_iter().cycle();
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| (event_loop.clone(), next.next().unwrap()))
        .bench_local_values(|(event_loop, transfers)| {
            let producer = async move { event_loop.make(&transfers).await };
            if is_task {
                runtime.block_on(async { tokio::spawn(producer).await.unwrap() });
            } else {
                runtime.block_on(producer);
            }
        });
    runtime.block_on(event_loop.check());
}

#[divan::bench_group(max_time = 5)]
mod event_loop_transfer {
    use super::*;

    #[divan::bench]
    fn task(bencher: Bencher<'_, '_>) {
        bench_loop(bencher, &multi_thread(), true);
    }

    #[divan::bench]
    fn from_outside(bencher: Bencher<'_, '_>) {
        bench_loop(bencher, &multi_thread(), false);
    }

    #[divan::bench]
    fn current_thread(bencher: Bencher<'_, '_>) {
        bench_loop(bencher, &Builder::new_current_thread().build().unwrap(), true);
    }
}
