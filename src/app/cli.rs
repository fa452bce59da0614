//! The command line.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{audit, books, bootstrap, cache, migrate, openapi, output, serve, token};
use crate::{config::Config, telemetry};

/// A wallet service: balances that are right and fast at once.
///
/// Everything is configured by the environment or a `.env` file; `.env.example` names every variable. Exit codes:
/// 0 done, 1 failed, 2 wrong use or configuration.
#[derive(Debug, Parser)]
#[command(name = "wallet", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve HTTP, relay what is booked to the topic, and keep the cache fresh; until SIGTERM or Ctrl-C.
    Serve,
    /// Bring the database's tables up, down, or show where they stand.
    Migrate {
        #[command(subcommand)]
        direction: MigrateCommand,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Check the books, and what follows from them; exits with 1 and names the rows when a rule is broken.
    Audit(audit::AuditArgs),
    /// Print an access token for a back end; it holds for JWT_TTL.
    Token {
        /// What the token allows.
        #[arg(long)]
        scope: TokenScope,
        /// The back end's name: its Idempotency-Keys are its own.
        #[arg(long, default_value = "backend")]
        name: String,
    },
    /// Decide what the service must not decide for itself about the books.
    Books {
        #[command(subcommand)]
        action: BooksCommand,
    },
    /// Look after the balance cache.
    Cache {
        #[command(subcommand)]
        action: CacheCommand,
    },
}

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

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TokenScope {
    /// Open wallets, read them, move money between any two.
    Service,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum BooksCommand {
    /// Go on from the books as they are, after they were restored to an earlier moment.
    ///
    /// What the topic, caches and consumers have beyond that moment is not part of these books any more: messages carry a
    /// higher generation from now on, and consumers forget what they have beyond.
    NewGeneration {
        #[command(flatten)]
        decision: Decision,
    },
    /// Accept Postgres' clock as right, although the service's machine has another time; every process goes on.
    AcceptClock {
        #[command(flatten)]
        decision: Decision,
    },
}

/// Who decided something, and why; both are kept in the books.
#[derive(Clone, Debug, Args)]
pub(super) struct Decision {
    /// The operator's name.
    #[arg(long)]
    pub(super) actor: String,
    /// Why: the incident, the ticket.
    #[arg(long)]
    pub(super) reason: String,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum CacheCommand {
    /// Fill the cache from Postgres.
    Rebuild,
}

/// Runs the command that the arguments name.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    // What needs no setting.
    match &cli.command {
        Command::Openapi => return finish(openapi::print()),
        Command::Migrate { direction: MigrateCommand::Grants { role } } => {
            return finish(migrate::print_grants(role));
        }
        _ => {}
    }
    // Read before any thread runs.
    let config = match Config::load() {
        Ok(config) => config,
        Err(error) => {
            output::complain(error);
            return ExitCode::from(2);
        }
    };
    let metrics = match telemetry::init(&config) {
        Ok(metrics) => metrics,
        Err(error) => {
            output::complain(error);
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return finish(Err(error.into())),
    };
    finish(runtime.block_on(async {
        // These wait for nothing; serve looks for itself, once Postgres answers, and a token needs no Postgres.
        if !matches!(cli.command, Command::Serve | Command::Token { .. } | Command::Openapi) {
            bootstrap::refuse_unfit_postgres(&config).await?;
        }
        match cli.command {
            Command::Serve => serve::run(config, metrics).await,
            Command::Migrate { direction } => migrate::run(&config, direction).await,
            Command::Token { scope: TokenScope::Service, name } => token::print(&config, &name),
            Command::Books { action } => books::run(&config, action).await,
            Command::Audit(args) => audit::run(&config, args).await,
            Command::Cache { action: CacheCommand::Rebuild } => cache::rebuild(&config).await,
            Command::Openapi => openapi::print(),
        }
    }))
}

fn finish(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            output::complain(format_args!("wallet: {reason:#}"));
            ExitCode::FAILURE
        }
    }
}
