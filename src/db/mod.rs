//! Postgres: the pool that everything but the posting loop and the log uses, what its errors mean, the migrator.

mod apart;
mod connect;
mod error;
pub mod migrator;
mod server;
mod session;
mod unsafe_settings;

pub use apart::open;
pub use connect::{
    Database, PgDatabase, PgDatabaseParameters, ask, connect, connect_internal, in_time, ping,
    session_options, warm_up, within_limit,
};
pub use error::DbError;
/// The pool, as everybody else uses it.
pub use sea_orm::DatabaseConnection as Pool;
pub use server::{ServerFault, server_fault};
pub use session::commit_durably;
/// One connection, for those who need one of their own.
pub use sqlx::PgConnection as Connection;
pub use unsafe_settings::unsafe_settings;
