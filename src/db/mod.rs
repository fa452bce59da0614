//! Postgres: the pools, which all rooms but the posting loop and the log use, the classes of its errors, the migrator.

mod apart;
mod connect;
mod error;
pub mod migrator;
mod server;
mod session;
mod unsafe_settings;

pub use apart::open;
pub use connect::{
    Database, PgDatabase, PgDatabaseParameters, ask, connect, connect_internal, ping, session_options,
    warm_up, with_connection_timeout, with_pool_timeout,
};
pub use error::DbError;
/// A pool of connections.
pub use sea_orm::DatabaseConnection as Pool;
pub use server::{ServerFault, server_fault};
pub use session::commit_durably;
/// One connection, for a task that needs one of its own.
pub use sqlx::PgConnection as Connection;
pub use unsafe_settings::unsafe_settings;
