//! Connections are opened apart from what the runtime is busy with.
//!
//! For a password, sqlx computes thousands of hashes and gives way to other tasks after every fifth of them. On a worker of a
//! busy runtime each of these pauses lasts until the worker has polled what else is ready, about a millisecond: opening a
//! connection took longer than a request waits for one. So a connection of one's own is opened on a thread that has no other
//! tasks, and the pools, which open theirs in the middle of a question, have a runtime of their own.

use std::{sync::LazyLock, thread};

use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::spawn_blocking,
};
use tracing::Instrument;

use super::DbError;

/// The pools' runtime. A process that cannot start its threads has no pools, and says so with each question.
static POOLS: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(cores.div_ceil(2)).thread_name("wallet-pools").enable_all().build().ok()
});

/// Opens a connection of one's own.
pub async fn open(options: PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let runtime = Handle::current();
    let opened = spawn_blocking(move || runtime.block_on(options.connect())).await;
    // The thread is not there any more when the runtime ends.
    opened.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

/// Runs a question to a pool to its end, also when nobody waits for the answer any more: a connection that was being opened
/// for it is of use to others.
pub(super) async fn run<T: Send + 'static>(
    question: impl Future<Output = Result<T, DbError>> + Send + 'static,
) -> Result<T, DbError> {
    let Some(pools) = POOLS.as_ref() else {
        return Err(DbError::Away("no thread could be started".to_owned()));
    };
    let answer = pools.spawn(question.in_current_span()).await;
    answer.unwrap_or_else(|error| Err(DbError::Defect(error.to_string())))
}
