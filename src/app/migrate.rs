//! `wallet migrate up|down|status|grants`.

use anyhow::{Context, bail};
use clap::Subcommand;

use super::output;
use crate::{
    config::{AppEnv, Config},
    db::migrator::{
        self, DataLoss, Direction, MigrationError, MigrationState, MigrationStatus, SchemaFault, SchemaState,
    },
};

/// The subcommands of `wallet migrate`.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum MigrateCommand {
    /// Run every migration that the database lacks.
    Up,
    /// Take the last migration back, unless that would drop rows that nothing else has.
    Down {
        /// Take all of them back.
        #[arg(long)]
        all: bool,
        /// Drop such rows, too; in production needed even where there are none.
        #[arg(long)]
        yes_lose_data: bool,
    },
    /// List the migrations and which of them the database has; exits with 1 if one was changed, is half applied or is
    /// newer than this version.
    Status,
    /// Print the SQL that gives a role what the service needs; the owner of the tables runs it.
    Grants {
        /// The role that serves.
        #[arg(long)]
        role: String,
    },
}

/// Runs the migrations and prints the state of the database; `status` fails if the state is wrong. Missing migrations are
/// no failure.
pub(super) async fn run(config: &Config, command: MigrateCommand) -> anyhow::Result<()> {
    let url = &config.database_url;
    match command {
        MigrateCommand::Up => print(&migrator::migrate(url, Direction::Up).await.context("cannot migrate")?),
        MigrateCommand::Down { all, yes_lose_data } => print(&down(config, all, yes_lose_data).await?),
        MigrateCommand::Status => {
            let state = migrator::status(url).await.context("cannot read the state of the migrations")?;
            print(&state)?;
            judge(&state)
        }
        MigrateCommand::Grants { role } => print_grants(&role),
    }
}

/// Prints the statements that give a role the rights that the service needs.
pub(super) fn print_grants(role: &str) -> anyhow::Result<()> {
    let Some(sql) = migrator::grants(role) else {
        bail!("--role {role:?} is not the name of one role");
    };
    output::print(&sql)
}

async fn down(config: &Config, all: bool, yes_lose_data: bool) -> anyhow::Result<SchemaState> {
    let is_production = config.app_env == AppEnv::Production;
    let loss = match (yes_lose_data, is_production) {
        (true, _) => DataLoss::Accepted,
        (false, true) => DataLoss::Forbidden,
        (false, false) => DataLoss::OnlyIfEmpty,
    };
    let direction = if all { Direction::DownTo(0, loss) } else { Direction::DownOne(loss) };
    match migrator::migrate(&config.database_url, direction).await {
        Err(refused @ MigrationError::WouldLose { .. }) => {
            let why = if is_production { " (APP_ENV is production)" } else { "" };
            let args = if all { "--all --yes-lose-data" } else { "--yes-lose-data" };
            bail!(
                "{refused}{why}; nothing was changed. To drop it all the same: \
                 `wallet migrate down {args}` (in a checkout: `make migration-down \
                 ARGS='{args}'`)"
            )
        }
        other => other.context("cannot migrate"),
    }
}

fn print(state: &SchemaState) -> anyhow::Result<()> {
    for MigrationStatus { version, description, state } in &state.migrations {
        let word = match state {
            MigrationState::Applied => "applied",
            MigrationState::Missing => "missing",
            MigrationState::Changed => "applied from another text",
            MigrationState::HalfApplied => "half applied",
            MigrationState::Unknown => "applied, unknown to this version",
        };
        output::line(format_args!("{version:04} {description}: {word}"))?;
    }
    Ok(())
}

fn judge(state: &SchemaState) -> anyhow::Result<()> {
    match state.fault() {
        None if state.count(MigrationState::Unknown) > 0 => {
            bail!("the database is newer than this version of the wallet, which may still serve")
        }
        None | Some(SchemaFault::Lacks(_)) => Ok(()),
        Some(fault) => bail!(fault),
    }
}
