//! `wallet simulate-bank`.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::output;
use crate::{
    adapters::clock::SystemClock,
    config::{DEVELOPMENT_BANK_TOKEN, DEVELOPMENT_BANK_WEBHOOK_SECRET},
    door,
    simulated_bank::{CallbackSettings, SimulatedBank, SimulatedBankSettings},
    telemetry,
};

/// The arguments of `wallet simulate-bank`.
#[derive(Clone, Debug, Args)]
pub(super) struct SimulateBankArgs {
    /// The address to listen on; port 0 picks a free one and prints it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8099")]
    addr: SocketAddr,
    /// Where callbacks are sent, such as http://127.0.0.1:8089/api/v1/bank/callbacks; without it there are none.
    #[arg(long, value_name = "URL")]
    callback_url: Option<String>,
    /// The secret by which callbacks are signed: BANK_WEBHOOK_SECRET of the wallet.
    #[arg(long, default_value = DEVELOPMENT_BANK_WEBHOOK_SECRET)]
    secret: String,
    /// The token that each request must carry: BANK_TOKEN of the wallet.
    #[arg(long, default_value = DEVELOPMENT_BANK_TOKEN)]
    token: String,
    /// The file of the bank's book, JSON lines; without it the bank forgets everything when it ends.
    #[arg(long, value_name = "FILE")]
    book: Option<PathBuf>,
    /// How long each answer takes, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency_ms: u64,
}

/// Serves in a runtime of its own: no setting has been read.
pub(super) fn run(args: &SimulateBankArgs) -> anyhow::Result<()> {
    telemetry::log_to_stderr()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(args))
}

/// Serves until SIGTERM, SIGHUP or Ctrl-C.
pub(super) async fn serve(args: &SimulateBankArgs) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    door::raise_limit();
    let callback = |url: &String| CallbackSettings { url: url.clone(), secret: args.secret.clone() };
    let bank = SimulatedBank::start(SimulatedBankSettings {
        address: args.addr,
        token: args.token.clone(),
        callbacks: args.callback_url.as_ref().map(callback),
        book: args.book.clone(),
        latency: Duration::from_millis(args.latency_ms),
        clock: Arc::new(SystemClock),
    })
    .await?;
    output::line(format_args!("listening on {}", bank.base()))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
        _ = interrupt.recv() => {}
    }
    bank.stop().await;
    Ok(())
}
