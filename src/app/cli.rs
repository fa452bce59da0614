//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{
    audit::{self, AuditArgs},
    books::{self, BooksCommand},
    bootstrap,
    cache::{self, CacheCommand},
    freeze::{self, FreezeArgs},
    migrate::{self, MigrateCommand},
    openapi, output,
    payouts::{self, PayoutsCommand},
    serve,
    simulate_bank::{self, SimulateBankArgs},
    token::{self, TokenArgs},
};
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
    Audit(AuditArgs),
    /// Print an access token for a back end or for a person of the back office; it holds for JWT_TTL.
    Token(TokenArgs),
    /// Freeze a wallet: nothing can be done with its money until it is unfrozen.
    Freeze(FreezeArgs),
    /// Unfreeze a wallet: it can be used again as its status says.
    Unfreeze(FreezeArgs),
    /// Decide what the service must not decide for itself about the books.
    Books {
        #[command(subcommand)]
        action: BooksCommand,
    },
    /// See to payouts that wait for the bank.
    Payouts {
        #[command(subcommand)]
        action: PayoutsCommand,
    },
    /// Look after the balance cache.
    Cache {
        #[command(subcommand)]
        action: CacheCommand,
    },
    /// Be a bank, for development and tests: what becomes of a payment is said by the last digits of its account
    /// (docs/bank-api.md). Needs no setting; until SIGTERM or Ctrl-C.
    SimulateBank(SimulateBankArgs),
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
        Command::SimulateBank(args) => return finish(simulate_bank::run(args)),
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
    // What needs settings and no server.
    if let Command::Token(args) = &cli.command {
        return finish(token::print(&config, args));
    }
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
        // Serve looks for itself, once Postgres answers.
        if !matches!(cli.command, Command::Serve) {
            bootstrap::refuse_unfit_postgres(&config).await?;
        }
        match cli.command {
            Command::Serve => Box::pin(serve::run(config, metrics)).await,
            Command::Migrate { direction } => migrate::run(&config, direction).await,
            Command::Token(args) => token::print(&config, &args),
            Command::Freeze(args) => freeze::freeze(&config, &args).await,
            Command::Unfreeze(args) => freeze::unfreeze(&config, &args).await,
            Command::Books { action } => books::run(&config, action).await,
            Command::Audit(args) => audit::run(&config, args).await,
            Command::Payouts { action } => payouts::run(&config, action).await,
            Command::Cache { action } => cache::run(&config, action).await,
            Command::Openapi => openapi::print(),
            Command::SimulateBank(args) => simulate_bank::serve(&args).await,
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
