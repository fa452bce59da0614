//! `wallet migrate up|down|status`.

use anyhow::{Context, bail};

use super::cli::MigrateCommand;
use crate::{
    config::{AppEnv, Config},
    db::migrator::{self, DataLoss, Direction, MigrationError, MigrationStatus},
};

/// Runs the migrations and prints where the database stands.
pub(super) async fn run(config: &Config, command: MigrateCommand) -> anyhow::Result<()> {
    let url = &config.database_url;
    let is_production = config.app_env == AppEnv::Production;
    let mut again = "wallet migrate down --yes-lose-data";
    let status = match command {
        MigrateCommand::Up => migrator::migrate(url, Direction::Up).await,
        MigrateCommand::Down { all, yes_lose_data } => {
            let loss = match (yes_lose_data, is_production) {
                (true, _) => DataLoss::Accepted,
                (false, true) => DataLoss::Forbidden,
                (false, false) => DataLoss::OnlyIfEmpty,
            };
            let direction = if all { Direction::DownTo(0, loss) } else { Direction::DownOne(loss) };
            if all {
                again = "wallet migrate down --all --yes-lose-data";
            }
            migrator::migrate(url, direction).await
        }
        MigrateCommand::Status => migrator::status(url).await.map_err(MigrationError::from),
    };
    if let Err(refused @ MigrationError::WouldLose { .. }) = &status {
        let production = if is_production { " (APP_ENV is production)" } else { "" };
        bail!("{refused}{production}; nothing was changed. To drop it all the same: `{again}`");
    }
    for MigrationStatus { version, description, applied } in status.context("cannot migrate")? {
        println!("{version:04} {description}: {}", if applied { "applied" } else { "missing" });
    }
    Ok(())
}
