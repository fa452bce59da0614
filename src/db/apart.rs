//! Opens connections on threads without other work.
//!
//! For a password, sqlx computes thousands of hashes and yields after every fifth of them. On a worker of a busy runtime
//! each yield lasts until the worker has polled all other ready tasks, about a millisecond: opening a connection took
//! longer than a request waits for one. So a single connection is opened on a thread without other tasks, and the pools,
//! which open theirs in the middle of a query, have a runtime of their own.

use std::{sync::LazyLock, thread};

use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::spawn_blocking,
};
use tracing::Instrument;

use super::DbError;

/// The pools' runtime. None: its threads cannot be started, and each query over a pool fails.
static POOLS: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(cores.div_ceil(2)).thread_name("wallet-pools").enable_all().build().ok()
});

/// Opens a single connection, outside the pools.
pub async fn open(options: PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let runtime = Handle::current();
    let opened = spawn_blocking(move || runtime.block_on(options.connect())).await;
    // Fails if the runtime is shut down meanwhile.
    opened.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

/// Runs a query over a pool to its end, also when its caller is dropped: a connection that is being opened for it serves
/// later queries.
pub(super) async fn run<T: Send + 'static>(
    query: impl Future<Output = Result<T, DbError>> + Send + 'static,
) -> Result<T, DbError> {
    let Some(pools) = POOLS.as_ref() else {
        return Err(DbError::Unavailable("no thread could be started".to_owned()));
    };
    let answer = pools.spawn(query.in_current_span()).await;
    answer.unwrap_or_else(|error| Err(DbError::Defect(error.to_string())))
}
