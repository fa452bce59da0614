//! `wallet serve`: the whole service in one process.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use poem::{
    Endpoint, Response,
    endpoint::BoxEndpoint,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use shaku::HasComponent;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    bootstrap,
    health::{Health, Probes},
    listen, module, startup_banner,
    supervisor::DeadTasks,
    workers::{self, Services},
};
use crate::{
    api::{self, Dependencies, Renderer, ServiceKey},
    config::Config,
    db::{self, migrator::SchemaCheck},
    door::{self, Answering, Closing, Door, Limits},
    identity::RevocationWorker,
    ledger::posting::PostingLoop,
    limits::TrustedProxies,
    telemetry::Telemetry,
};

/// Maximum number of connections of the operators' port.
const ADMIN_CONNECTIONS_MAX: usize = 64;

/// A running server.
pub struct Running {
    /// The clients' address.
    pub address: SocketAddr,
    /// The operators' address; none: there is no second port.
    pub admin_address: Option<SocketAddr>,
    /// Cancelled when the shutdown begins.
    stopping: CancellationToken,
    closing: Closing,
    /// From the announcement of the shutdown to the end of accepting connections.
    delay: Duration,
    /// From there to the end of the last connection.
    timeout: Duration,
    served: JoinHandle<()>,
    posting_loop: PostingLoop,
}

/// Serves until SIGTERM, SIGHUP or Ctrl-C. Fails if the posting loop has died, so that another
/// process takes this one's place.
pub(super) async fn run(config: Config, telemetry: Telemetry) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(telemetry.clone().run_upkeep());
    door::raise_limit();
    #[cfg(debug_assertions)]
    if let Some(armed) = config.fail_point.clone() {
        tracing::warn!(place = ?armed, "a fail point is armed: this process, or a task of it, will die there");
        crate::fail_point::arm(armed);
    }
    let stop_signal = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::pin!(stop_signal);
    let running = tokio::select! {
        running = start(config.clone(), Arc::new(move || telemetry.render())) => running?,
        // Still waiting for Postgres: no work has begun.
        () = &mut stop_signal => return Ok(()),
    };
    startup_banner::print(&config, running.address, running.admin_address);
    let has_died = tokio::select! {
        () = stop_signal => false,
        () = running.died() => true,
    };
    info!("stopping; what was accepted is finished first");
    // A dead loop answers no request; the next process must not wait for it.
    let delay = if has_died { Duration::ZERO } else { running.delay };
    Running { delay, ..running }.stop().await?;
    if has_died {
        bail!("the posting loop died: its log line says why");
    }
    Ok(())
}

