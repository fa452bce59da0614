//! `wallet migrate up|down|status`.

use anyhow::Context;

use super::cli::MigrateCommand;
use crate::{
    config::Config,
    db::migrator::{self, Direction, MigrationStatus},
};

/// Runs the migrations and prints where the database stands.
pub(super) async fn run(config: &Config, command: MigrateCommand) -> anyhow::Result<()> {
    let url = &config.database_url;
    let status = match command {
        MigrateCommand::Up => migrator::migrate(url, Direction::Up).await,
        MigrateCommand::Down { all: false } => migrator::migrate(url, Direction::DownOne).await,
        MigrateCommand::Down { all: true } => migrator::migrate(url, Direction::DownAll).await,
        MigrateCommand::Status => migrator::status(url).await,
    };
    for MigrationStatus { version, description, applied } in status.context("cannot migrate")? {
        println!("{version:04} {description}: {}", if applied { "applied" } else { "missing" });
    }
    Ok(())
}