/// Starts the service; returns when requests are served.
pub async fn start(config: Config, metrics: Renderer) -> anyhow::Result<Running> {
    let listener = listen::listen(&config.host, config.port)?;
    let admin_listener = config.admin_port.map(|port| listen::listen(&config.host, port)).transpose()?;
    let address = listener.local_addr()?;
    let admin_address = admin_listener.as_ref().map(TcpListener::local_addr).transpose()?;
    bootstrap::wait_for_postgres(&config).await?;
    bootstrap::advance_sequences(&config).await?;
    bootstrap::check_redis(&config).await?;
    let infra = bootstrap::connect(&config)?;
    let (shared, bank) = (infra.shared.clone(), infra.bank.clone());
    // Before the workers connect.
    db::warm_up(&shared.db, &shared.internal_db).await;
    bootstrap::warn_of_entry_ahead(&shared.db).await;
    let module = module::build(&config, infra);
    let revocations = RevocationWorker {
        db: shared.internal_db.clone(),
        revocations: Arc::clone(&shared.revocations),
        clock: module.resolve(),
    };
    // No token is accepted before it is known what was revoked.
    revocations.load().await.context("revocations cannot be read")?;
    let (stopping, closing) = (CancellationToken::new(), Closing::default());
    let dead_tasks = DeadTasks::default();
    let health = Health {
        db: shared.internal_db.clone(),
        posting_loop: shared.posting_loop.clone(),
        cache: module.resolve(),
        bus: module.resolve(),
        freshness: Arc::clone(&shared.freshness),
        relays: Arc::clone(&shared.relays),
        schema: Arc::new(SchemaCheck::new(shared.internal_db.clone())),
        stopping: stopping.clone(),
        dead_tasks: dead_tasks.clone(),
        probes: Probes::default(),
    };
    let dependencies = Dependencies {
        accounts: module.resolve(),
        payments: module.resolve(),
        payouts: module.resolve(),
        callback_verifier: bank.as_ref().map(|bank| Arc::clone(&bank.verifier)),
        identity: module.resolve(),
        users: module.resolve(),
        sessions: module.resolve(),
        health: Arc::new(health),
        metrics,
        service_key: config.service_api_key.as_ref().map(|key| ServiceKey::new(key.expose())),
        limits: Arc::clone(&shared.limits),
        proxies: TrustedProxies::new(config.trusted_proxies.clone()),
        stopping: closing.closed.clone(),
    };
    let endpoints = api::build(dependencies, admin_listener.is_some());
    let connections_max = door::connections_max(config.connections_max, config.database_pool_max as usize);
    let public = door(listener, endpoints.public, connections_max, &closing)?;
    let admin = match (admin_listener, endpoints.admin) {
        (Some(listener), Some(endpoint)) => {
            Some(door(listener, endpoint, ADMIN_CONNECTIONS_MAX.min(connections_max), &closing)?)
        }
        _ => None,
    };
    // The workers outlive the last request, so that its rows are published as well.
    let stop_workers = CancellationToken::new();
    let services = Services {
        bus: module.resolve(),
        cache: module.resolve(),
        fill: module.resolve(),
        clock: module.resolve(),
        counts: module.resolve(),
        ledger: module.resolve(),
        bank: bank.map(|bank| bank.bank),
        revocations,
    };
    let workers = workers::start(&config, &shared, services, dead_tasks, &stop_workers);
    let served = tokio::spawn(async move {
        tokio::join!(public.run(), async {
            if let Some(admin) = admin {
                admin.run().await;
            }
        });
        stop_workers.cancel();
        workers.join().await;
    });
    Ok(Running {
        address,
        admin_address,
        stopping,
        closing,
        delay: Duration::from_secs(config.shutdown_delay_seconds),
        timeout: Duration::from_secs(config.shutdown_timeout_seconds),
        served,
        posting_loop: shared.posting_loop,
    })
}

impl Running {
    /// Waits until the posting loop has died, without which the service cannot continue.
    async fn died(&self) {
        self.posting_loop.died().await;
    }

    /// Reports not ready, stops accepting connections after the delay, answers every request that was read, publishes the
    /// committed rows, and ends.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stopping.cancel();
        self.closing.announced.cancel();
        sleep(self.delay).await;
        self.closing.closed.cancel();
        let mut served = self.served;
        if timeout(self.timeout, &mut served).await.is_err() {
            warn!("SHUTDOWN_TIMEOUT is over: all connections are closed");
            self.closing.abandoned.cancel();
            served.await?;
        }
        Ok(())
    }
}

/// The API, as a door serves it.
#[derive(Clone)]
struct Served {
    endpoint: Arc<BoxEndpoint<'static, Response>>,
    local: SocketAddr,
}

impl Answering for Served {
    type Body = BoxBody<Bytes, std::io::Error>;

    async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        peer: SocketAddr,
    ) -> hyper::Response<Self::Body> {
        let (local, peer) = (LocalAddr(self.local.into()), RemoteAddr(peer.into()));
        self.endpoint.get_response((request, local, peer, Scheme::HTTP).into()).await.into()
    }
}

fn door(
    listener: TcpListener,
    endpoint: BoxEndpoint<'static, Response>,
    connections_max: usize,
    closing: &Closing,
) -> anyhow::Result<Door<Served>> {
    let served = Served { endpoint: Arc::new(endpoint), local: listener.local_addr()? };
    let listener = tokio::net::TcpListener::from_std(listener)?;
    Ok(Door::new(listener, served, Limits::with_connections(connections_max), closing.clone()))
}
